package main

import (
	"io"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
)

func newPlan(o *options, s streams) *cobra.Command {
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
			return runPlan(cmd, o, s, planFlags{detailed: detailed, allow: allow})
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false,
		"exit with 2 if the plan is not empty")
	addAllow(cmd, &allow)
	return cmd
}

type planFlags struct {
	detailed bool
	allow    []string
}

func runPlan(cmd *cobra.Command, o *options, s streams, f planFlags) error {
	if err := checkOutput(o); err != nil {
		return err
	}
	declared, err := fetch(cmd.Context(), o)
	if err != nil {
		return err
	}
	session, err := openSession(cmd.Context(), o, s, false)
	if err != nil {
		return err
	}
	defer session.close()
	options, err := session.reconcileOptions()
	if err != nil {
		return err
	}
	if options.Allow, err = parseAllow(f.allow); err != nil {
		return err
	}
	pass, err := reconcile.Plan(cmd.Context(), declared, options)
	if err != nil {
		return err
	}
	if err := writePlan(o, s, pass); err != nil {
		return err
	}
	if code := report.ExitCode(pass.Plan, nil, f.detailed); code != exitDone {
		return exitCode(code)
	}
	return nil
}

func writePlan(o *options, s streams, pass reconcile.Pass) error {
	return write(o, s,
		func(w io.Writer, t report.TextOptions) error {
			t.Hosts = len(pass.Observed)
			return report.Text(w, pass.Plan, t)
		},
		func(w io.Writer) error { return report.JSON(w, pass.Plan, meta(o, pass)) })
}

func meta(o *options, pass reconcile.Pass) report.Meta {
	return report.Meta{
		Tool: "reconciler " + version(), Source: redactURL(o.source), Revision: pass.Revision,
		Installation: pass.Installation, Serial: pass.Serial, Hosts: pass.HostNames(),
	}
}
