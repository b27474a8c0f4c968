//go:build linux

package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Host is this machine.
type Host struct{ lxcpath string }

var _ reconcile.Preparer = (*Host)(nil)

// New returns this machine. lxcpath is the absolute directory of its containers, which need not
// be there yet; the facts about backings and disks are about it.
func New(lxcpath string) *Host { return &Host{lxcpath: lxcpath} }

// difference is something that is not as declared, and what makes it so.
type difference struct {
	change plan.HostChange
	fix    func(context.Context) error // nil if the change is refused
}

// part finds the differences of one kind. It changes nothing.
type part func(context.Context, *spec.Preparation) ([]difference, error)

// parts returns all kinds, in the order in which they are made: what a later one needs is there.
func (h *Host) parts() []part {
	return []part{packages, h.directories, subordinateIDs, sysctls, bridges}
}

// Check returns what the machine can do, and what Prepare would change or refuse, as
// reconcile.Preparer says. It needs to be root to see everything: what it cannot see of the facts
// is zero, of the differences an error.
func (h *Host) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	facts := h.facts(ctx)
	if want == nil {
		return facts, nil, nil
	}
	if err := want.Validate(); err != nil {
		return facts, nil, err
	}
	var changes []plan.HostChange
	for _, look := range h.parts() {
		found, err := look(ctx, want)
		if err != nil {
			return facts, nil, err
		}
		for _, d := range found {
			changes = append(changes, d.change)
		}
	}
	slices.SortFunc(changes, func(a, b plan.HostChange) int { return cmp.Compare(a.What, b.What) })
	return facts, changes, nil
}

// Prepare makes what is missing, as reconcile.Preparer says. What is refused does not keep the rest
// from being made; the error then names it. It ends at the first thing that fails.
func (h *Host) Prepare(ctx context.Context, want spec.Preparation) (done []string, err error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("cannot prepare this host: it takes root")
	}
	var refused []error
	for _, look := range h.parts() {
		sentences, no, err := carryOut(ctx, look, &want)
		done = append(done, sentences...)
		refused = append(refused, no...)
		if err != nil {
			return done, errors.Join(append(refused, err)...)
		}
	}
	refused = append(refused, missingGroup(ctx, want.VolumeGroup))
	return done, errors.Join(refused...)
}

// carryOut makes the differences of one kind, and looks again whether they are gone.
func carryOut(
	ctx context.Context, look part, want *spec.Preparation,
) (done []string, refused []error, err error) {
	found, err := look(ctx, want)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range found {
		if d.fix == nil {
			no := fmt.Errorf("cannot make %s: %s", d.change.What, d.change.Refused)
			refused = append(refused, no)
			continue
		}
		if err := ctx.Err(); err != nil {
			return done, refused, err
		}
		if err := d.fix(ctx); err != nil {
			return done, refused, fmt.Errorf("cannot make %s: %w", d.change.What, err)
		}
		done = append(done, sentence(d.change))
	}
	if len(done) > 0 {
		err = stillDifferent(ctx, look, want)
	}
	return done, refused, err
}

// stillDifferent is an error if something is not as declared though it was made without an error.
func stillDifferent(ctx context.Context, look part, want *spec.Preparation) error {
	left, err := look(ctx, want)
	if err != nil {
		return err
	}
	var all []error
	for _, d := range left {
		if d.fix != nil {
			all = append(all, fmt.Errorf("%s was made, but is %q instead of %q: something else "+
				"on this host changes it", d.change.What, d.change.Old, d.change.New))
		}
	}
	return errors.Join(all...)
}

// sentence says what was done.
func sentence(c plan.HostChange) string {
	if c.Old != "" {
		return fmt.Sprintf("changed %s: %s, was %s", c.What, c.New, c.Old)
	}
	return fmt.Sprintf("made %s: %s", c.What, c.New)
}
