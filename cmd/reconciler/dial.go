package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"reconciler/reconcile"
	"reconciler/reconcile/host/remote"
	"reconciler/spec"
)

// dialer connects to hosts.
type dialer struct {
	log       *slog.Logger
	program   *remote.Program // delivered to the hosts that are reached through ssh
	sshConfig string          // empty: the user's
	mayChange bool            // this machine; else only others

	// mayPrepare lets a host without LXC be reached even if the tree does not declare prepare for
	// it.
	mayPrepare bool
}

func newDialer(a *app, log *slog.Logger) dialer {
	return dialer{log: log, program: remote.Self(), sshConfig: a.sshConfig,
		mayChange: !a.writes || os.Getuid() == 0}
}

// checkSSHConfig refuses a file that ssh could not read, before the state is opened: each host
// would seem to be unreachable. "none" is what ssh takes for no file.
func (a *app) checkSSHConfig() error {
	path := a.sshConfig
	if path == "" || path == "none" {
		return nil
	}
	f, err := os.Open(path)
	if err == nil {
		var info os.FileInfo
		info, err = f.Stat()
		if err == nil && info.IsDir() {
			err = errors.New("is a directory")
		}
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return hinted{fmt.Errorf("cannot use --ssh-config %q: %w", path, fileError(err)),
			"name a file that can be read, or leave it out: ssh then uses that of the user"}
	}
	return nil
}

func (d dialer) dial(
	ctx context.Context, h *spec.Host, installation string,
) (reconcile.Host, error) {
	if h.Connect == "local" {
		if !d.mayChange {
			return nil, notRoot(h.Name)
		}
		host, err := openLocal(h.Name, h.LXCPath, installation, d.log)
		if err != nil {
			return nil, err
		}
		return host, nil
	}
	if h.Prepare == nil && !d.mayPrepare {
		host, err := remote.Dial(ctx, d.options(h, installation))
		if err != nil {
			return nil, err
		}
		return host, nil
	}
	host, bare, err := remote.Reach(ctx, d.options(h, installation))
	switch {
	case err != nil:
		return nil, err
	case bare != nil:
		return bare, nil
	}
	return host, nil
}

// options say how ssh reaches a host.
func (d dialer) options(h *spec.Host, installation string) remote.Options {
	o := remote.Options{
		Address: h.Connect,
		Target:  remote.Target{Host: h.Name, LXCPath: h.LXCPath, Installation: installation},
		Version: version(),
		Program: d.program,
		Command: h.Agent,
		Log:     d.log,

		SSHConfig: d.sshConfig,
	}
	if h.Gateway != nil {
		o.Gateway = &remote.Gateway{Host: h.Gateway.Host, User: h.Gateway.User,
			Port: h.Gateway.Port, KeyFile: h.Gateway.KeyFile}
	}
	return o
}
