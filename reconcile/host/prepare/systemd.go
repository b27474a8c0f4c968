//go:build linux

package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const unitDir = "/etc/systemd/system"

// unit is a service of ours.
type unit struct {
	name string
	text string // as it shall be; empty: it shall not be there
	old  string // as it is; empty: it is not there
}

// loadUnit reads a unit of ours.
func loadUnit(name, text string) (unit, error) {
	old, err := owned(filepath.Join(unitDir, name))
	return unit{name, text, old}, err
}

// isKept reports whether the unit is on disk as it shall be, so that it is the same after a reboot.
func (u unit) isKept() bool {
	if u.old != u.text || u.text == "" {
		return u.old == u.text
	}
	for _, target := range u.wantedBy() {
		link := filepath.Join(unitDir, target+".wants", u.name)
		if _, err := os.Readlink(link); err != nil {
			return false
		}
	}
	return true
}

func (u unit) wantedBy() []string {
	for line := range strings.Lines(u.text) {
		if targets, found := strings.CutPrefix(line, "WantedBy="); found {
			return strings.Fields(targets)
		}
	}
	return nil
}

// put makes the unit what it shall be, on disk and now. It is stopped before it is changed: a
// server must not go on with old arguments under a new file, which nobody would notice.
func (u unit) put(ctx context.Context) error {
	if u.text == "" {
		return u.remove(ctx)
	}
	path := filepath.Join(unitDir, u.name)
	if u.old != u.text {
		if u.old != "" {
			if _, err := run(ctx, "systemctl", "stop", u.name); err != nil {
				return err
			}
		}
		if err := write(path, u.text, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"daemon-reload"}, {"reenable", u.name}, {"restart", u.name},
	} {
		if _, err := run(ctx, "systemctl", args...); err != nil {
			return u.explain(ctx, err)
		}
	}
	return nil
}

// explain adds what the unit said to an error.
func (u unit) explain(ctx context.Context, err error) error {
	said := ask(ctx, "journalctl", "-u", u.name, "-n", "10", "-o", "cat", "--no-pager")
	if said == "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, said)
}

// remove stops a unit of ours and takes it away.
func (u unit) remove(ctx context.Context) error {
	if _, err := run(ctx, "systemctl", "disable", "--now", u.name); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(unitDir, u.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = run(ctx, "systemctl", "daemon-reload")
	return err
}

// isActive reports whether a unit runs.
func isActive(ctx context.Context, name string) bool {
	_, err := run(ctx, "systemctl", "is-active", "--quiet", name)
	return err == nil
}

// hasSystemd reports whether this machine was booted with systemd, as sd_booted(3) does.
func hasSystemd() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}
