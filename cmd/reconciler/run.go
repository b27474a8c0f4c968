package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/metrics"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
)

func newRun(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Make the hosts what the tree says, and keep them so",
		Long: `Read the tree, look at the hosts, and do what "plan" shows. With --once that is all,
and a second run finds nothing to do and writes nothing. Without it the program goes on: it makes
a pass when a file or the repository changes, when a container ends, when a webhook, "trigger" or
SIGHUP asks for it, and at the latest after --interval. Containers outlive it.

` + exitText,
		Example: `  reconciler run --once --source tree
  reconciler run --once --source tree --allow-destroy host1.example.com/old.example.com
  reconciler run --source git@git.example.com:ops/containers.git --ref main    # and stay`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.once {
				return runOnce(cmd.Context(), a)
			}
			if err := a.checkDaemon(); err != nil {
				return err
			}
			return runDaemon(cmd.Context(), a)
		},
	}
	a.runFlags.add(cmd.Flags())
	return cmd
}

// runFlags are those of "run".
type runFlags struct {
	daemonFlags
	once        bool
	allow       []string
	metricsFile string
}

func (r *runFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&r.once, "once", false, "make one pass and end")
	flags.StringVar(&r.metricsFile, "metrics-file", "",
		"with --once: write metrics here, for the textfile collector of node_exporter")
	addAllow(flags, &r.allow)
	r.daemonFlags.add(flags)
}

// check refuses what cannot go together.
func (r *runFlags) check() error {
	if r.metricsFile != "" && !r.once {
		return hinted{errors.New("cannot use --metrics-file without --once"),
			"the daemon serves its metrics at --listen"}
	}
	return r.daemonFlags.check()
}

// checkDaemon refuses what is meant for one pass: it would hold for ever.
func (a *app) checkDaemon() error {
	if len(a.allow) > 0 {
		return hinted{errors.New("cannot use --allow-destroy without --once"),
			"make one pass with it: run --once --allow-destroy …; the daemon may run meanwhile"}
	}
	if len(a.only) > 0 {
		return hinted{errors.New("cannot use --only without --once"),
			"say --host for the hosts of this daemon, or suspend what it shall leave alone"}
	}
	return nil
}

// runOnce makes one pass, and says how it went in a file of metrics if one is asked for.
func runOnce(ctx context.Context, a *app) error {
	began := time.Now()
	var m *metrics.Metrics
	var watching []execute.Observer
	if a.metricsFile != "" {
		m = metrics.New(version())
		watching = append(watching, m)
	}
	pass, err := runPass(ctx, a, nil, watching...)
	if m != nil {
		m.Once(loop.Report{Reasons: []string{"once"}, Began: began, Ended: time.Now(),
			Pass: pass, Err: err})
		if fileErr := m.WriteFile(a.metricsFile); fileErr != nil {
			return errors.Join(err, fileErr)
		}
	}
	if err != nil {
		return err
	}
	return writeResult(a, pass)
}

// runPass makes a pass that changes hosts, and tells those who are watching of it. approve may be
// nil; see reconcile.Options.
func runPass(
	ctx context.Context, a *app, approve func(reconcile.Pass) error, watching ...execute.Observer,
) (reconcile.Pass, error) {
	var progress *report.Progress
	walk := func(
		ctx context.Context, d reconcile.Declaration, o reconcile.Options,
	) (reconcile.Pass, error) {
		o.Approve = approve
		o.Observer = func(p plan.Plan) execute.Observer {
			progress = newProgress(a.err, len(p.Steps))
			return append(observers{progress}, watching...)
		}
		return reconcile.Run(ctx, d, o)
	}
	a.writes = true
	pass, err := a.pass(ctx, a.allow, walk)
	if progress != nil {
		progress.Close()
	}
	return pass, err
}

// writeResult reports what was done, which may be nothing.
func writeResult(a *app, pass reconcile.Pass) error {
	var result execute.Result
	if pass.Result != nil {
		result = *pass.Result
	}
	if err := a.write(
		func(w io.Writer, t report.TextOptions) error {
			t.Hosts, t.Meta = len(pass.Observed), meta(a, pass)
			return report.ResultText(w, result, pass.Plan, t)
		},
		func(w io.Writer) error {
			return report.ResultJSON(w, result, pass.Plan, meta(a, pass))
		}); err != nil {
		return err
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != exitDone {
		return exitCode(code)
	}
	return nil
}

// observers are told of progress one after the other.
type observers []execute.Observer

// Observe implements execute.Observer.
func (o observers) Observe(e execute.Event) {
	for _, next := range o {
		next.Observe(e)
	}
}
