package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers says which of our own packages each package may import. A package that is missing here
// fails the test, so that a new one gets a place in the architecture. What only tests import does
// not count.
func layers() map[string][]string {
	return map[string][]string{
		"spec":                     {"spec/decrypt/sops"},
		"spec/decrypt":             {"spec"},
		"spec/decrypt/decrypttest": {},
		"spec/decrypt/sops":        {},
		"spec/source":              {"spec", "spec/source/memfs"},
		"spec/source/memfs":        {},
		"spec/source/git":          {"spec", "spec/source/memfs"},
		"spec/source/git/gittest":  {"spec/source/sshtest"},
		"spec/source/sshtest":      {},

		"spec/source/git/signature": {},

		"spec/source/watch":        {"spec"},
		"state":                    {"spec"},
		"state/sqlite":             {"state"},
		"state/statetest":          {"state"},
		"reconcile/plan":           {"spec"},
		"reconcile/resolve":        {"reconcile/plan", "spec", "state"},
		"reconcile/execute":        {"reconcile/plan", "state"},
		"reconcile/report":         {"reconcile/plan", "reconcile/execute", "spec"},
		"reconcile/host/lxc/guest": {},
		"reconcile/host/environ":   {},
		"reconcile/host/lxc": {"reconcile/execute", "reconcile/plan",
			"reconcile/host/environ", "reconcile/host/lxc/guest", "spec"},
		"reconcile/host/apt": {"spec"},
		"reconcile/host/prepare": {"reconcile", "reconcile/host/apt", "reconcile/host/environ",
			"reconcile/plan", "spec"},
		"reconcile/host/remote": {"reconcile/execute", "reconcile/host/apt", "reconcile/plan",
			"spec"},
		"reconcile/host/hosttest": {"reconcile/execute", "reconcile/plan", "spec"},

		"reconcile/host/hosttest/debian": {},

		"reconcile": {"reconcile/execute", "reconcile/plan", "reconcile/report",
			"reconcile/resolve", "spec", "state"},
		"reconcile/loop": {"reconcile", "reconcile/execute", "reconcile/plan", "reconcile/report",
			"spec", "state"},
		"reconcile/metrics": {"reconcile", "reconcile/execute", "reconcile/loop",
			"reconcile/plan", "spec"},
		"reconcile/web": {"reconcile/execute", "reconcile/loop", "reconcile/plan",
			"reconcile/report", "spec", "state"},
	}
}

// bans are what a package must not import, and why.
func bans() map[string]map[string]string {
	pure := map[string]string{
		"context": "a value function cannot be cancelled", "time": "it has no clock",
		"math/rand": "it has no randomness", "math/rand/v2": "it has no randomness",
		"crypto/rand": "it has no randomness", "os": "it does no I/O", "log/slog": "it does not log",
	}
	return map[string]map[string]string{
		"reconcile/plan": pure,
		"reconcile/resolve": {"crypto/rand": "randomness is given to it", "time": "it has no clock",
			"os": "it does no I/O"},
		"spec": {"os": "it reads only the file system that it is given"},
	}
}

type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
}

// TestArchitecture keeps the import directions of the design: stages do not know adapters,
// adapters do not know each other, and only cmd knows all.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	allowed, banned := layers(), bans()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "reconciler/")
		if p.Doc == "" {
			t.Errorf("package %s has no package comment", name)
		}
		if name == "cmd/reconciler" {
			continue
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s has no place in the architecture", name)
		}
		for _, imported := range p.Imports {
			own, ok := strings.CutPrefix(imported, "reconciler/")
			if ok && !slices.Contains(may, own) {
				t.Errorf("package %s must not import %s", name, own)
			}
			if why, ok := banned[name][imported]; ok {
				t.Errorf("package %s must not import %s: %s", name, imported, why)
			}
		}
		delete(allowed, name)
	}
	for name := range allowed {
		t.Errorf("the architecture names package %s, which does not exist", name)
	}
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports", "reconciler/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}
