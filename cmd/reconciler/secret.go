package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newSecret(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Show secrets that the state keeps sealed",
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "show HOST CONTAINER",
		Short: "Print the password of a container in clear text",
		Long: `Print the password of a container in clear text. It is opened with the state key
(--state-key). Nothing else shows it.`,
		Example: `  reconciler secret show host1.example.com web1.example.com`,
		Args:    oneContainer,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSecretShow(cmd, a, args)
		},
	})
	return cmd
}

func runSecretShow(cmd *cobra.Command, a *app, args []string) error {
	session, err := openSession(cmd.Context(), a)
	if err != nil {
		return err
	}
	defer session.close()
	record, found, err := session.record(cmd.Context(), args[0], args[1])
	if err != nil {
		return err
	}
	if !found && !a.hasState() {
		return a.noState(fmt.Sprintf("show the password of %s/%s", args[0], args[1]))
	}
	if !found {
		return a.noRecord(cmd.Context(), "the password", args)
	}
	if record.Password == nil {
		return fmt.Errorf("cannot show the password of %s/%s: it has none", args[0], args[1])
	}
	if session.sealer == nil {
		return fmt.Errorf("cannot show the password of %s/%s: the state key %q does not exist",
			args[0], args[1], session.keyPath)
	}
	clear, err := session.sealer.Open(record.UID, record.Password)
	if err != nil {
		return fmt.Errorf("cannot open the sealed password of %s/%s: %w", args[0], args[1], err)
	}
	session.log.Info("password shown", "host", args[0], "container", args[1],
		"by", a.holder().Who)
	_, err = fmt.Fprintln(a.out, clear.Reveal())
	return err
}
