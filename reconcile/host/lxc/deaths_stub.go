//go:build !linux || !cgo

package lxc

import "context"

// Deaths always returns an error in this build.
func (h *Host) Deaths(context.Context, map[string]int, func(container string)) error {
	return errNoLiblxc
}
