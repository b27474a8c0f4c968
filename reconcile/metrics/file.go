package metrics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/prometheus/common/expfmt"
)

const lastSuccess = "reconciler_last_success_timestamp_seconds"

// WriteFile writes the metrics for the textfile collector of node_exporter, which reads files
// named *.prom and nothing else. The file is complete at every moment, and 0644. It has nothing of
// the Go runtime and the process, since node_exporter says that of itself and refuses it twice.
//
// When no pass has succeeded yet, the time of the last success stays what it is in the file:
// between two runs nothing else remembers it.
func (m *Metrics) WriteFile(path string) error {
	if filepath.Ext(path) != ".prom" {
		return fmt.Errorf("cannot write metrics file %q: its name does not end in .prom", path)
	}
	text, err := m.text(readSuccess(path))
	if err != nil {
		return fmt.Errorf("cannot write metrics file %q: %w", path, err)
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("cannot write metrics file %q: %w", path, reason(err))
	}
	return nil
}

// replace is renameio.WriteFile without its care for the mode of the old file.
func replace(path string, text []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// text is what stands in a file.
func (m *Metrics) text(success float64) ([]byte, error) {
	families, err := m.own.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if f.GetName() == lastSuccess && f.GetMetric()[0].GetGauge().GetValue() == 0 {
			f.GetMetric()[0].GetGauge().Value = &success
		}
		if err := e.Encode(f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// readSuccess returns the time of the last success from a file that was written before, or 0.
func readSuccess(path string) float64 {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), lastSuccess+" "); ok {
			if t, err := strconv.ParseFloat(text, 64); err == nil && t > 0 && !math.IsInf(t, 0) {
				return t
			}
		}
	}
	return 0
}

// reason is an error without the path, which the message names already.
func reason(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
