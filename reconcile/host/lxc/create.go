//go:build linux && cgo

package lxc

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
)

// create lets a template script of LXC make the container.
func (h *Host) create(ctx context.Context, s plan.Step, st staging) (string, error) {
	if err := checkTemplate(s.Want.Image); err != nil {
		return "", permanent(err)
	}
	if backing := s.Want.Backing; backing != "" && backing != "dir" && backing != "overlayfs" {
		return "", permanent(fmt.Errorf("this host has no backing %q", backing))
	}
	log := filepath.Join(st.lxcpath, logName)
	args := []string{
		"-P", st.lxcpath, "-n", s.Container, "-t", s.Want.Image, "-B", "dir",
		"-o", log, "-l", "WARN",
	}
	if options := templateOptions(s.Want.Options); len(options) > 0 {
		args = append(append(args, "--"), options...)
	}
	err := child{program: "lxc-create", args: args, log: log}.run(ctx)
	if err != nil {
		return "", err
	}
	return "Container created", nil
}

// templateOptions returns the arguments for a template script: sorted, a single letter with one
// dash, an empty value as a mere switch.
func templateOptions(options map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(options)) {
		dashes := "--"
		if len(key) == 1 {
			dashes = "-"
		}
		out = append(out, dashes+key)
		if value := options[key]; value != "" {
			out = append(out, value)
		}
	}
	return out
}

// templateDirs is where distributions put the template scripts.
func templateDirs() []string {
	return []string{"/usr/share/lxc/templates", "/usr/local/share/lxc/templates"}
}

// checkTemplate makes sure that a template script is installed.
func checkTemplate(image string) error {
	var candidates []string
	if filepath.IsAbs(image) {
		candidates = []string{image}
	} else if image != "" && !strings.ContainsAny(image, "/\x00") {
		for _, dir := range templateDirs() {
			candidates = append(candidates, filepath.Join(dir, "lxc-"+image))
		}
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	return fmt.Errorf("the LXC template %q is not installed", image)
}
