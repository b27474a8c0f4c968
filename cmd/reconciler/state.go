package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reconciler/reconcile/report"
	"reconciler/state"
)

func newState(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Look at what is remembered of the containers, export or forget it",
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "list",
			Short: "List all records",
			Args:  cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return runStateList(cmd.Context(), a)
			},
		},
		&cobra.Command{
			Use:     "show HOST CONTAINER",
			Short:   "Show one record; the password stays sealed",
			Example: "  reconciler state show host1.example.com web1.example.com",
			Args:    oneContainer,
			RunE: func(cmd *cobra.Command, args []string) error {
				return runStateShow(cmd.Context(), a, args)
			},
		},
		newStateExport(a), newStateForget(a),
	)
	return cmd
}

func runStateList(ctx context.Context, a *app) error {
	snapshot, err := a.load(ctx)
	if err != nil {
		return err
	}
	a.noteState()
	list := report.Records{Installation: snapshot.Installation, Serial: snapshot.Serial}
	for i := range snapshot.Records {
		if r := &snapshot.Records[i]; a.isAbout(r.Host, r.Name) {
			list.Records = append(list.Records, recordRow(r))
		}
	}
	return a.write(list.Text, list.JSON)
}

func runStateShow(ctx context.Context, a *app, args []string) error {
	session, err := openSession(ctx, a)
	if err != nil {
		return err
	}
	defer session.close()
	record, found, err := session.record(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	if !found && !a.hasState() {
		return a.noState(fmt.Sprintf("show the record of %s/%s", args[0], args[1]))
	}
	if !found {
		return a.noRecord(ctx, "the record", args)
	}
	row := recordRow(&record)
	return a.write(row.Text, row.JSON)
}

func recordRow(r *state.Record) report.RecordRow {
	row := report.RecordRow{
		UID: r.UID, Host: r.Host, Name: r.Name, Template: r.Template, Network: r.Network,
		MAC: r.MAC, Password: r.Password != nil, Protect: r.Protect, Applied: r.Applied,
		Intent: r.Intent, Failure: r.Failure, Created: r.Created, Updated: r.Updated,
	}
	if r.IP.IsValid() {
		row.IP = r.IP.String()
	}
	return row
}
