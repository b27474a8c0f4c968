package reconcile

import (
	"context"
	"fmt"
	"maps"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// run is Run with the state locked. It begins with the hosts that have answered once patience is
// over, and goes on with the others as they do, in rounds.
func run(ctx context.Context, o *Options, p Pass) (Pass, error) {
	began := o.now()
	snapshot, err := o.load(ctx, p.Tree)
	if err != nil {
		return p, err
	}
	looking, stop := context.WithCancel(ctx)
	hosts := o.visitAll(looking, o.hosts(p.Tree), modeOf(p.Tree, snapshot, true))
	defer hosts.end()
	defer stop()
	err = p.round(ctx, o, hosts.next(o.patience(p.Tree)), snapshot)
	if err != nil {
		return p, err
	}
	for hosts.waiting > 0 {
		p.goOn(ctx, o, hosts.next(o.patience(p.Tree)))
	}
	p.doubt(o, snapshot)
	if err := p.remember(ctx, o, snapshot, began); err != nil {
		if p.Result == nil {
			return p, err
		}
		o.Log.Error("the history is not complete", "error", err)
	}
	return p, nil
}

// patience is how long a host may take to answer before the pass begins with the others; zero: for
// ever, since an approval and a rollout are about all hosts.
func (o *Options) patience(t *spec.Tree) time.Duration {
	if o.Approve != nil || len(t.Groups) > 0 {
		return 0
	}
	return o.Patience
}

// goOn is a round after the first. Other hosts were touched already, so an error does not end the
// pass: it is reported as the reason why the hosts of this round were not touched.
func (p *Pass) goOn(ctx context.Context, o *Options, f *fleet) {
	late := Pass{Declaration: p.Declaration}
	snapshot, err := o.reload(ctx)
	if err == nil {
		err = late.round(ctx, o, f, snapshot)
	} else {
		f.close(o)
	}
	if err != nil {
		late.Plan = plan.Plan{Unreachable: f.unreachable}
		for _, host := range f.names() {
			late.Plan.Unreachable = append(late.Plan.Unreachable,
				plan.Unreachable{Host: host, Text: "it answered late, and then: " + err.Error()})
		}
	}
	p.join(late, ctx.Err() != nil)
}

// join adds what became of other hosts.
func (p *Pass) join(late Pass, interrupted bool) {
	p.Plan = p.Plan.With(late.Plan)
	maps.Copy(p.Observed, late.Observed)
	if p.Opens.IsZero() || !late.Opens.IsZero() && late.Opens.Before(p.Opens) {
		p.Opens = late.Opens
	}
	if p.Result == nil && late.Result == nil && !interrupted {
		return
	}
	var sum execute.Result
	for _, r := range []*execute.Result{p.Result, late.Result} {
		if r != nil {
			sum = sum.With(*r)
		}
	}
	sum.Interrupted = sum.Interrupted || interrupted
	p.Result = &sum
}

// round makes the hosts that have answered what is declared, and leaves them.
func (p *Pass) round(ctx context.Context, o *Options, f *fleet, s state.Snapshot) error {
	defer f.close(o)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// Windows and suspensions must not change between what is approved and what is done.
	now := o.now()
	planned := *o
	planned.Now = func() time.Time { return now }
	if err := p.approve(&planned, f, s); err != nil {
		return err
	}
	resolved, err := resolve.Allocate(resolveInput(p.Tree, f, s), o.Sealer, o.Random)
	if err != nil {
		return fmt.Errorf("cannot complete the tree: %w", err)
	}
	p.compute(&planned, f, s, resolved)
	protect := unprotected(p.Tree, s.Records, o.Holds)
	if p.Plan.Empty() && len(protect) == 0 {
		f.leave(ctx, o, f.actual)
		return nil
	}
	j := newJournal(o, s, resolved.Records)
	if err := j.protect(ctx, protect); err != nil {
		return fmt.Errorf("cannot store what is protected: %w", err)
	}
	if p.Plan.Empty() {
		f.leave(ctx, o, f.actual)
		return nil
	}
	if err := p.begin(ctx, j); err != nil {
		return fmt.Errorf("cannot store what is about to be done: %w", err)
	}
	options := execute.Options{
		Parallel: o.Parallel,
		Hosts:    f.executors(o.Tries),
		Tries:    o.Tries,
		Secrets:  passwords{journal: j, keys: o.Sealer, sealed: resolved.Passwords},
		Journal:  j,
		Prepare:  p.preparations(o, f),
		Rollouts: p.Plan.Rollouts,
		Held:     p.heldSince(o),
	}
	if o.Observer != nil {
		options.Observer = o.Observer(p.Plan)
	}
	result := execute.Run(ctx, p.Plan.Steps, options)
	p.Result = &result
	if err := j.takeBack(ctx, s, result); err != nil {
		o.Log.Error("what got no turn is recorded as begun", "error", err)
	}
	f.leave(ctx, o, o.after(ctx, f, p.Plan.Steps))
	return nil
}
