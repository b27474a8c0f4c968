package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
	"reconciler/state"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show each container: state, address, in sync or not, last failure",
		Long: `Show what is remembered of each container and, if a source is given, how it runs
now and whether it is what the tree says; what is suspended; and how the daemon is, if one runs
on this state.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runStatus(cmd.Context(), a)
		},
	}
}

func runStatus(ctx context.Context, a *app) error {
	var pass reconcile.Pass
	if a.source != "" {
		var err error
		if pass, err = a.pass(ctx, nil, reconcile.Plan); err != nil {
			return err
		}
	}
	snapshot, err := a.load(ctx)
	if err != nil {
		return err
	}
	rows := report.Status{
		Containers:  a.filter(statusRows(pass, snapshot.Records)),
		Suspensions: web.SuspensionRows(snapshot.Suspensions, time.Now()),
		Daemon:      a.daemonRow(ctx),
	}
	if err := a.write(rows.Text, rows.JSON); err != nil {
		return err
	}
	for _, u := range pass.Plan.Unreachable {
		fmt.Fprintf(a.err, "host %s is unreachable: %s\n", u.Host, u.Text)
	}
	if len(pass.Plan.Unreachable) > 0 {
		return exitCode(report.ExitUnreachable)
	}
	return nil
}

// filter leaves out the rows that --host and --only are not about: nothing is known of them.
func (a *app) filter(rows []report.StatusRow) []report.StatusRow {
	return slices.DeleteFunc(rows, func(r report.StatusRow) bool {
		return len(a.hosts) > 0 && !slices.Contains(a.hosts, r.Host) ||
			len(a.only) > 0 && !slices.Contains(a.only, r.Host+"/"+r.Container)
	})
}

// containerKey names a container in the maps below.
type containerKey struct{ host, name string }

// statusRows has a row for each container that is declared, remembered or both.
func statusRows(pass reconcile.Pass, records []state.Record) []report.StatusRow {
	rows := map[containerKey]*report.StatusRow{}
	row := func(host, name string) *report.StatusRow {
		k := containerKey{host, name}
		if rows[k] == nil {
			rows[k] = &report.StatusRow{Host: host, Container: name,
				State: "unknown", InSync: "unknown"}
		}
		return rows[k]
	}
	if pass.Tree != nil {
		for _, h := range pass.Tree.Hosts {
			for name := range h.Containers {
				row(h.Name, name)
			}
		}
	}
	for i := range records {
		r := row(records[i].Host, records[i].Name)
		r.Failure = records[i].Failure
		if records[i].IP.IsValid() {
			r.Address = records[i].IP.String()
		}
	}
	addObserved(pass, rows)
	status := make([]report.StatusRow, 0, len(rows))
	for _, r := range rows {
		status = append(status, *r)
	}
	slices.SortFunc(status, func(a, b report.StatusRow) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return status
}

// addObserved adds what the hosts say now.
func addObserved(pass reconcile.Pass, rows map[containerKey]*report.StatusRow) {
	for host, actual := range pass.Observed {
		for k, r := range rows {
			if k.host == host {
				r.State, r.InSync = "absent", "yes"
			}
		}
		for i := range actual.Containers {
			if r := rows[containerKey{host, actual.Containers[i].Name}]; r != nil {
				r.State = string(actual.Containers[i].State)
			}
		}
	}
	for i := range pass.Plan.Steps {
		s := &pass.Plan.Steps[i]
		if r := rows[containerKey{s.Host, s.Container}]; r != nil {
			r.InSync = "no"
		}
	}
	for i := range pass.Plan.Held {
		h := &pass.Plan.Held[i]
		if r := rows[containerKey{h.Host, h.Container}]; r != nil {
			r.InSync, r.Held = "held", h.Text
		}
	}
	for i := range pass.Plan.Blocked {
		b := &pass.Plan.Blocked[i]
		if r := rows[containerKey{b.Host, b.Container}]; r != nil {
			r.InSync = "no"
			r.Failure = cmp.Or(r.Failure, b.Text)
		}
	}
}

// daemonRow asks the daemon on this state how it is; nil if there is none.
func (a *app) daemonRow(ctx context.Context) *report.DaemonRow {
	socket, err := a.controlSocket()
	if err != nil {
		return nil
	}
	s, err := web.NewClient(socket).Status(ctx)
	if err != nil {
		if !errors.Is(err, web.ErrNotRunning) {
			fmt.Fprintf(a.err, "what the daemon does is not known: %v\n", err)
		}
		return nil
	}
	row := &report.DaemonRow{Started: s.Started, Source: s.Source, Revision: s.Revision.ID,
		Signer: s.Revision.Signer, SourceError: s.SourceError, LastSuccess: s.LastSuccess,
		Busy: s.Busy}
	if s.LastPass != nil {
		row.LastPass, row.LastResult = s.LastPass.Ended, s.LastPass.Result
	}
	return row
}
