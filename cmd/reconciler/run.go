package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
)

func newRun(o *options, s streams) *cobra.Command {
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
			return runOnce(cmd, o, s, allow)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "make one pass and end")
	addAllow(cmd, &allow)
	return cmd
}

func runOnce(cmd *cobra.Command, o *options, s streams, allow []string) error {
	if err := checkOutput(o); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return hinted{errors.New("cannot change containers without being root"),
			`run it as root; "plan" and "validate" work without where they may read`}
	}
	allowances, err := parseAllow(allow)
	if err != nil {
		return err
	}
	declared, err := fetch(cmd.Context(), o)
	if err != nil {
		return err
	}
	session, err := openSession(cmd.Context(), o, s, true)
	if err != nil {
		return err
	}
	defer session.close()
	options, err := session.reconcileOptions()
	if err != nil {
		return err
	}
	options.Allow = allowances
	var progress *report.Progress
	options.Observer = func(p plan.Plan) execute.Observer {
		progress = newProgress(s.err, len(p.Steps))
		return progress
	}
	pass, err := reconcile.Run(cmd.Context(), declared, options)
	if progress != nil {
		progress.Close()
	}
	if err != nil {
		return err
	}
	return writeResult(o, s, pass)
}

// writeResult reports what was done, or the plan where there was nothing to do.
func writeResult(o *options, s streams, pass reconcile.Pass) error {
	if pass.Result == nil {
		if err := writePlan(o, s, pass); err != nil {
			return err
		}
	} else if err := write(o, s,
		func(w io.Writer, t report.TextOptions) error {
			return report.ResultText(w, *pass.Result, pass.Plan, t)
		},
		func(w io.Writer) error {
			return report.ResultJSON(w, *pass.Result, pass.Plan, meta(o, pass))
		}); err != nil {
		return err
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != exitDone {
		return exitCode(code)
	}
	return nil
}

func addAllow(cmd *cobra.Command, allow *[]string) {
	cmd.Flags().StringSliceVar(allow, "allow-destroy", nil,
		"let destroys through the guard: HOST/CONTAINER, or how many on each host (repeatable)")
}

func parseAllow(values []string) ([]plan.Allowance, error) {
	allow := make([]plan.Allowance, 0, len(values))
	for _, v := range values {
		if n, err := strconv.Atoi(v); err == nil && n > 0 {
			allow = append(allow, plan.Allowance{Count: n})
			continue
		}
		host, container, ok := strings.Cut(v, "/")
		if !ok || host == "" || container == "" {
			return nil, fmt.Errorf(
				"cannot use --allow-destroy %q: it is neither HOST/CONTAINER nor a number above 0", v)
		}
		allow = append(allow, plan.Allowance{Host: host, Container: container})
	}
	return allow, nil
}
