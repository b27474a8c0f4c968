package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"reconciler/reconcile/report"
	"reconciler/spec"
)

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [plan]",
		Short: "Print the JSON Schema of the tree, for editors, or of plans, for programs",
		Long: `Print the JSON Schema of the tree, by which editors complete and check its keys. With
"plan" it is that of what "plan --output json" and --out-json write.`,
		Example: `  reconciler schema > tree.schema.json
  reconciler schema plan > plan.schema.json`,
		ValidArgs: []string{"plan"},
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			schema := report.Schema()
			if len(args) == 0 {
				if schema, err = spec.Schema(); err != nil {
					return fmt.Errorf("cannot make the schema: %w", err)
				}
			}
			_, err = a.out.Write(schema)
			return err
		},
	}
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.output == "json" {
				return json.NewEncoder(a.out).Encode(map[string]string{"version": version(),
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.out, "reconciler %s (%s, %s/%s)\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version is what the build recorded: a tag or a commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
