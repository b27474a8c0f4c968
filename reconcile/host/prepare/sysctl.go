//go:build linux

package prepare

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// sysctlFile says the settings at boot. Files are read in the order of their names, and Debian's
// 99-sysctl.conf must not undo it.
const sysctlFile = "/etc/sysctl.d/99-zz-reconciler.conf"

// sysctls finds the settings that the kernel does not have, or would not have after a reboot.
func sysctls(_ context.Context, want *spec.Preparation) ([]difference, error) {
	needed := neededSettings(want)
	if len(needed) == 0 {
		return nil, nil
	}
	text, err := owned(sysctlFile)
	if err != nil {
		return nil, err
	}
	atBoot := parseSettings(text)
	var out []difference
	for _, path := range slices.Sorted(maps.Keys(needed)) {
		value := needed[path]
		change := plan.HostChange{What: "sysctl " + spec.SysctlKey(path), New: value}
		now, err := os.ReadFile(filepath.Join("/proc/sys", path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			change.Refused = "the kernel of this host has no such setting (is a module missing?)"
			out = append(out, difference{change: change})
			continue
		case err != nil:
			return nil, err
		case !sameValue(string(now), value):
			change.Old = strings.Join(strings.Fields(string(now)), " ")
		case !sameValue(atBoot[path], value):
			change.Old = "not after a reboot"
		default:
			continue
		}
		out = append(out, difference{change, func(context.Context) error {
			return setSysctl(path, value)
		}})
	}
	return out, nil
}

// setSysctl sets one of the kernel's settings, for the next boot first. The others of our file
// stay as they are, also those that are not declared any more.
func setSysctl(path, value string) error {
	text, err := owned(sysctlFile)
	if err != nil {
		return err
	}
	atBoot := parseSettings(text)
	if !sameValue(atBoot[path], value) {
		atBoot[path] = value
		if err := write(sysctlFile, settingsText(atBoot), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join("/proc/sys", path), []byte(value+"\n"), 0)
}
