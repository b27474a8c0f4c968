package loop_test

import (
	"context"
	"sync/atomic"
	"testing"

	"reconciler/reconcile"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// once is a host of which a connection shows for ever what it showed at first.
type once struct {
	*moody
	first  *plan.Actual
	locked *atomic.Bool
}

// Observe implements reconcile.Host.
func (o once) Observe(ctx context.Context) (plan.Actual, error) {
	if o.first.Host != "" {
		return *o.first, nil
	}
	var err error
	*o.first, err = o.moody.Observe(ctx)
	return *o.first, err
}

// Lock implements reconcile.Host.
func (o once) Lock(ctx context.Context, by string) (func() error, error) {
	o.locked.Store(true)
	return o.moody.Lock(ctx, by)
}

// Spent reports whether another connection must be made to look again.
func (o once) Spent() bool { return o.locked.Load() }

// A host without LXC is known as it was when it was reached. A daemon that stays connected must not
// go by that for days.
func TestWhatAConnectionShowedOnceIsNotBelievedForEver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.have(map[string]string{"h1": "a"})
	f.begin(func(o *loop.Options) {
		o.Patience = patience
		o.Pass.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return once{f.hosts["h1"], new(plan.Actual), new(atomic.Bool)}, nil
		}
	})
	f.eventuallyRun("h1/a")
	f.quiet()
	f.hosts["h1"].StopByHand(full("h1", "a"))
	f.loop.Wake("test")
	f.eventuallyRun("h1/a")
	f.quiet()
	for _, r := range f.passes() {
		if len(r.Pass.Plan.Unreachable) > 0 {
			t.Errorf("to reach it anew makes it unreachable: %+v", r.Pass.Plan.Unreachable)
		}
	}
}
