//go:build !linux

package prepare

import (
	"context"
	"errors"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// errNotLinux says why nothing can be done here.
var errNotLinux = errors.New("containers run on Linux only: this host cannot be prepared")

// Host stands for a machine that is not Linux.
type Host struct{}

var _ reconcile.Preparer = (*Host)(nil)

// New returns a machine that can do nothing.
func New(string) *Host { return &Host{} }

// Check always returns an error.
func (*Host) Check(
	context.Context, *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	return plan.Facts{}, nil, errNotLinux
}

// Prepare always returns an error.
func (*Host) Prepare(context.Context, spec.Preparation) ([]string, error) {
	return nil, errNotLinux
}

// MakeRoom always returns an error.
func (*Host) MakeRoom(context.Context, spec.Preparation) ([]string, error) {
	return nil, errNotLinux
}
