package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/state"
)

func newShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show HOST CONTAINER",
		Short: "Show every effective setting of a container and where it comes from",
		Long: `Show every effective setting of a container, the generated ones included, with the layer
and the line of the tree that it comes from. The password is masked: see "secret show". What other
layers say, and who brought it, is shown by "explain".`,
		Example: `  reconciler show host1.example.com web1.example.com --source tree`,
		Args:    oneContainer,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runShow(cmd, a, args)
		},
	}
}

func runShow(cmd *cobra.Command, a *app, args []string) error {
	declared, err := fetch(cmd.Context(), a)
	if err != nil {
		return err
	}
	settings, ok := declared.Tree.Settings(args[0], args[1])
	if !ok {
		meant := reconcile.Target{Host: args[0], Container: args[1]}
		return hinted{fmt.Errorf("cannot show %s: the tree does not declare it", meant),
			didYouMean(reconcile.Nearest(meant, declared.Tree, nil), statusKnows)}
	}
	session, err := openSession(cmd.Context(), a)
	if err != nil {
		return err
	}
	defer session.close()
	record, _, err := session.record(cmd.Context(), args[0], args[1])
	if err != nil {
		return err
	}
	shown := report.Settings{Host: args[0], Container: args[1]}
	for _, setting := range settings {
		shown.Settings = append(shown.Settings, report.Setting{
			Key: setting.Key, Value: setting.Value, Layer: setting.Layer,
			Position: setting.Position, Class: setting.Class, Acted: setting.Acted,
		})
	}
	addGenerated(&shown, record)
	return a.write(shown.Text, shown.JSON)
}

// addGenerated adds what the tree leaves to be generated.
func addGenerated(s *report.Settings, r state.Record) {
	address := ""
	if r.IP.IsValid() {
		address = r.IP.String()
	}
	for key, value := range map[string]string{
		"ip": address, "mac": r.MAC, "password": spec.NewSecret(string(r.Password)).String(),
	} {
		declared := func(d report.Setting) bool { return d.Key == key }
		if slices.ContainsFunc(s.Settings, declared) {
			continue
		}
		s.Settings = append(s.Settings, report.Setting{
			Key: key, Value: cmp.Or(value, "(generated in the first run)"), Layer: "generated",
			Class: spec.ClassOf(key), Acted: true,
		})
	}
	slices.SortFunc(s.Settings, func(a, b report.Setting) int { return cmp.Compare(a.Key, b.Key) })
}

// record finds one record; found is false if there is none.
func (s *session) record(
	ctx context.Context, host, name string,
) (r state.Record, found bool, err error) {
	snapshot, err := s.store.Load(ctx)
	if err != nil {
		return r, false, fmt.Errorf("cannot load the state: %w", err)
	}
	for _, r := range snapshot.Records {
		if r.Host == host && r.Name == name {
			return r, true, nil
		}
	}
	return r, false, nil
}
