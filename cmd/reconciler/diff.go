package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
	"reconciler/spec"
)

func newDiff(a *app) *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "diff REV1 REV2",
		Short: "Compare what two git revisions declare, with all defaults and profiles",
		Long: `Show for every container how its effective settings differ between two revisions of the
source, a git repository or a checkout of one. Nothing else is read: no host, no state.

Exit codes:
  0  compared
  1  failed
  2  only with --detailed-exitcode: they differ`,
		Example: `  reconciler diff v1.2 v1.3 --source git@git.example.com:ops/containers.git
  reconciler diff main~1 main --source . --path deploy`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDiff(cmd.Context(), a, args, detailed)
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if they differ")
	return cmd
}

func runDiff(ctx context.Context, a *app, revisions []string, detailed bool) error {
	past, err := openPast(a)
	if err != nil {
		return err
	}
	before, err := past.declaration(ctx, revisions[0])
	if err != nil {
		return err
	}
	after, err := past.declaration(ctx, revisions[1])
	if err != nil {
		return err
	}
	if len(before.Tree.Hosts)+len(after.Tree.Hosts) == 0 {
		return fmt.Errorf("cannot compare %q with %q: neither has a tree there",
			revisions[0], revisions[1])
	}
	if err := a.checkCompared(before.Tree, after.Tree); err != nil {
		return err
	}
	diff := report.Diff{Old: before.Revision.ID, New: after.Revision.ID,
		Containers: slices.DeleteFunc(spec.Diff(before.Tree, after.Tree),
			func(d spec.Difference) bool { return !a.isAbout(d.Host, d.Container) })}
	if err := a.write(diff.Text, diff.JSON); err != nil {
		return err
	}
	if detailed && len(diff.Containers) > 0 {
		return exitCode(report.ExitNotEmpty)
	}
	return nil
}

// checkCompared refuses to compare what neither tree has: of a misspelled name there would be no
// differences.
func (a *app) checkCompared(trees ...*spec.Tree) error {
	named, err := a.named()
	if err != nil {
		return err
	}
	for _, o := range named {
		if !slices.ContainsFunc(trees, func(t *spec.Tree) bool { return declares(t, o) }) {
			return hinted{fmt.Errorf("cannot compare %q: neither revision has it", o),
				didYouMean(reconcile.Nearest(o, trees[len(trees)-1], nil),
					`"reconciler diff" without it shows all differences`)}
		}
	}
	return nil
}

// declares reports whether a tree has a host, and a container of it if one is named.
func declares(t *spec.Tree, o reconcile.Target) bool {
	host := t.Hosts[o.Host]
	return host != nil && (o.Container == "" || host.Containers[o.Container] != nil)
}
