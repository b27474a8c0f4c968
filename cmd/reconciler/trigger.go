package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"reconciler/reconcile/loop"
	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
)

func newTrigger(a *app) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "trigger",
		Short: "Have the running daemon make a pass now",
		Long: `Have the running daemon make a pass now. What has failed before is tried again at
once. With --wait the exit code is that of "run --once".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.trigger(cmd.Context(), wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the pass has ended, and say how")
	return cmd
}

// controlSocket is where the daemon listens to the command line: beside its state.
func (a *app) controlSocket() (string, error) {
	path, err := statePath(a.state)
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(path), "control.sock"), nil
}

// wakeDaemon has a running daemon see at once what was written to the state. It need not run.
func (a *app) wakeDaemon(ctx context.Context) {
	err := a.trigger(ctx, false)
	if err != nil && !errors.Is(err, web.ErrNotRunning) {
		fmt.Fprintf(a.err, "the daemon was not told: %v\n", err)
	}
}

// trigger wakes the daemon, and with wait reports the pass.
func (a *app) trigger(ctx context.Context, wait bool) error {
	socket, err := a.controlSocket()
	if err != nil {
		return err
	}
	pass, err := web.NewClient(socket).Trigger(ctx, wait)
	if errors.Is(err, web.ErrNotRunning) {
		return hinted{err, `start it with "reconciler run", or make a pass with "run --once"`}
	}
	if err != nil || pass == nil {
		return err
	}
	a.printPass(pass)
	code := map[string]int{loop.Success: exitDone, loop.Blocked: report.ExitBlocked,
		loop.Unreachable: report.ExitUnreachable}
	if c, known := code[pass.Result]; known && pass.SourceError == "" {
		if c == exitDone {
			return nil
		}
		return exitCode(c)
	}
	return exitCode(exitFailed)
}

// printPass says how a pass ended, and what went wrong in it.
func (a *app) printPass(pass *web.Pass) {
	of := ""
	if pass.Revision != "" {
		of = " of " + pass.Revision
	}
	fmt.Fprintf(a.out, "Pass %s%s: %s.\n", pass.ID, of, pass.Result)
	if pass.SourceError != "" {
		fmt.Fprintf(a.out, "That is not the present tree: %s\n", pass.SourceError)
	}
	if pass.Error != "" {
		fmt.Fprintln(a.out, pass.Error)
	}
	for _, f := range pass.Failed {
		fmt.Fprintf(a.out, "%s/%s: %s\n", f.Host, f.Container, f.Error)
	}
	if pass.Result != loop.Success {
		fmt.Fprintln(a.out, `What is blocked, unknown or left to do is in "reconciler plan".`)
	}
}
