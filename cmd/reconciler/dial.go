package main

import (
	"context"
	"log/slog"

	"reconciler/reconcile"
	"reconciler/reconcile/host/remote"
	"reconciler/spec"
)

// dialer connects to hosts.
type dialer struct {
	log     *slog.Logger
	program *remote.Program // delivered to the hosts that are reached through ssh
}

func newDialer(log *slog.Logger) dialer { return dialer{log: log, program: remote.Self()} }

func (d dialer) dial(
	ctx context.Context, h *spec.Host, installation string,
) (reconcile.Host, error) {
	if h.Connect == "local" {
		host, err := openLocal(h.Name, h.LXCPath, installation, d.log)
		if err != nil {
			return nil, err
		}
		return host, nil
	}
	o := remote.Options{
		Address: h.Connect,
		Target:  remote.Target{Host: h.Name, LXCPath: h.LXCPath, Installation: installation},
		Version: version(),
		Program: d.program,
		Command: h.Agent,
		Log:     d.log,
	}
	if h.Gateway != nil {
		o.Gateway = &remote.Gateway{Host: h.Gateway.Host, User: h.Gateway.User,
			Port: h.Gateway.Port, KeyFile: h.Gateway.KeyFile}
	}
	host, err := remote.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	return host, nil
}
