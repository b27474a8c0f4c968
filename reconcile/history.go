package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/report"
	"reconciler/state"
)

// NewPassID returns a name for a pass that no other has.
func NewPassID() string {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails: crypto/rand ends the program instead
	return hex.EncodeToString(id)
}

// remember stores that a pass was made, if it did something or was the first of a revision: a
// pass with nothing to do writes nothing, nor does one that failed as the last one did, or what is
// tried again for a day would leave nothing else to remember. A pass that was limited to some hosts
// or containers has not applied its revision.
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
	}
	p.count(&entry)
	if whole && !o.overtaken(ctx, began) {
		entry.Revision = p.Revision.ID
	}
	entry = entry.Clean()
	if !p.achieved() && repeats(entry, s.Passes) {
		return nil
	}
	// What was done is to be remembered also when it was interrupted.
	_, err := o.Store.Apply(context.WithoutCancel(ctx), state.Batch{Pass: &entry})
	if err != nil {
		return fmt.Errorf("cannot store the history: %w", err)
	}
	return nil
}

// achieved reports whether something is now as declared that was not before.
func (p *Pass) achieved() bool {
	prepared := func(h execute.HostOutcome) bool { return len(h.Done) > 0 }
	return p.Summary().Done() > 0 || p.Result != nil && slices.ContainsFunc(p.Result.Hosts, prepared)
}

// repeats reports whether a pass says the same as the last one of its source.
func repeats(entry state.Pass, before []state.Pass) bool {
	i := slices.IndexFunc(before, func(p state.Pass) bool { return p.Source == entry.Source })
	if i < 0 {
		return false
	}
	entry.ID, entry.Began, entry.Ended = before[i].ID, before[i].Began, before[i].Ended
	return entry.Same(before[i])
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

// Summary counts what came of the pass, as its report does.
func (p *Pass) Summary() report.ResultSummary {
	var r execute.Result
	if p.Result != nil {
		r = *p.Result
	}
	return report.Summarize(r, p.Plan)
}

// count fills in the counts of the history. What got no turn in a rollout is held there.
func (p *Pass) count(entry *state.Pass) {
	s := p.Summary()
	entry.Created, entry.Changed, entry.Destroyed = s.Created, s.Changed, s.Destroyed
	entry.Record, entry.Failed, entry.Skipped = s.Record, s.Failed, s.Skipped-s.Waiting
	entry.Blocked, entry.Held = s.Blocked, s.Held+s.Waiting
	entry.Prepared, entry.Unprepared = s.Prepared, s.Unprepared
}
