package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Whoever copies an example from the help must get what it promises, not a mistake in the command
// line; and a command with arguments has one.
func TestExamplesOfTheHelp(t *testing.T) {
	t.Parallel()
	for _, c := range allCommands(newRoot(&app{})) {
		if strings.Contains(c.Use, " ") && c.IsAvailableCommand() && c.Example == "" {
			t.Errorf("%q takes arguments and has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			line, _, _ = strings.Cut(line, " >")
			words := strings.Fields(strings.ReplaceAll(line, `"new disk"`, "disk"))
			if len(words) == 0 || words[0] != "reconciler" {
				t.Errorf("%q is no command line: %q", c.CommandPath(), line)
				continue
			}
			root := newRoot(&app{streams: streams{out: io.Discard, err: io.Discard}})
			cmd, rest, err := root.Find(words[1:])
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.Args != nil {
				err = cmd.Args(cmd, cmd.Flags().Args())
			}
			if err == nil {
				err = checkFilterFlags(cmd)
			}
			if err != nil {
				t.Errorf("the example %q of %q: %v", line, c.CommandPath(), err)
			}
		}
	}
}

func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}
