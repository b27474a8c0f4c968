package main

import (
	"log/slog"

	"reconciler/reconcile"
	"reconciler/reconcile/host/lxc"
	"reconciler/reconcile/host/prepare"
)

// containers is what drives the containers of this machine.
type containers = lxc.Host

// localHost is this machine: its containers, and all that they need of it.
type localHost struct {
	*containers
	reconcile.Preparer
}

// openLocal returns the driver of this machine.
func openLocal(host, lxcpath, installation string, log *slog.Logger) (*localHost, error) {
	driver, err := lxc.New(lxc.Options{
		Host: host, LXCPath: lxcpath, Installation: installation, Log: log,
		// This very program, also after another version took its place on the disk.
		Launcher: []string{"/proc/self/exe", "reconciler", "launch"},
	})
	if err != nil {
		return nil, err
	}
	return &localHost{driver, prepare.New(lxcpath)}, nil
}
