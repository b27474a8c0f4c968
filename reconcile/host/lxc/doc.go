// Package lxc is the driver for one host that runs containers with liblxc, on this machine.
//
// It promises that an observation is complete or an error; that every step is idempotent and may
// be repeated after a kill at any point; that a container appears under its name only when it is
// whole and carries our mark; that nothing outside a container's own directory is ever removed;
// and that only containers that carry the mark of the step are touched, inside only if their root
// file system is their own. It never crosses a mount point or follows a link when it removes
// something, never starts a container without its own root file system, never runs rsync or a
// template script in this process (liblxc hangs there), and never puts a secret into an argument
// list or a log.
//
// liblxc is reached through cgo; in builds without it New returns an error.
package lxc

import (
	"log/slog"
	"time"
)

// Options say which host a driver works on.
type Options struct {
	Host         string       // required: its name in the tree, part of the mark
	LXCPath      string       // required: absolute directory of the containers
	Installation string       // identity of the state store; without it only Observe works
	Log          *slog.Logger // optional

	// Launcher runs Launch on its standard input and output: the path of a program, then its
	// arguments, the zeroth among them. Without it no container can be started.
	Launcher []string
	// Grace is how long a guest may take to halt before it is killed; zero means 30 seconds.
	Grace time.Duration
	// Wait is how long a guest may take to have its address; zero means 30 seconds.
	Wait time.Duration
}

// workDir is the directory below the lxcpath in which containers are made and removed, each below
// its uid, with the lock and the file that says that this lxcpath is known. It is root's alone.
// lxc-ls does not list it, since it has no configuration.
const workDir = ".reconciler"
