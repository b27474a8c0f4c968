package main

import (
	"errors"

	"github.com/spf13/cobra"

	"reconciler/reconcile/report"
	"reconciler/spec"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the tree; touch no host",
		Long: `Read the whole tree and name every problem in it, each with file and line.
Nothing but the source is read: no host, no state.`,
		Example: `  reconciler validate --source tree
  reconciler validate --source git@git.example.com:ops/containers.git --ref topic`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runValidate(cmd, a)
		},
	}
}

func runValidate(cmd *cobra.Command, a *app) error {
	declared, err := fetch(cmd.Context(), a)
	var problems spec.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	v := report.Validation{Problems: problems}
	if tree := declared.Tree; tree != nil {
		v.Warnings = tree.Warnings
		v.Hosts = len(tree.Hosts)
		for _, h := range tree.Hosts {
			v.Containers += len(h.Containers)
		}
	}
	if err := a.write(v.Text, v.JSON); err != nil {
		return err
	}
	if len(problems) > 0 {
		return exitCode(exitFailed)
	}
	return nil
}
