package main

import (
	"io"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
)

func newPlan(a *app) *cobra.Command {
	var detailed bool
	var allow []string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what run would do; change nothing",
		Long: `Read the tree, look at the hosts, and show what "run" would do and why.
Nothing is written: no host, no state; what would be generated is shown as such.

` + exitText,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPlan(cmd, a, planFlags{detailed: detailed, allow: allow})
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false,
		"exit with 2 if the plan is not empty")
	addAllow(cmd.Flags(), &allow)
	return cmd
}

type planFlags struct {
	detailed bool
	allow    []string
}

func runPlan(cmd *cobra.Command, a *app, f planFlags) error {
	pass, err := a.pass(cmd.Context(), f.allow, reconcile.Plan)
	if err != nil {
		return err
	}
	if err := writePlan(a, pass); err != nil {
		return err
	}
	if code := report.ExitCode(pass.Plan, nil, f.detailed); code != exitDone {
		return exitCode(code)
	}
	return nil
}

func writePlan(a *app, pass reconcile.Pass) error {
	return a.write(
		func(w io.Writer, t report.TextOptions) error {
			t.Hosts = len(pass.Observed)
			return report.Text(w, pass.Plan, t)
		},
		func(w io.Writer) error { return report.JSON(w, pass.Plan, meta(a, pass)) })
}

func meta(a *app, pass reconcile.Pass) report.Meta {
	return report.Meta{
		Tool: "reconciler " + version(), Source: redactURL(a.source), Revision: pass.Revision.ID,
		Installation: pass.Installation, Serial: pass.Serial, Hosts: pass.HostNames(),
	}
}
