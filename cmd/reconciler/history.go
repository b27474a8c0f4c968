package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reconciler/reconcile/report"
)

func newHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "List the last passes that did something, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runHistory(cmd.Context(), a)
		},
	}
}

func runHistory(ctx context.Context, a *app) error {
	session, err := openSession(ctx, a)
	if err != nil {
		return err
	}
	defer session.close()
	snapshot, err := session.store.Load(ctx)
	if err != nil {
		return fmt.Errorf("cannot load the state: %w", err)
	}
	rows := make(report.History, 0, len(snapshot.Passes))
	for _, p := range snapshot.Passes {
		rows = append(rows, report.HistoryRow{
			ID: p.ID, Source: p.Source, Revision: p.Revision, Ref: p.Ref, Author: p.Author,
			Subject: p.Subject, Signer: p.Signer, Began: p.Began, Ended: p.Ended,
			Created: p.Created, Changed: p.Changed, Destroyed: p.Destroyed, Failed: p.Failed,
			Blocked: p.Blocked, Held: p.Held, Error: p.Error,
		})
	}
	return a.write(rows.Text, rows.JSON)
}
