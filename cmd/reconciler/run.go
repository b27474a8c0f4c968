package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
)

func newRun(a *app) *cobra.Command {
	var once bool
	var allow []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Make the hosts what the tree says",
		Long: `Read the tree, look at the hosts, and do what "plan" shows. A second run finds
nothing to do and writes nothing.

` + exitText,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !once {
				return hinted{errors.New("cannot run as a daemon yet"),
					"say run --once, from cron or a systemd timer"}
			}
			return runOnce(cmd, a, allow)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "make one pass and end")
	addAllow(cmd, &allow)
	return cmd
}

func runOnce(cmd *cobra.Command, a *app, allow []string) error {
	if os.Getuid() != 0 {
		return hinted{errors.New("cannot change containers without being root"),
			`run it as root; "plan" and "validate" work without where they may read`}
	}
	var progress *report.Progress
	walk := func(
		ctx context.Context, d reconcile.Declaration, o reconcile.Options,
	) (reconcile.Pass, error) {
		o.Observer = func(p plan.Plan) execute.Observer {
			progress = newProgress(a.err, len(p.Steps))
			return progress
		}
		return reconcile.Run(ctx, d, o)
	}
	a.writes = true
	pass, err := a.pass(cmd.Context(), allow, walk)
	if progress != nil {
		progress.Close()
	}
	if err != nil {
		return err
	}
	return writeResult(a, pass)
}

// writeResult reports what was done, or the plan where there was nothing to do.
func writeResult(a *app, pass reconcile.Pass) error {
	if pass.Result == nil {
		if err := writePlan(a, pass); err != nil {
			return err
		}
	} else if err := a.write(
		func(w io.Writer, t report.TextOptions) error {
			return report.ResultText(w, *pass.Result, pass.Plan, t)
		},
		func(w io.Writer) error {
			return report.ResultJSON(w, *pass.Result, pass.Plan, meta(a, pass))
		}); err != nil {
		return err
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != exitDone {
		return exitCode(code)
	}
	return nil
}
