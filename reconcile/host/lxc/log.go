//go:build linux && cgo

package lxc

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	golxc "github.com/lxc/go-lxc"
)

// logName is the file in a container's directory to which liblxc says why it failed.
const logName = "reconciler.log"

// logOf returns the file to which liblxc says why a container did not start.
func (c container) logOf() string { return filepath.Join(c.dir, logName) }

// logTo makes liblxc write what concerns this container to a fresh private file.
func logTo(object *golxc.Container, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// The warnings of the cleaning up would push the reason out of the tail.
	if err := object.SetLogLevel(golxc.ERROR); err != nil {
		return err
	}
	return object.SetLogFile(path)
}

// lineForm is a line of liblxc: program, container, time, level, part, place in its source, and
// what it has to say.
var lineForm = regexp.MustCompile(`(?m)^\S+ \S+ [0-9]{14}\.[0-9]{3} +[A-Z]+ +\S+ - \S+ - `)

// logTail returns what the last lines of a log say, or "". It is the same for two tries that fail
// alike: when that was, and where in liblxc, stays in the file.
func logTail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	whole := true
	if info, err := f.Stat(); err == nil && info.Size() > tailSize {
		_, err = f.Seek(-tailSize, io.SeekEnd)
		whole = err != nil
	}
	text, err := io.ReadAll(io.LimitReader(f, tailSize))
	if err != nil {
		return ""
	}
	out := strings.ToValidUTF8(string(text), "?")
	if _, rest, found := strings.Cut(out, "\n"); found && !whole {
		out = rest
	}
	return strings.TrimSpace(lineForm.ReplaceAllString(out, ""))
}
