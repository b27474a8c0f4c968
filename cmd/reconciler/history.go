package main

import (
	"github.com/spf13/cobra"

	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
)

func newHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "List the last passes that did something, the newest first",
		Long: `List the last passes that changed something, failed, or were the first of a revision, the
newest first. The counts are containers, as in the last line of the report of a run; what has no
column stands in the last one. A pass that was limited with --host or --only has no revision.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			a.noteState()
			rows := report.History(web.HistoryRows(snapshot.Passes))
			return a.write(rows.Text, rows.JSON)
		},
	}
}
