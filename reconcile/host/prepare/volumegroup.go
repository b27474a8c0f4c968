//go:build linux

package prepare

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// missingGroup is an error if a volume group is declared and not there: disks are not ours to
// divide.
func missingGroup(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	out, err := run(ctx, "vgs", "--noheadings", "-o", "vg_name")
	if err != nil {
		return fmt.Errorf("cannot find volume group %q: %w", name, err)
	}
	if !slices.Contains(strings.Fields(out), name) {
		return fmt.Errorf("cannot find volume group %q: make it with vgcreate on a disk of its own",
			name)
	}
	return nil
}
