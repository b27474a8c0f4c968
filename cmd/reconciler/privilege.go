package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"reconciler/reconcile"
	"reconciler/spec"
)

// mayChangeHosts refuses to change containers of this machine without being root, before anything
// is looked at. For other hosts it matters who ssh logs in as, not who we are here.
func (a *app) mayChangeHosts(t *spec.Tree) error {
	if os.Getuid() == 0 {
		return nil
	}
	only, err := parseOnly(a.only)
	if err != nil {
		return err
	}
	limits := reconcile.Options{Hosts: a.hosts, Only: only}
	for _, name := range slices.Sorted(maps.Keys(t.Hosts)) {
		if t.Hosts[name].Connect == "local" && limits.WantsHost(name) {
			return notRoot(name)
		}
	}
	return nil
}

func notRoot(host string) error {
	return hinted{fmt.Errorf("cannot change containers of host %q without being root: it is this "+
		"machine", host), `run it as root, or leave the host out with --host; "plan" and "validate" ` +
		`work without where they may read, and hosts behind ssh need no root here`}
}

// withStateHint says what to do about a state that this user may not use.
func withStateHint(err error, path string) error {
	const readWrite = 4 | 2 // access(2)
	denied := errors.Is(err, fs.ErrPermission) ||
		errors.Is(syscall.Access(path, readWrite), syscall.EACCES)
	if !denied || os.Getuid() == 0 {
		return err
	}
	home, homeErr := os.UserHomeDir()
	if homeErr != nil {
		home = "/home/USER"
	}
	return hinted{err, "this user may not use it: name another one with --state or " +
		"RECONCILER_STATE, such as sqlite://" + filepath.Join(home, ".local/state/reconciler/state.db") +
		"; the key and the git cache lie beside it"}
}
