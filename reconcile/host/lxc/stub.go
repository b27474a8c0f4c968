//go:build !linux || !cgo

package lxc

import (
	"context"
	"errors"
	"io"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// errNoLiblxc says what a build without cgo lacks.
var errNoLiblxc = errors.New("this build of reconciler cannot drive containers on this machine: " +
	"it was made without liblxc (it needs Linux, cgo and lxc-dev)")

// Host stands for a host in a build without liblxc. There is none: New always fails.
type Host struct{}

var _ execute.Host = (*Host)(nil)

// New always returns an error in this build.
func New(Options) (*Host, error) { return nil, errNoLiblxc }

// Observe always returns an error in this build.
func (h *Host) Observe(context.Context) (plan.Actual, error) { return plan.Actual{}, errNoLiblxc }

// Do always returns an error in this build.
func (h *Host) Do(context.Context, plan.Step, execute.Secrets) (string, error) {
	return "", errNoLiblxc
}

// Lock always returns an error in this build.
func (h *Host) Lock(context.Context, string) (func() error, error) { return nil, errNoLiblxc }

// Close does nothing.
func (h *Host) Close() error { return nil }

// Launch always returns an error in this build.
func Launch(io.Reader, io.Writer) error { return errNoLiblxc }
