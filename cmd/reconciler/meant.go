package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"reconciler/reconcile"
	"reconciler/spec"
	"reconciler/state"
)

// statusKnows is the hint where no name is near.
const statusKnows = `"reconciler status" shows what there is`

// didYouMean is a hint with the name that was probably meant, or the text otherwise if no name is
// near.
func didYouMean(nearest, otherwise string) string {
	if nearest == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", nearest)
}

// named returns what --host and --only name.
func (a *app) named() ([]reconcile.Target, error) {
	targets, err := parseOnly(a.only)
	for _, host := range a.hosts {
		targets = append(targets, reconcile.Target{Host: host})
	}
	return targets, err
}

// nearest returns the name in a tree (which may be nil) or in the state that was probably meant.
func (a *app) nearest(ctx context.Context, target reconcile.Target, t *spec.Tree) string {
	snapshot, err := a.load(ctx)
	if err != nil {
		return "" // whatever it is, there was another error before
	}
	return reconcile.Nearest(target, t, snapshot.Records)
}

// noRecord is the error of a command about one record that is not there.
func (a *app) noRecord(ctx context.Context, what string, args []string) error {
	target := reconcile.Target{Host: args[0], Container: args[1]}
	return hinted{fmt.Errorf("cannot show %s of %s: the state has no record of it", what, target),
		didYouMean(a.nearest(ctx, target, nil), "the first run that makes the container writes it")}
}

// hostMeant is the hint for a host that the tree does not have.
func (a *app) hostMeant(t *spec.Tree, name string) string {
	hosts := slices.Sorted(maps.Keys(t.Hosts))
	near := reconcile.Nearest(reconcile.Target{Host: name}, t, nil)
	return didYouMean(near, "its hosts are "+someOf(hosts))
}

// nearestSuspended returns the suspended name that was probably meant.
func nearestSuspended(scope state.Scope, all []state.Suspension) string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Scope().String()
	}
	return spec.Nearest(scope.String(), names)
}
