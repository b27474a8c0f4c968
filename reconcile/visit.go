package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Visit is a host while a pass has it: connected, seen, and locked if the pass is going to write.
type Visit struct {
	Host   Host
	Actual plan.Actual
	End    func() error // gives back what the pass has of the host; to be called once

	ability // as the host was declared then
}

// Lock is the type of Host.Lock.
type Lock func(ctx context.Context, by string) (unlock func() error, err error)

// Suits reports whether the host was asked everything that a pass must know of it if it is declared
// as h.
func (v Visit) Suits(h *spec.Host) bool {
	return reflect.DeepEqual(v.want, h.Prepare) && (v.asked || !mayNotFit(h, v.Actual))
}

// observeLimit is how long one host may take to show its containers. A healthy one needs less than
// a second for a hundred.
const observeLimit = 2 * time.Minute

// Look locks a connected host, observes it and asks it what it can do, each within its limit. End
// of what it returns gives the lock back, and leaves the host connected. With an error there is
// nothing to end. The lock is taken by lock, which does as h.Lock.
func (o *Options) Look(
	ctx context.Context, declared *spec.Host, h Host, lock Lock,
) (Visit, error) {
	lockCtx, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := lock(lockCtx, holderText(o.Holder))
	if err != nil {
		return Visit{}, err
	}
	v := Visit{Host: h, End: unlock}
	if err := v.see(ctx, o, declared); err != nil {
		o.end(v)
		return Visit{}, err
	}
	return v, nil
}

// see fills in what there is to know of the host.
func (v *Visit) see(ctx context.Context, o *Options, declared *spec.Host) (err error) {
	if v.Actual, err = observeOne(ctx, v.Host); err != nil {
		return err
	}
	if v.Actual.Missing != "" && declared.Prepare == nil {
		return fmt.Errorf("the directory of its containers, %s, does not exist: is its disk mounted? "+
			"If there never was one, make it, or declare prepare: {} for the host", declared.LXCPath)
	}
	v.ability, err = examine(ctx, o, declared, *v)
	return err
}

func observeOne(ctx context.Context, h Host) (plan.Actual, error) {
	ctx, cancel := context.WithTimeout(ctx, observeLimit)
	defer cancel()
	return h.Observe(ctx)
}

// end ends a visit. An error is only logged: the visit itself was complete before.
func (o *Options) end(v Visit) {
	if err := v.End(); err != nil {
		o.Log.Error("cannot leave a host", "host", v.Actual.Host, "error", err)
	}
}

// visit connects to a host and looks at it. The connection ends with the visit.
func (o *Options) visit(ctx context.Context, h *spec.Host, in observeMode) (v Visit, err error) {
	if in.lock && o.Visit != nil {
		return o.Visit(ctx, h, in.installation)
	}
	host, err := o.Dial(ctx, h, in.installation)
	if err != nil {
		return v, err
	}
	connection := Visit{Host: host, Actual: plan.Actual{Host: h.Name}, End: closing(host)}
	if in.lock {
		v, err = o.Look(ctx, h, host, host.Lock)
	} else {
		v = Visit{Host: host, End: func() error { return nil }}
		err = v.see(ctx, o, h)
	}
	if err != nil {
		o.end(connection)
		return Visit{}, err
	}
	unlock := v.End
	v.End = func() error { return errors.Join(unlock(), connection.End()) }
	return v, nil
}

// closing returns what ends the connection to a host.
func closing(h Host) func() error {
	if c, ok := h.(io.Closer); ok {
		return c.Close
	}
	return func() error { return nil }
}
