package reconcile

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// journal keeps the records true while a plan is carried out: intents before the first side
// effect, results after the last step of each container. Its methods may be called in parallel.
type journal struct {
	store state.Store

	mu     sync.Mutex
	stored map[string]state.Record // by UID; what the store holds now
	next   map[string]state.Record // by UID; what it shall hold: completed by resolve
	queue  []*write                // what waits for the store

	writing sync.Mutex // held by the one who writes for all that wait
}

// write is a batch that somebody waits for.
type write struct {
	batch state.Batch
	done  bool // guarded by journal.writing, like err
	err   error
}

// newJournal starts from what is stored and what resolve completed.
func newJournal(o *Options, s state.Snapshot, resolved map[resolve.Key]state.Record) *journal {
	j := &journal{
		store:  o.Store,
		stored: make(map[string]state.Record, len(s.Records)),
		next:   make(map[string]state.Record, len(s.Records)),
	}
	for _, r := range s.Records {
		j.stored[r.UID], j.next[r.UID] = r, r
	}
	for _, r := range resolved {
		j.next[r.UID] = r
	}
	return j
}

// begin stores, in one transaction, the values and the intent of every container that the steps
// are about.
func (j *journal) begin(ctx context.Context, steps []plan.Step) error {
	batch, err := j.intents(steps)
	if err != nil {
		return err
	}
	return j.apply(ctx, batch)
}

// unprotected returns the UIDs of the records that do not say yet that the tree protects their
// container. One that another pass works on is left out, since that pass writes its record.
func unprotected(t *spec.Tree, records []state.Record, holds []plan.Hold) []string {
	var uids []string
	for i := range records {
		r := &records[i]
		if !r.Protect && isProtected(t, r) && !isBusy(holds, r) {
			uids = append(uids, r.UID)
		}
	}
	return uids
}

// protect stores that containers are protected, also where something keeps the pass from working on
// them: protection must outlive its declaration.
func (j *journal) protect(ctx context.Context, uids []string) error {
	if len(uids) == 0 {
		return nil
	}
	var batch state.Batch
	// What they shall hold beside that comes with their steps.
	next := make(map[string]state.Record, len(uids))
	for _, uid := range uids {
		r := j.stored[uid]
		r.Protect = true
		batch.Put = append(batch.Put, r)
		next[uid] = j.next[uid]
	}
	if err := j.apply(ctx, batch); err != nil {
		return err
	}
	for uid, r := range next {
		r.Version = j.stored[uid].Version
		j.next[uid] = r
	}
	return nil
}

func isProtected(t *spec.Tree, r *state.Record) bool {
	h := t.Hosts[r.Host]
	if h == nil {
		return false
	}
	c := h.Containers[r.Name]
	if r.Template {
		c = h.Templates[r.Name]
	}
	return c != nil && c.Protect == spec.On
}

func isBusy(holds []plan.Hold, r *state.Record) bool {
	return slices.ContainsFunc(holds, func(h plan.Hold) bool {
		return h.Code == plan.HeldBusy && h.Host == r.Host && h.Container == r.Name
	})
}

func (j *journal) intents(steps []plan.Step) (state.Batch, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var batch state.Batch
	seen := make(map[string]int, len(steps)) // places in the batch, from 1
	for i := range steps {
		s := &steps[i]
		if !touchesHost(s.Action) {
			continue
		}
		if at := seen[s.UID]; at > 0 {
			begins(&batch.Put[at-1], s)
			continue
		}
		r, ok := j.next[s.UID]
		if !ok {
			return batch, fmt.Errorf("internal error: step for %s/%s has no record",
				s.Host, s.Container)
		}
		if !makesAnew(r.Intent) {
			r.Intent = string(s.Action)
		}
		begins(&r, s)
		batch.Put = append(batch.Put, r)
		seen[s.UID] = len(batch.Put)
	}
	return batch, nil
}

// begins adds to a record what must be in it before a step.
func begins(r *state.Record, s *plan.Step) {
	if s.Action == plan.Configure && s.Want != nil {
		r.Applied = s.Want.Begun(r.Applied)
	}
}

// claimants returns, each as its first step, the containers whose record would take the value that
// belongs to another one, as taken says.
func (j *journal) claimants(taken *state.TakenError, steps []plan.Step) []plan.Step {
	var found []plan.Step
	for i := range steps {
		s := &steps[i]
		r := j.next[s.UID]
		first := i == 0 || steps[i-1].UID != s.UID
		if first && taken.By(r) {
			found = append(found, *s)
		}
	}
	return found
}

// Finished implements execute.Journal.
func (j *journal) Finished(ctx context.Context, o execute.Outcome) error {
	r, ok := j.record(o.Steps[len(o.Steps)-1].Step.UID)
	if !ok {
		return fmt.Errorf("internal error: outcome of %s/%s has no record", o.Host, o.Container)
	}
	return j.commit(ctx, ending(r, o))
}

// ending returns what the outcome of the work on a container changes of its record.
func ending(r state.Record, o execute.Outcome) state.Batch {
	last := o.Steps[len(o.Steps)-1].Step
	if failure := failureOf(o); failure != "" {
		r.Failure = failure
		if made := arrived(o); made != nil {
			// It is there now, and somebody may begin to use it: what failed after that must not
			// look as if it were still half made. None of its settings counts as applied yet, but
			// the raw ones may be in its configuration.
			r.Intent, r.Applied = string(last.Action), made.Begun(nil)
		}
		return state.Batch{Put: []state.Record{r}}
	}
	if last.Want == nil && removes(last.Action) {
		return state.Batch{Delete: []string{r.UID}}
	}
	r.Intent, r.Failure = "", ""
	if last.Want != nil {
		r.Applied = last.Want.Applied()
	}
	return state.Batch{Put: []state.Record{r}}
}

// takeBack makes the records of what got no turn what they were before.
func (j *journal) takeBack(ctx context.Context, before state.Snapshot, r execute.Result) error {
	old := make(map[string]*state.Record, len(before.Records))
	for i := range before.Records {
		old[before.Records[i].UID] = &before.Records[i]
	}
	var batch state.Batch
	for _, o := range r.Outcomes {
		rec, ok := j.record(o.Steps[0].Step.UID)
		if !ok || !o.Refused {
			continue
		}
		back := rec
		if back.Intent, back.Applied = "", nil; old[rec.UID] != nil {
			back.Intent, back.Applied = old[rec.UID].Intent, old[rec.UID].Applied
		}
		if !back.Same(rec) {
			batch.Put = append(batch.Put, back)
		}
	}
	if len(batch.Put) == 0 {
		return nil
	}
	return j.commit(context.WithoutCancel(ctx), batch)
}

// commit stores a batch together with those that others want stored while one is being written: a
// durable write takes milliseconds on many a disk, and containers would wait for each other.
func (j *journal) commit(ctx context.Context, batch state.Batch) error {
	own := &write{batch: batch}
	j.mu.Lock()
	j.queue = append(j.queue, own)
	j.mu.Unlock()
	j.writing.Lock()
	defer j.writing.Unlock()
	if !own.done {
		j.flush(ctx)
	}
	return own.err
}

// flush stores what waits. Batches that cannot be stored together are stored one by one, so that
// each gets its own error. j.writing is held.
func (j *journal) flush(ctx context.Context) {
	j.mu.Lock()
	queue := j.queue
	j.queue = nil
	j.mu.Unlock()
	var all state.Batch
	for _, w := range queue {
		all.Put = append(all.Put, w.batch.Put...)
		all.Delete = append(all.Delete, w.batch.Delete...)
	}
	err := j.apply(ctx, all)
	for _, w := range queue {
		if err != nil && len(queue) > 1 {
			w.err = j.apply(ctx, w.batch)
		} else {
			w.err = err
		}
		w.done = true
	}
}

// apply stores the batch and follows the versions that the store counts.
func (j *journal) apply(ctx context.Context, batch state.Batch) error {
	if _, err := j.store.Apply(ctx, batch); err != nil {
		return fmt.Errorf("cannot store records: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, uid := range batch.Delete {
		delete(j.stored, uid)
		delete(j.next, uid)
	}
	for _, r := range batch.Put {
		if old, ok := j.stored[r.UID]; !ok || !r.Same(old) {
			r.Version++
		}
		j.stored[r.UID], j.next[r.UID] = r, r
	}
	return nil
}

// record returns the record of a container.
func (j *journal) record(uid string) (state.Record, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.next[uid]
	return r, ok
}

// makesAnew reports whether an intent stands until the container is whole: a lesser one in its
// place would hide that it never was.
func makesAnew(intent string) bool {
	switch plan.Action(intent) {
	case plan.Create, plan.Clone, plan.Destroy:
		return true
	}
	return false
}

// arrived returns what the container was made as, whatever failed afterwards; nil if it was not.
func arrived(o execute.Outcome) *plan.Desired {
	for _, s := range o.Steps {
		made := s.Step.Action == plan.Create || s.Step.Action == plan.Clone
		if made && s.Status == execute.Done {
			return s.Step.Want
		}
	}
	return nil
}

func touchesHost(a plan.Action) bool { return a != plan.Note && a != plan.Forget }

func removes(a plan.Action) bool { return a == plan.Destroy || a == plan.Forget }

func failureOf(o execute.Outcome) string {
	for _, s := range o.Steps {
		if s.Err != nil {
			return s.Err.Error()
		}
	}
	if o.Failed() {
		return interrupted
	}
	return ""
}

// interrupted is the failure of a container whose steps were left in the middle because the run
// ended.
const interrupted = "interrupted"
