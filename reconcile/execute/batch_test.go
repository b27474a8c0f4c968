package execute_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// far is a host that takes batches, and does their steps as the host in it. Of the first batch it
// tells only as much as says, and then it is lost.
type far struct {
	execute.Host
	says int64 // events; below 0: all

	batches atomic.Int64
	told    atomic.Int64
}

var errLost = errors.New("the connection has ended")

func newFar(h execute.Host) *far { return &far{Host: h, says: -1} }

// Batch implements execute.Batcher.
func (f *far) Batch(ctx context.Context, b execute.Batch) error {
	f.batches.Add(1)
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	tell, lost := b.Tell, atomic.Bool{}
	b.Tell = func(e execute.Event) error {
		if n := f.told.Add(1); f.says >= 0 && n > f.says {
			lost.Store(true)
			hangUp()
			return errLost
		}
		return tell(e)
	}
	b.Run(ctx, f.Host)
	if lost.Load() {
		return errLost
	}
	return nil
}

// Do must not be called: there is a batch.
func (f *far) Do(context.Context, plan.Step, execute.Secrets) (string, error) {
	return "", errors.New("it is asked for a single step")
}

func oneFar(f *far) map[string]execute.Host { return map[string]execute.Host{hostName: f} }

func TestABatchIsToldAsSingleStepsAre(t *testing.T) {
	t.Parallel()
	all := join(steps("base", nil, plan.Create), steps("web", []string{"base"}, plan.Clone,
		plan.Configure, plan.Password, plan.Start), steps("sick", []string{"base"}, plan.Clone,
		plan.Start), steps("db", []string{"sick"}, plan.Clone), steps("old", nil, plan.Forget))
	told := func(h func(hostFunc) execute.Host) (string, string, string) {
		tries, seen, recorded := 0, new(events), new(diary)
		r := execute.Run(t.Context(), all, execute.Options{
			Parallel: 1, Observer: seen, Tries: 2,
			Hosts: map[string]execute.Host{hostName: h(func(_ context.Context, s plan.Step) (string, error) {
				if tries++; name(s) == "sick clone" || name(s) == "web clone" && tries == 2 {
					return "", errDisk
				}
				return "did " + name(s), nil
			})},
			Secrets: secretFunc(func(plan.Step) (execute.Secrets, error) {
				return execute.Secrets{}, errors.New("the key is lost")
			}),
			Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				recorded.add(verdict(execute.Result{Outcomes: []execute.Outcome{o}}))
				return nil
			}),
		})
		var errs strings.Builder
		for _, o := range r.Outcomes {
			for _, s := range o.Steps {
				fmt.Fprintf(&errs, "%s %q %d %v\n", name(s.Step), s.Message, s.Attempts, s.Err)
			}
		}
		return seen.byContainer(), recorded.String(), verdict(r) + errs.String()
	}
	seen, recorded, result := told(func(f hostFunc) execute.Host {
		return execute.Retry(execute.Timeout(f), execute.RetryOptions{Tries: 2, Initial: 1, Max: 1})
	})
	gotSeen, gotRecorded, gotResult := told(func(f hostFunc) execute.Host { return newFar(f) })
	check(t, "who watches sees something else", seen, gotSeen)
	check(t, "the store remembers something else", recorded, gotRecorded)
	check(t, "the report is another one", result, gotResult)
}

func TestAHostGetsOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const count = 100
		var inside, most atomic.Int64
		slow := hostFunc(func(context.Context, plan.Step) (string, error) {
			most.Store(max(most.Load(), inside.Add(1)))
			<-time.After(time.Second) // of the bubble's clock: all that can begin has
			inside.Add(-1)
			return "", nil
		})
		var all []plan.Step
		machines := map[string]execute.Host{}
		for i := range count {
			h := fmt.Sprint("h", i)
			machines[h] = newFar(slow)
			for _, s := range join(steps("a", nil, plan.Clone, plan.Start),
				steps("b", nil, plan.Stop)) {
				s.Host = h
				all = append(all, s)
			}
		}
		r := execute.Run(t.Context(), all, execute.Options{Parallel: 1, Hosts: machines})
		for h, m := range machines {
			if n := m.(*far).batches.Load(); n != 1 {
				t.Errorf("host %s is asked %d times", h, n)
			}
		}
		if most.Load() != 32 || len(r.Outcomes) != 2*count {
			t.Errorf("%d hosts at once, %d outcomes", most.Load(), len(r.Outcomes))
		}
	})
}

func TestAHostWithNothingToDoGetsNoBatch(t *testing.T) {
	t.Parallel()
	f := newFar(hosts(failing(""))[hostName])
	execute.Run(t.Context(), steps("a", nil, plan.Note), execute.Options{Hosts: oneFar(f)})
	execute.Run(t.Context(), steps("a", []string{"a"}, plan.Stop), execute.Options{Hosts: oneFar(f)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := execute.Run(ctx, steps("a", nil, plan.Stop), execute.Options{Hosts: oneFar(f)})
	check(t, "an interrupt is told as something else", "h1/a: stop=skipped (interrupted)", verdict(r))
	if n := f.batches.Load(); n != 0 || !r.Interrupted {
		t.Errorf("the host is asked %d times for nothing", n)
	}
}

// TestWhatIsFinishedIsRecordedAtOnce has a controller that could be killed in the middle of a
// batch.
func TestWhatIsFinishedIsRecordedAtOnce(t *testing.T) {
	t.Parallel()
	recorded := make(chan string, 1)
	f := newFar(hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		if s.Container == "b" {
			if got := <-recorded; got != "a" {
				t.Errorf("recorded is %q", got)
			}
		}
		return "", nil
	}))
	execute.Run(t.Context(), join(steps("a", nil, plan.Clone), steps("b", nil, plan.Clone)),
		execute.Options{Parallel: 1, Hosts: oneFar(f),
			Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				if o.Container == "a" {
					recorded <- o.Container
				}
				return nil
			})})
}

func TestWhatNeedsTheUnrecordedDoesNotBeginInABatch(t *testing.T) {
	t.Parallel()
	var done diary
	f := newFar(hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		done.add(name(s))
		return "", nil
	}))
	all := join(steps("a", nil, plan.Clone), steps("b", []string{"a"}, plan.Clone))
	r := execute.Run(t.Context(), all, execute.Options{Parallel: 2, Hosts: oneFar(f),
		Journal: journalFunc(func(context.Context, execute.Outcome) error { return errDisk })})
	check(t, "the store knows nothing of what is built upon", "a clone", done.String())
	check(t, "it is told as something else", "h1/a: clone=done\n"+
		"h1/b: clone=skipped (not begun: it needs \"a\", which failed)", verdict(r))
}

// TestALostHostKeepsWhatItFinished loses the connection after any number of events.
func TestALostHostKeepsWhatItFinished(t *testing.T) {
	t.Parallel()
	all := join(steps("a", nil, plan.Clone, plan.Start), steps("b", []string{"a"}, plan.Clone))
	lost := ` (not begun: host "h1": the connection has ended)`
	for says, want := range []struct{ verdict, recorded string }{
		{"a: clone=skipped start=skipped" + lost + "\nb: clone=skipped" + lost, ""},
		{"a: clone=failed start=skipped (not begun: step 100_creation (clone) failed)\n" +
			"b: clone=skipped" + lost, "a"},
		{"a: clone=done start=skipped" + lost + "\nb: clone=skipped" + lost, "a"},
		{"a: clone=done start=failed\nb: clone=skipped" + lost, "a"},
		{"a: clone=done start=done\nb: clone=skipped" + lost, "a"},
		{"a: clone=done start=done\nb: clone=skipped" + lost, "a"},
		{"a: clone=done start=done\nb: clone=failed", "a\nb"},
		{"a: clone=done start=done\nb: clone=done", "a\nb"},
		{"a: clone=done start=done\nb: clone=done", "a\nb"},
	} {
		f := newFar(hosts(failing(""))[hostName])
		f.says = int64(says)
		seen, recorded := new(events), new(diary)
		r := execute.Run(t.Context(), all, execute.Options{Parallel: 1, Hosts: oneFar(f),
			Observer: seen, Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				recorded.add(o.Container)
				return nil
			})})
		check(t, fmt.Sprintf("after %d events the report is wrong", says), want.verdict,
			strings.ReplaceAll(verdict(r), hostName+"/", ""))
		check(t, fmt.Sprintf("after %d events the store remembers something else", says),
			want.recorded, recorded.String())
		ends := strings.Count(seen.String(), "container finished")
		if begun := strings.Count(want.recorded, "\n") + 1; want.recorded != "" && ends != begun {
			t.Errorf("after %d events the end of %d containers is told:\n%s", says, ends, seen)
		}
		for _, o := range r.Outcomes {
			for _, s := range o.Steps {
				if s.Status == execute.Failed && (!errors.Is(s.Err, errLost) ||
					!strings.Contains(s.Err.Error(), `host "h1"`) || s.Attempts != 1) {
					t.Errorf("the user reads %v after %d attempts", s.Err, s.Attempts)
				}
			}
		}
	}
}

// fickle is a Batcher that is one function.
type fickle func(b execute.Batch) error

func (f fickle) Do(context.Context, plan.Step, execute.Secrets) (string, error) { return "", nil }

func (f fickle) Batch(_ context.Context, b execute.Batch) error { return f(b) }

// message is what a host tells of a container.
type message struct {
	container string
	kind      execute.EventKind
}

// telling is a host that tells this, and hears that the last of it cannot be.
func telling(t *testing.T, told []message) fickle {
	done := execute.StepResult{Status: execute.Done, Attempts: 1}
	return fickle(func(b execute.Batch) error {
		for i, m := range told {
			err := b.Tell(execute.Event{
				Kind: m.kind, Step: plan.Step{Container: m.container}, Result: done,
			})
			if (err != nil) != (i == len(told)-1) {
				t.Errorf("%v is answered with %v", m, err)
			}
		}
		return nil
	})
}

func TestAHostThatTellsWhatCannotBeIsNotBelieved(t *testing.T) {
	t.Parallel()
	const (
		began    = execute.StepStarted
		again    = execute.StepRetried
		ended    = execute.StepFinished
		complete = execute.ContainerFinished
	)
	for what, c := range map[string]struct {
		told []message // the last of which is refused
		want string
	}{
		"an end before the begin": {[]message{{"a", ended}}, "a: clone=skipped start=skipped"},
		"a retry of nothing":      {[]message{{"a", again}}, "a: clone=skipped start=skipped"},
		"a stranger":              {[]message{{"x", began}}, "a: clone=skipped start=skipped"},
		"nobody":                  {[]message{{"", complete}}, "a: clone=skipped start=skipped"},
		"the end of nothing":      {[]message{{"a", complete}}, "a: clone=skipped start=skipped"},
		"who waits for another":   {[]message{{"b", began}}, "a: clone=skipped start=skipped"},
		"the same begin": {[]message{{"a", began}, {"a", began}},
			"a: clone=failed start=skipped"},
		"an end in the middle": {[]message{{"a", began}, {"a", ended}, {"a", complete}},
			"a: clone=done start=skipped"},
		"the end of what runs": {[]message{{"a", began}, {"a", complete}},
			"a: clone=failed start=skipped"},
		"a third step": {[]message{{"a", began}, {"a", ended}, {"a", began}, {"a", ended},
			{"a", began}}, "a: clone=done start=done"},
		"a second end": {[]message{{"a", began}, {"a", ended}, {"a", began}, {"a", ended},
			{"a", complete}, {"a", complete}}, "a: clone=done start=done"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			liar := telling(t, c.told)
			all := join(steps("a", nil, plan.Clone, plan.Start), steps("b", []string{"a"}, plan.Clone))
			var recorded atomic.Int64
			r := execute.Run(t.Context(), all, execute.Options{
				Hosts: map[string]execute.Host{hostName: liar},
				Journal: journalFunc(func(context.Context, execute.Outcome) error {
					recorded.Add(1)
					return nil
				})})
			got, _, _ := strings.Cut(strings.TrimPrefix(verdict(r), hostName+"/"), " (not begun")
			got, _, _ = strings.Cut(got, "\n")
			check(t, "the liar is believed", c.want, got)
			if b := r.Outcomes[1]; b.Steps[0].Status != execute.Skipped || recorded.Load() > 1 {
				t.Errorf("b is %s, recorded is %d times", b.Steps[0].Status, recorded.Load())
			}
		})
	}
}

func TestABatcherThatPanicsHarmsNoOtherHost(t *testing.T) {
	t.Parallel()
	all := join(steps("a", nil, plan.Clone), steps("b", nil, plan.Clone))
	all[1].Host = "h2"
	r := execute.Run(t.Context(), all, execute.Options{Hosts: map[string]execute.Host{
		hostName: fickle(func(execute.Batch) error { panic("a bug") }), "h2": failing(""),
	}})
	check(t, "the panic is told as something else",
		"h1/a: clone=skipped (not begun: host \"h1\": internal error: a bug)\nh2/b: clone=done",
		verdict(r))
}

func TestASecretThatIsMissingFailsItsStepOnly(t *testing.T) {
	t.Parallel()
	for what, source := range map[string]execute.SecretSource{
		"error": secretFunc(func(plan.Step) (execute.Secrets, error) {
			return execute.Secrets{}, errDisk
		}),
		"panic":  secretFunc(func(plan.Step) (execute.Secrets, error) { panic(errDisk) }),
		"nobody": nil,
	} {
		r := execute.Run(t.Context(), join(steps("a", nil, plan.Clone, plan.Password),
			steps("b", nil, plan.Clone)), execute.Options{Hosts: oneFar(newFar(failing(""))),
			Secrets: source, Tries: 1})
		check(t, what+": it is told as something else",
			"h1/a: clone=done password=failed\nh1/b: clone=done", verdict(r))
	}
}

// TestAnyLostBatchIsTold loses any batch anywhere.
func TestAnyLostBatchIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.Bool().Draw(t, "circles"))
		f := newFar(hostFunc(func(_ context.Context, s plan.Step) (string, error) {
			w.enter(s, func() {})
			return "", w.leave(s)
		}))
		f.says = rapid.Int64Range(0, int64(3*len(w.steps))).Draw(t, "events")
		var mu sync.Mutex
		recorded := map[string]execute.Outcome{}
		r := execute.Run(context.Background(), w.steps, execute.Options{
			Parallel: w.parallel, Tries: 1, Hosts: oneFar(f),
			Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				mu.Lock()
				defer mu.Unlock()
				if _, twice := recorded[o.Container]; twice {
					w.complain("%s is recorded twice", o.Container)
				}
				recorded[o.Container] = o
				return nil
			}),
		})
		for c, o := range w.shape(t, r) {
			done := 0
			for _, s := range o.Steps {
				if s.Status == execute.Done {
					done++
				}
			}
			if done > w.done[c] {
				t.Errorf("%s: %d steps are told to be done, %d were", c, done, w.done[c])
			}
			if _, is := recorded[c]; is != (o.Steps[0].Status != execute.Skipped) {
				t.Errorf("%s is %s, recorded %v", c, o.Steps[0].Status, is)
			}
		}
		for _, complaint := range w.wrong {
			t.Error(complaint)
		}
	})
}
