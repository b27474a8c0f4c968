package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reconciler/spec"
)

// explainUsage has every command say what is wrong with its command line, and what is right.
func explainUsage(c *cobra.Command) {
	c.SetFlagErrorFunc(flagError)
	for _, sub := range c.Commands() {
		explainUsage(sub)
	}
	if c.HasSubCommands() && c.HasParent() && !c.Runnable() {
		c.RunE = noSuchCommand
	}
	if accept := c.Args; accept != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := accept(cmd, args)
			if err == nil || errors.As(err, new(hinted)) {
				return err
			}
			return badArguments(cmd, args)
		}
	}
}

// noSuchCommand is what a command does that only has others below it.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return hinted{fmt.Errorf("cannot use %q: %q has no such command", args[0], cmd.CommandPath()),
		didYouMean(spec.Nearest(args[0], names), "it has "+strings.Join(names, ", "))}
}

func badArguments(cmd *cobra.Command, args []string) error {
	use := calling(cmd)
	if len(args) == 0 {
		return hinted{fmt.Errorf("cannot use %q without arguments", cmd.CommandPath()), use}
	}
	if info, err := os.Stat(args[0]); len(args) == 1 && err == nil && info.IsDir() &&
		cmd.Flags().Lookup("source") != nil {
		use += " --source " + args[0]
	}
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = fmt.Sprintf("%q", redactURL(arg))
	}
	return hinted{fmt.Errorf("cannot use %s as arguments of %q", strings.Join(quoted, " "),
		cmd.CommandPath()), use}
}

// checkFilterFlags refuses --host and --only where they would be ignored: "suspend --host H" must
// not suspend everything. In the environment and the configuration file they are meant for other
// commands.
func checkFilterFlags(cmd *cobra.Command) error {
	both := []string{"reconciler plan", "reconciler run", "reconciler apply", "reconciler status",
		"reconciler diff", "reconciler state list"}
	for name, used := range map[string][]string{
		"host": append(both, "reconciler host check", "reconciler host prepare"),
		"only": both,
	} {
		if cmd.Flags().Changed(name) && !slices.Contains(used, cmd.CommandPath()) {
			return hinted{fmt.Errorf("cannot use --%s with %q: it would mean nothing there",
				name, cmd.CommandPath()), calling(cmd)}
		}
	}
	return nil
}

// calling is the hint that says how a command is called.
func calling(cmd *cobra.Command) string {
	return "say " + strings.TrimSuffix(cmd.UseLine(), " [flags]")
}

// flagError says what is wrong with a flag of a command line.
func flagError(cmd *cobra.Command, err error) error {
	help := "see " + cmd.CommandPath() + " --help"
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		near := nearestFlag(cmd.Flags(), name)
		if near != "" {
			near = "--" + near
		}
		return hinted{fmt.Errorf("cannot use --%s: %q has no such flag", name, cmd.CommandPath()),
			didYouMean(near, help)}
	case errors.As(err, &missing):
		return hinted{fmt.Errorf("cannot use --%s: it needs a value", missing.GetSpecifiedName()), help}
	case errors.As(err, &invalid):
		return fmt.Errorf("cannot use --%s: %w", invalid.GetFlag().Name, valueError(err))
	}
	return hinted{fmt.Errorf("cannot use the command line: %w", err), help}
}

// nearestFlag returns the flag that was probably meant.
func nearestFlag(flags *pflag.FlagSet, name string) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return spec.Nearest(name, names)
}

// valueError says what a value of a flag must be. Other errors stay as they are.
func valueError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	must, ok := map[string]string{
		"int":         "a whole number",
		"bool":        "true or false",
		"duration":    "a time such as 30s, 5m or 2h",
		"stringSlice": "a list with commas between its values, and with quotes in pairs",
	}[invalid.GetFlag().Value.Type()]
	if !ok {
		return fmt.Errorf("%q: %w", invalid.GetValue(), invalid.Unwrap())
	}
	return fmt.Errorf("%q is not %s", invalid.GetValue(), must)
}

// fileError is what became of a file, without its path, which whoever reports it names.
func fileError(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
