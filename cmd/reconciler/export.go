package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"reconciler/reconcile"
)

func newStateExport(a *app) *cobra.Command {
	var observed bool
	cmd := &cobra.Command{
		Use:   "export --observed [FILE]",
		Short: "Write what plan --observed needs where neither hosts nor state can be reached",
		Long: `Write the records and what the last run saw on each host, as JSON, to FILE or the
standard output. It holds no password, sealed or not, and of the configuration files on the hosts
no value that the tree did not declare. Names and addresses are in it.`,
		Example: `  reconciler state export --observed hosts.json
  reconciler plan --observed hosts.json --source tree      # elsewhere`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !observed {
				return hinted{errors.New("cannot export: it is not said what"), "say --observed"}
			}
			return runStateExport(cmd.Context(), a, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&observed, "observed", false, "the records and the hosts as seen last")
	flags.Lookup("observed").Annotations = map[string][]string{typed: nil}
	return cmd
}

func runStateExport(ctx context.Context, a *app, args []string) error {
	session, err := openSession(ctx, a)
	if err != nil {
		return err
	}
	defer session.close()
	recorded, err := reconcile.ReadRecorded(ctx, session.store)
	if err != nil {
		return err
	}
	if recorded.State.Installation == "" {
		return a.noState("export what was observed")
	}
	if len(args) == 0 {
		return reconcile.Export(a.out, recorded)
	}
	return exportTo(args[0], recorded)
}

// exportTo writes the file completely or not at all.
func exportTo(path string, r reconcile.Recorded) (err error) {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("cannot write the export: %w", err)
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if err := reconcile.Export(f, r); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
