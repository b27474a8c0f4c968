package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/state"
)

// NewPassID returns a name for a pass that no other has.
func NewPassID() string {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails: crypto/rand ends the program instead
	return hex.EncodeToString(id)
}

// remember stores that a pass was made, if it did something or was the first of a revision: a
// pass with nothing to do writes nothing. A pass that was limited to some hosts or containers has
// not applied its revision.
func (p *Pass) remember(ctx context.Context, o *Options, s state.Snapshot, began time.Time) error {
	if o.PassID == "" || o.SourceName == "" {
		return nil
	}
	whole := len(o.Hosts)+len(o.Only) == 0
	if p.Result == nil && (!whole || s.LastRevision(o.SourceName) == p.Revision.ID) {
		return nil
	}
	entry := state.Pass{
		ID: o.PassID, Source: o.SourceName, Ref: p.Revision.Ref, Author: p.Revision.Author,
		Subject: p.Revision.Subject, Signer: p.Revision.Signer,
		Began: began.UTC(), Ended: o.now().UTC(),
		Blocked: len(p.Plan.Blocked), Held: len(p.Plan.Held),
	}
	if whole && !o.overtaken(ctx, began) {
		entry.Revision = p.Revision.ID
	}
	p.count(&entry)
	entry = entry.Clean()
	// What was done is to be remembered also when it was interrupted.
	_, err := o.Store.Apply(context.WithoutCancel(ctx), state.Batch{Pass: &entry})
	if err != nil {
		return fmt.Errorf("cannot store the history: %w", err)
	}
	return nil
}

// overtaken reports whether a pass that began later has already been remembered with its revision:
// that one was applied last, although this one ends last.
func (o *Options) overtaken(ctx context.Context, began time.Time) bool {
	s, err := o.Store.Load(context.WithoutCancel(ctx))
	if err != nil {
		return true // remembering an older one would be worse than remembering none
	}
	return slices.ContainsFunc(s.Passes, func(other state.Pass) bool {
		return other.Source == o.SourceName && other.Revision != "" && other.Began.After(began)
	})
}

// count fills in how many containers were created, changed and destroyed, and how many failed.
func (p *Pass) count(entry *state.Pass) {
	if p.Result == nil {
		return
	}
	failed := map[Target]bool{}
	for _, o := range p.Result.Outcomes {
		if o.Failed() {
			failed[Target{o.Host, o.Container}] = true
			entry.Failed++
		}
	}
	for _, item := range p.Plan.Containers() {
		switch {
		case failed[Target{item.Host, item.Container}]:
		case item.Kind == plan.KindCreate:
			entry.Created++
		case item.Kind == plan.KindDestroy:
			entry.Destroyed++
		default:
			entry.Changed++
		}
	}
}
