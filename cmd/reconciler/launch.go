package main

import (
	"github.com/spf13/cobra"

	"reconciler/reconcile/host/lxc"
)

// newLaunch is the command that this program runs to start containers: the processes of
// containers are then children of a small process that knows no secrets.
func newLaunch(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "launch",
		Short:  "Start containers as asked on standard input (used by reconciler itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		// It takes no settings, so a bad environment or configuration file is none of its business.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(*cobra.Command, []string) error {
			return lxc.Launch(a.in, a.out)
		},
	}
}
