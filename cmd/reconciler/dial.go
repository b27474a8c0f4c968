package main

import (
	"context"
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

	// mayPrepare lets hosts without LXC be reached that nothing declares to be prepared.
	mayPrepare bool
}

func newDialer(a *app, log *slog.Logger) dialer {
	return dialer{log: log, program: remote.Self(), sshConfig: a.sshConfig,
		mayChange: !a.writes || os.Getuid() == 0}
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
