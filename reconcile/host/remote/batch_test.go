package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
)

// recording is a host that remembers what it was told to do, and does nothing.
type recording struct {
	*hosttest.Fake
	mu   sync.Mutex
	done map[string]int // steps by container
	want map[string]int // bytes of the domains that its steps want
}

func newRecording() *recording {
	return &recording{Fake: newFake(), done: map[string]int{}, want: map[string]int{}}
}

// Do implements execute.Host.
func (r *recording) Do(_ context.Context, s plan.Step, x execute.Secrets) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[s.Container]++
	r.want[s.Container] += len(s.Want.Domains[0])
	if s.Action == plan.Password && x.PasswordHash != "$6$x$y" {
		return "", fmt.Errorf("a password of %d bytes", len(x.PasswordHash))
	}
	return "done", nil
}

// TestABatchOfAnySizeArrives sends some ten times what one message may have.
func TestABatchOfAnySizeArrives(t *testing.T) {
	t.Parallel()
	const containers, size = 1000, 10_000
	r := newRecording()
	var all []plan.Step
	for i := range containers {
		w := want(i)
		w.Domains = []string{strings.Repeat("x", size)}
		for _, a := range newActions() {
			all = append(all, stepOf(w, a))
		}
	}
	recorded := atomic.Int64{}
	result := carryOut(t.Context(), over(t, r, usual()), all, execute.Options{Parallel: 8,
		Journal: journalFunc(func(execute.Outcome) error {
			recorded.Add(1)
			return nil
		})})
	if err := firstError(result); err != nil {
		t.Fatal(err)
	}
	if recorded.Load() != containers || len(r.done) != containers {
		t.Errorf("%d containers are worked on, %d recorded", len(r.done), recorded.Load())
	}
	for c, n := range r.done {
		if n != len(newActions()) || r.want[c] != n*size {
			t.Errorf("%s: %d steps, which want %d bytes", c, n, r.want[c])
		}
	}
}

func TestAStepThatCannotBeSentHarmsOnlyItsContainer(t *testing.T) {
	t.Parallel()
	r := newRecording()
	var all []plan.Step
	for i := range 5 {
		w := want(i)
		w.Domains = []string{"x"}
		all = append(all, stepOf(w, plan.Stop))
		if i == 2 {
			w = want(i)
			w.Domains = []string{strings.Repeat("x", maxRequest)}
		}
		all = append(all, stepOf(w, plan.Configure), stepOf(w, plan.Start))
	}
	result := carryOut(t.Context(), over(t, r, usual()), all, execute.Options{Parallel: 2})
	for _, o := range result.Outcomes {
		if sick := o.Container == want(2).Name; !sick && (o.Failed() || r.done[o.Container] != 3) {
			t.Errorf("%s is harmed: %+v", o.Container, o.Steps)
		} else if sick && (r.done[o.Container] != 1 || o.Steps[1].Attempts != 1 ||
			!errors.Is(o.Steps[1].Err, execute.ErrPermanent) ||
			!strings.Contains(o.Steps[1].Err.Error(), "too large")) {
			t.Errorf("after %d steps the error is %v", r.done[o.Container], o.Steps[1].Err)
		}
	}
}

// journalFunc is a journal that is one function.
type journalFunc func(o execute.Outcome) error

func (f journalFunc) Finished(_ context.Context, o execute.Outcome) error { return f(o) }

// keyless is a source that has lost its key.
type keyless struct{}

var errKey = errors.New("the key is lost")

func (keyless) Secrets(context.Context, plan.Step) (execute.Secrets, error) {
	return execute.Secrets{}, errKey
}

func TestAPasswordThatNobodyKnowsFailsItsStepOnly(t *testing.T) {
	t.Parallel()
	var all []plan.Step
	for _, a := range newActions() {
		all = append(all, stepOf(want(1), a))
	}
	r := execute.Run(t.Context(), append(all, stepOf(want(2), plan.Clone)), execute.Options{
		Tries: 3, Secrets: keyless{},
		Hosts: map[string]execute.Host{testHost: over(t, newFake(), slow())},
	})
	for i, s := range r.Outcomes[0].Steps {
		if (s.Status == execute.Done) != (i < 3) || i == 3 && (!errors.Is(s.Err, errKey) ||
			s.Attempts != 1) {
			t.Errorf("%s is %s after %d attempts: %v", s.Step.Action, s.Status, s.Attempts, s.Err)
		}
	}
	if r.Outcomes[1].Failed() {
		t.Errorf("another container is harmed: %+v", r.Outcomes[1].Steps)
	}
}

func TestWhatNeedsTheUnrecordedDoesNotBeginFarAway(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{true, false} {
		r := newRecording()
		base, clone := stepOf(want(1), plan.Start), stepOf(want(2), plan.Start)
		base.Want.Domains, clone.Want.Domains = []string{"x"}, []string{"x"}
		clone.Needs = []string{base.Container}
		late := atomic.Bool{}
		result := carryOut(t.Context(), over(t, r, slow()), []plan.Step{clone, base},
			execute.Options{Parallel: 2, Journal: journalFunc(func(o execute.Outcome) error {
				if o.Container != base.Container {
					return nil
				}
				time.Sleep(50 * time.Millisecond) // time enough to begin what must not
				r.mu.Lock()
				late.Store(r.done[clone.Container] > 0)
				r.mu.Unlock()
				if fails {
					return errKey
				}
				return nil
			})})
		if late.Load() || (r.done[clone.Container] == 0) != fails {
			t.Errorf("journal fails %v: before it is recorded %v, in the end %v", fails,
				late.Load(), r.done)
		}
		if o := result.Outcomes[1]; o.Failed() != fails {
			t.Errorf("journal fails %v: the clone is told as %+v", fails, o.Steps)
		}
	}
}

func TestRetriesAreMadeAndToldByTheAgent(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.Fail("", plan.Clone, 2, errors.New("the disk is busy"))
	var told []string
	o := execute.Options{
		Tries: 3, Hosts: map[string]execute.Host{testHost: over(t, f, slow())},
		Observer: observerFunc(func(e execute.Event) {
			told = append(told, fmt.Sprint(e.Kind, " ", e.Step.Action, " ", e.Attempt, " ", e.Err))
		}),
	}
	r := execute.Run(t.Context(), []plan.Step{stepOf(want(1), plan.Clone)}, o)
	got := strings.Join(told, "\n")
	const wanted = "started clone 0 <nil>\nretried clone 1 the disk is busy\n" +
		"retried clone 2 the disk is busy\nfinished clone 0 <nil>\ncontainer finished clone 0 <nil>"
	if s := r.Outcomes[0].Steps[0]; got != wanted || s.Attempts != 3 || s.Took <= 0 {
		t.Errorf("%d attempts in %s are told as\n%s", s.Attempts, s.Took, got)
	}
}

type observerFunc func(e execute.Event)

func (f observerFunc) Observe(e execute.Event) { f(e) }

// TestADeadControllerBeginsNothing has the connection end while the first of two containers is
// worked on.
func TestADeadControllerBeginsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		s := serve(t, g, slow())
		h, err := greetOver(s.client, testTarget(), slow())
		if err != nil {
			t.Fatal(err)
		}
		var all []plan.Step
		for i := range 2 {
			all = append(all, stepOf(want(i), plan.Clone), stepOf(want(i), plan.Configure))
		}
		ended := make(chan execute.Result)
		go func() { ended <- carryOut(t.Context(), h, all, execute.Options{Parallel: 1}) }()
		<-g.begun
		synctest.Wait() // until the controller knows
		_ = h.Close()
		r := <-ended
		if first := r.Outcomes[0].Steps[0]; first.Status != execute.Failed ||
			!strings.Contains(first.Err.Error(), testHost) {
			t.Errorf("what it was at is told as %s: %v", first.Status, first.Err)
		}
		if other := r.Outcomes[1].Steps[0]; other.Status != execute.Skipped ||
			!strings.Contains(other.Message, testHost) {
			t.Errorf("what it had not begun is told as %s: %s", other.Status, other.Message)
		}
		synctest.Wait() // until the agent knows
		close(g.gate)
		s.wait(t)
		if there := observed(t, g.Fake); len(there) != 2 || there[1].Mark == nil {
			t.Errorf("the host has %+v", there)
		}
		if g.waits.Load() != 1 {
			t.Errorf("%d steps were begun", g.waits.Load())
		}
	})
}

// FuzzTold has an agent tell anything of a batch. Whatever it is, every step is told to have become
// something, and nothing is recorded twice.
func FuzzTold(f *testing.F) {
	tell := func(container, kind, more string) []byte {
		return frame(`{"method":"progress","params":{"Call":2,"Container":"` + container +
			`","Kind":"` + kind + `"` + more + `}}`)
	}
	c1, c2 := want(1).Name, want(2).Name
	end := frame(`{"id":2,"result":null}`)
	begun, done := tell(c1, "started", ""), tell(c1, "finished", `,"Message":"x","Attempts":1`)
	f.Add(append(bytes.Join([][]byte{begun, done, begun, done, tell(c1, "container finished", "")},
		nil), end...))
	f.Add(append(bytes.Join([][]byte{
		begun, tell(c1, "retried", `,"Wait":-5,"Fault":{"Text":"y"}`),
		tell(c1, "finished", `,"Fault":{"Text":"y","Step":true}`), tell(c2, "started", ""),
	}, nil), end...))
	f.Add(bytes.Join([][]byte{begun, begun, tell("x", "started", ""), tell(c2, "x", "")}, nil))
	f.Add(frame(`{"id":2,"error":{"code":1,"message":"x","data":{"Text":"y"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		impatient := timing{beat: time.Hour, patience: time.Hour, grace: time.Millisecond}
		g := greeting{Major: major, Target: testTarget()}
		h, err := connect(t.Context(), newTalking(data), g, impatient)
		if err != nil {
			t.Fatal(err)
		}
		var recorded sync.Map
		all := []plan.Step{stepOf(want(1), plan.Clone), stepOf(want(1), plan.Start),
			stepOf(want(2), plan.Clone)}
		all[2].Needs = []string{want(1).Name}
		r := carryOut(t.Context(), h, all, execute.Options{
			Parallel: 2, Journal: journalFunc(func(o execute.Outcome) error {
				if _, twice := recorded.LoadOrStore(o.Container, true); twice {
					t.Errorf("%s is recorded twice", o.Container)
				}
				return nil
			})})
		_ = h.Close()
		if len(r.Outcomes) != 2 || len(r.Outcomes[0].Steps) != 2 || len(r.Outcomes[1].Steps) != 1 {
			t.Errorf("of three steps there is told %+v", r.Outcomes)
		}
		if r.Outcomes[1].Steps[0].Status == execute.Done && r.Outcomes[0].Failed() {
			t.Error("it is believed that a container was made of what is not there")
		}
	})
}

// talking is a pipe to an agent that answers hello, says something as soon as a batch is asked for,
// and ends.
type talking struct {
	io.Reader
	greeted, asked chan struct{}
	once           sync.Once
}

func newTalking(says []byte) *talking {
	t := &talking{greeted: make(chan struct{}), asked: make(chan struct{})}
	hello := frame(`{"id":1,"result":{"Major":2}}`)
	t.Reader = io.MultiReader(after{t.greeted}, bytes.NewReader(hello), after{t.asked},
		bytes.NewReader(says))
	return t
}

// after is at its end when something has happened.
type after struct{ happened chan struct{} }

// Read implements io.Reader.
func (a after) Read([]byte) (int, error) {
	<-a.happened
	return 0, io.EOF
}

// Write implements io.Writer.
func (t *talking) Write(p []byte) (int, error) {
	t.once.Do(func() { close(t.greeted) })
	if bytes.Contains(p, []byte(`"method":"batch"`)) {
		close(t.asked)
	}
	return len(p), nil
}

// Close implements io.Closer.
func (t *talking) Close() error { return nil }
