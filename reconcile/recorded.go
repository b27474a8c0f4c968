package reconcile

import (
	"context"
	"fmt"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// Recorded is what a plan can be made of without asking a host.
type Recorded struct {
	State state.Snapshot
	Hosts map[string]Seen // what each host was last seen to have
}

// Seen is what one host was seen to have.
type Seen struct {
	At     time.Time // when it was first seen like this
	Actual plan.Actual
}

// ReadRecorded reads it from a store, which it does not change. The error is that of the store, or
// says which observation cannot be read.
func ReadRecorded(ctx context.Context, s state.Store) (Recorded, error) {
	var r Recorded
	var err error
	if r.State, err = s.Load(ctx); err != nil {
		return r, fmt.Errorf("cannot load the state: %w", err)
	}
	observations, err := s.Observations(ctx)
	if err != nil {
		return r, fmt.Errorf("cannot load the observations: %w", err)
	}
	r.Hosts = make(map[string]Seen, len(observations))
	for host, o := range observations {
		actual, err := decodeSeen(host, o.Content)
		if err != nil {
			return r, err
		}
		r.Hosts[host] = Seen{At: o.At, Actual: actual}
	}
	return r, nil
}

// PlanRecorded is Plan with r in place of the store and the hosts: of Options neither Store nor
// Dial is used. An export has no passwords and needs no Sealer; it is not known then whether a
// password that was set changes. A host that was never seen counts as unreachable.
func PlanRecorded(d Declaration, r Recorded, o Options) (Pass, error) {
	p := Pass{Declaration: d, Knowledge: report.KnowRecorded}
	if err := o.checkFilters(p.Tree, r.State); err != nil {
		return p, err
	}
	f := &fleet{actual: map[string]plan.Actual{}}
	for _, h := range o.hosts(p.Tree) {
		s, ok := r.Hosts[h.Name]
		if !ok {
			f.unreachable = append(f.unreachable, plan.Unreachable{Host: h.Name,
				Text: "no run has recorded yet what it has"})
			continue
		}
		f.actual[h.Name] = s.Actual
		if p.ObservedAt.IsZero() || s.At.Before(p.ObservedAt) {
			p.ObservedAt = s.At
		}
	}
	resolved, err := resolve.Preview(resolveInput(p.Tree, f, r.State), o.Sealer)
	if err != nil {
		return p, fmt.Errorf("cannot complete the tree: %w", err)
	}
	p.compute(&o, f, r.State, resolved)
	p.doubt(&o, r.State)
	if o.Sealer == nil {
		p.Plan.Warnings = append(p.Plan.Warnings, r.unknownPasswords(&o, p.Tree)...)
	}
	return p, nil
}

// unknownPasswords warns that for some containers nobody can say whether the password changes.
func (r *Recorded) unknownPasswords(o *Options, t *spec.Tree) []spec.Problem {
	count := 0
	var first spec.Position
	for i := range r.State.Records {
		rec := &r.State.Records[i]
		h := t.Hosts[rec.Host]
		if h == nil || !o.WantsHost(rec.Host) || rec.Applied[resolve.KeyPassword] == "" {
			continue
		}
		if c := h.Containers[rec.Name]; c != nil && !c.Password.IsZero() {
			if count++; count == 1 {
				first = c.Position
			}
		}
	}
	if count == 0 {
		return nil
	}
	return []spec.Problem{{Position: first, Path: "password",
		Text: fmt.Sprintf("without the state key nobody can tell whether the declared passwords "+
			"change (containers: %d)", count)}}
}
