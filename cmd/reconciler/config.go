package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

const (
	defaultConfig = "/etc/reconciler/config.yaml"
	envPrefix     = "RECONCILER_"
)

// complete fills the flags that the command line does not set: from the environment
// (RECONCILER_LOG_LEVEL for --log-level; empty is unset), then from the configuration file.
func complete(cmd *cobra.Command, env func(string) (string, bool)) error {
	flags := cmd.Flags()
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := env(name)
		if !ok || value == "" || f.Changed || f.Name == "help" || mustBeTyped(f) {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("cannot use %s: %w", name, valueError(err)))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return readConfig(cmd)
}

// misspeltState returns an environment variable that was probably meant to name the state, empty if
// there is none: with the default in its place a run would make a new state, or use another one.
func misspeltState(cmd *cobra.Command, environ []string) string {
	flags := cmd.Flags()
	if flags.Changed("state") {
		return ""
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		name = strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if ours && value != "" && name != "state" && nearestFlag(flags, name) == "state" {
			return envPrefix + rest
		}
	}
	return ""
}

// typed is the annotation of a flag that counts only on the command line: another command has one
// of the same name that means something else.
const typed = "reconciler_typed"

func mustBeTyped(f *pflag.Flag) bool {
	_, only := f.Annotations[typed]
	return only
}

// readConfig sets the flags that are still unset from the configuration file: a mapping from flag
// names to values. Every other key is an error. The default file may be missing.
func readConfig(cmd *cobra.Command) error {
	flags := cmd.Flags()
	f := flags.Lookup("config")
	if f == nil {
		return nil
	}
	path := f.Value.String()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !f.Changed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read configuration file: %w", err)
	}
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return fmt.Errorf("cannot read configuration file %q: %w", path, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read configuration file %q: it has more than one document", path)
	}
	return setFromMapping(cmd, path, doc.Content[0])
}

func setFromMapping(cmd *cobra.Command, path string, mapping *yaml.Node) error {
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("cannot read configuration file %q: line %d: not a mapping",
			path, mapping.Line)
	}
	seen := map[string]bool{}
	var errs []error
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if err := setOne(cmd, key.Value, value, seen); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", path, key.Line, err))
		}
		seen[key.Value] = true
	}
	return errors.Join(errs...)
}

func setOne(cmd *cobra.Command, name string, value *yaml.Node, seen map[string]bool) error {
	flags := cmd.Flags()
	f := flags.Lookup(name)
	if f == nil || name == "config" || name == "help" || mustBeTyped(f) {
		// A key of another command is as valid in a file that all commands share.
		if commandFlag(cmd.Root(), name) {
			return nil
		}
		return fmt.Errorf("unknown key %q: %s", name,
			didYouMean(nearestFlag(flags, name), "the keys are the names of the flags"))
	}
	if seen[name] {
		return fmt.Errorf("key %q is there twice", name)
	}
	if _, list := f.Value.(pflag.SliceValue); !list && value.Kind == yaml.SequenceNode {
		return fmt.Errorf("key %q takes one value, not a list", name)
	}
	if f.Changed {
		return nil
	}
	values := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		values = value.Content
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode {
			return fmt.Errorf("key %q must be a value or a list of values", name)
		}
		if err := flags.Set(name, v.Value); err != nil {
			return fmt.Errorf("cannot use key %q: %w", name, valueError(err))
		}
	}
	return nil
}

// commandFlag reports whether a flag belongs to another command than the one that is running.
func commandFlag(root *cobra.Command, name string) bool {
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool {
		return c.Flags().Lookup(name) != nil && name != "help" || commandFlag(c, name)
	})
}
