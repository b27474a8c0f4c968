package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
)

func newPlan(a *app) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what run would do; change nothing",
		Long: `Read the tree, look at the hosts, and show what "run" would do and why.
Nothing is written: no host, no state; what would be generated is shown as such.

Where the hosts cannot be reached, such as for a pull request, --refresh=false and --observed take
what the last run saw of them, and --against shows what the tree changes, with nothing but the
repository. Every plan says which of these it knows.

` + exitText,
		Example: `  reconciler plan --source tree
  reconciler plan --source tree --only host1.example.com/web1.example.com
  reconciler plan --source tree --out-json plan.json      # for "apply"
  reconciler plan --source . --against origin/main        # what a branch changes, without hosts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPlan(cmd, a, f)
		},
	}
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false,
		"exit with 2 if the plan is not empty")
	addAllow(cmd.Flags(), &f.allow)
	f.knowledge.add(cmd.Flags())
	f.sinks.add(cmd.Flags())
	return cmd
}

type planFlags struct {
	sinks
	knowledge
	detailed bool
	allow    []string
}

func runPlan(cmd *cobra.Command, a *app, f planFlags) error {
	pass, err := f.pass(cmd, a, f.allow)
	if err != nil {
		return err
	}
	if a.output == "markdown" {
		err = report.Markdown(a.out, pass.Plan, f.page(a, meta(a, pass), report.BudgetComment))
	} else {
		err = writePlan(a, pass)
	}
	if err := errors.Join(err, f.sinks.write(a, pass.Plan, meta(a, pass))); err != nil {
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
			t.Hosts, t.Meta = len(pass.Observed), meta(a, pass)
			return report.Text(w, pass.Plan, t)
		},
		func(w io.Writer) error { return report.JSON(w, pass.Plan, meta(a, pass)) })
}

func meta(a *app, pass reconcile.Pass) report.Meta {
	return report.Meta{
		Tool: "reconciler " + version(), Source: redactURL(a.source), Revision: pass.Revision.ID,
		Tree: pass.Revision.Tree,
		Ref:  pass.Revision.Ref, Author: pass.Revision.Author, Subject: pass.Revision.Subject,
		Signer:    pass.Revision.Signer,
		Knowledge: pass.Knowledge, ObservedAt: pass.ObservedAt, Base: pass.Base.ID,
		Installation: pass.Installation, Serial: pass.Serial, Hosts: pass.HostNames(),
	}
}
