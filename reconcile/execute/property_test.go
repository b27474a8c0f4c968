package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// world is a random plan, and a host that judges how it is carried out.
type world struct {
	steps    []plan.Step
	needs    map[string][]string
	fails    map[string]int // the index of the step that fails, by container
	length   map[string]int
	parallel int
	far      bool // the host takes batches
	cancelAt int  // the run is interrupted in this step, counted from 1; 0 for never

	mu      sync.Mutex
	inside  map[string]bool
	done    map[string]int // steps done so far
	begun   int
	late    int // begun after the interrupt
	stopped bool
	wrong   []string
}

func drawWorld(t *rapid.T, circles bool) *world {
	w := &world{
		needs: map[string][]string{}, fails: map[string]int{}, length: map[string]int{},
		inside: map[string]bool{}, done: map[string]int{},
		parallel: rapid.IntRange(1, 5).Draw(t, "parallel"), far: rapid.Bool().Draw(t, "far"),
	}
	count := rapid.IntRange(1, 12).Draw(t, "containers")
	for i := range count {
		c := fmt.Sprint(i)
		first, last := 0, i-1
		if circles {
			last = count - 1
		}
		for range rapid.IntRange(0, 3).Draw(t, "needs of "+c) {
			if first <= last {
				need := fmt.Sprint(rapid.IntRange(first, last).Draw(t, "need"))
				w.needs[c] = append(w.needs[c], need)
			}
		}
		w.length[c] = rapid.IntRange(1, 4).Draw(t, "steps of "+c)
		w.fails[c] = rapid.IntRange(-3, w.length[c]-1).Draw(t, "failing step of "+c)
	}
	w.steps = drawOrder(t, w)
	return w
}

// drawOrder mixes the steps of the containers, each container's own in order.
func drawOrder(t *rapid.T, w *world) (mixed []plan.Step) {
	var slots []string
	for i := range len(w.length) {
		for range w.length[fmt.Sprint(i)] {
			slots = append(slots, fmt.Sprint(i))
		}
	}
	next := map[string]int{}
	for _, c := range rapid.Permutation(slots).Draw(t, "order") {
		s := plan.Step{Host: hostName, Container: c, Action: plan.Configure}
		s.UID = fmt.Sprint(next[c])
		if next[c] == w.length[c]-1 {
			s.Needs = w.needs[c] // wherever it stands, it is for the whole container
		}
		next[c]++
		mixed = append(mixed, s)
	}
	return mixed
}

func (w *world) complain(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// enter judges whether this step may begin now.
func (w *world) enter(s plan.Step, cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := s.Container
	if w.stopped {
		// The other workers may have been on the threshold at that moment, each with one step.
		if w.late++; w.late >= w.parallel {
			w.complain("a step of %s begins after the interrupt", c)
		}
	}
	if w.inside[c] {
		w.complain("two steps of %s at once", c)
	}
	if s.UID != fmt.Sprint(w.done[c]) {
		w.complain("step %s of %s comes after %d", s.UID, c, w.done[c])
	}
	for _, need := range w.needs[c] {
		if w.done[need] != w.length[need] {
			w.complain("%s begins before %s is complete", c, need)
		}
	}
	w.inside[c] = true
	if len(w.inside) > w.parallel {
		w.complain("%d containers at once, limit %d", len(w.inside), w.parallel)
	}
	if w.begun++; w.begun == w.cancelAt {
		w.stopped = true
		cancel()
	}
}

func (w *world) leave(s plan.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inside, s.Container)
	if s.UID == fmt.Sprint(w.fails[s.Container]) {
		return errDisk
	}
	w.done[s.Container]++
	return nil
}

// hosts is the host that judges.
func (w *world) hosts(cancel func()) map[string]execute.Host {
	judge := hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		w.enter(s, cancel)
		return "", w.leave(s)
	})
	if w.far {
		return oneFar(newFar(judge))
	}
	return hosts(judge)
}

func (w *world) run(t *rapid.T) execute.Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	recorded := map[string]int{}
	r := execute.Run(ctx, w.steps, execute.Options{
		Parallel: w.parallel,
		Hosts:    w.hosts(cancel), Tries: 1,
		Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			recorded[o.Container]++
			return nil
		}),
	})
	for _, o := range r.Outcomes {
		want := 1
		if o.Steps[0].Status == execute.Skipped {
			want = 0
		}
		if recorded[o.Container] != want {
			w.complain("container %s is recorded %d times, want %d", o.Container,
				recorded[o.Container], want)
		}
	}
	for _, complaint := range w.wrong {
		t.Error(complaint)
	}
	return r
}

// shape checks that every step has one result, and that those of a container are some done, at
// most one failed, the rest skipped.
func (w *world) shape(t *rapid.T, r execute.Result) map[string]execute.Outcome {
	byName := map[string]execute.Outcome{}
	for _, o := range r.Outcomes {
		byName[o.Container] = o
		if len(o.Steps) != w.length[o.Container] {
			t.Errorf("%d results for %d steps", len(o.Steps), w.length[o.Container])
		}
		rank := map[execute.Status]int{execute.Done: 0, execute.Failed: 1, execute.Skipped: 2}
		failures := 0
		for i, s := range o.Steps {
			if i > 0 && rank[s.Status] < rank[o.Steps[i-1].Status] {
				t.Errorf("%s: %s after %s", o.Container, s.Status, o.Steps[i-1].Status)
			}
			if s.Status == execute.Failed {
				failures++
			}
			skipped := s.Status == execute.Skipped
			refused := errors.Is(s.Err, context.Canceled) // by Retry, when it was about to begin
			if (skipped || refused) != (s.Attempts == 0) || skipped && s.Message == "" {
				t.Errorf("%s: %s with %d attempts, %q",
					o.Container, s.Status, s.Attempts, s.Message)
			}
		}
		if failures > 1 {
			t.Errorf("%s fails %d times", o.Container, failures)
		}
	}
	if len(byName) != len(w.length) || len(r.Outcomes) != len(w.length) {
		t.Errorf("%d outcomes for %d containers", len(r.Outcomes), len(w.length))
	}
	return byName
}

// doomed says whether a container cannot succeed: it fails, or what it needs does.
func (w *world) doomed(c string) bool {
	return w.fails[c] >= 0 || slices.ContainsFunc(w.needs[c], w.doomed)
}

func TestAnyPlanIsCarriedOutAsFarAsPossible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, false)
		outcomes := w.shape(t, w.run(t))
		for c, o := range outcomes {
			needy := slices.ContainsFunc(w.needs[c], w.doomed)
			want := w.length[c]
			if needy {
				want = 0
			} else if w.fails[c] >= 0 {
				want = w.fails[c]
			}
			if w.done[c] != want || o.Failed() != w.doomed(c) {
				t.Errorf("%s: %d steps done, want %d; failed %v", c, w.done[c], want, o.Failed())
			}
			if first := o.Steps[0].Status; needy != (first == execute.Skipped) {
				t.Errorf("%s: needs fail: %v, but its first step is %s", c, needy, first)
			}
		}
	})
}

func TestAnyPlanCanBeInterrupted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, false)
		w.cancelAt = rapid.IntRange(1, len(w.steps)).Draw(t, "cancel at")
		r := w.run(t)
		w.shape(t, r)
		skipped := 0
		for _, o := range r.Outcomes {
			for _, s := range o.Steps {
				if s.Message == "interrupted" {
					skipped++
				}
			}
		}
		if r.Interrupted != (skipped > 0) {
			t.Errorf("interrupted %v, with %d steps skipped for it", r.Interrupted, skipped)
		}
	})
}

func TestNoCircleHangs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, true)
		w.shape(t, w.run(t))
	})
}
