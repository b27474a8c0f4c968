package hosttest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

var errDisk = errors.New("no space left on device")

func (f *Fake) attempt(ctx context.Context, w *plan.Desired, a plan.Action) error {
	_, err := f.Do(ctx, step(w, a), execute.Secrets{PasswordHash: "$6$hash"})
	return err
}

func TestFailHappensAsOftenAsPlanted(t *testing.T) {
	t.Parallel()
	f := newFake()
	web, db := wanted("web", "10.9.0.2"), wanted("db", "10.9.0.3")
	f.Fail("web", plan.Clone, 2, errDisk)
	f.Fail("", plan.Start, -1, errDisk)
	before := f.String()
	for range 2 {
		if err := f.attempt(t.Context(), web, plan.Clone); !errors.Is(err, errDisk) {
			t.Fatalf("the planted error does not come: %v", err)
		}
	}
	f.same(t, before, "a planted failure has an effect")
	f.make(t, web, plan.Clone, plan.Configure)
	f.make(t, db, plan.Clone, plan.Configure)
	for _, w := range []*plan.Desired{web, db, web, db} {
		if err := f.attempt(t.Context(), w, plan.Start); !errors.Is(err, errDisk) {
			t.Errorf("for ever and for any container is not: %v", err)
		}
	}
}

func TestHangEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFake()
	hangs := f.Hang("web", plan.Clone)
	cause := errors.New("had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	answer := make(chan error)
	go func() { answer <- f.attempt(ctx, wanted("web", "10.9.0.2"), plan.Clone) }()
	<-hangs
	f.make(t, wanted("db", "10.9.0.3"), plan.Clone) // others go on meanwhile
	cancel(cause)
	if err := <-answer; !errors.Is(err, cause) {
		t.Errorf("the hang ends with %v, not with the cause", err)
	}
	f.make(t, wanted("web", "10.9.0.2"), plan.Clone)
}

func TestPanicLeavesTheFakeUsable(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.Panic("web", plan.Clone, "a bug")
	func() {
		defer func() {
			if r := recover(); r != "a bug" {
				t.Errorf("panicked with %v", r)
			}
		}()
		_ = f.attempt(t.Context(), wanted("web", "10.9.0.2"), plan.Clone)
	}()
	f.make(t, wanted("web", "10.9.0.2"), plan.Clone)
}

func TestCrashConverges(t *testing.T) {
	t.Parallel()
	whole := newFake()
	whole.make(t, wanted("web", "10.9.0.2"), newSteps()...)
	for _, a := range newSteps() {
		for _, left := range []Left{LeftNothing, LeftStaging, LeftHalf, LeftAll} {
			if a != plan.Clone && (left == LeftStaging || left == LeftHalf) {
				continue
			}
			f := newFake()
			unlock, err := f.Lock(t.Context(), "first")
			if err != nil {
				t.Fatal(err)
			}
			f.Crash("web", a, left)
			web := wanted("web", "10.9.0.2")
			f.runUntilCrash(t, web)
			f.checkDead(t, web)
			f.Restart()
			if err := unlock(); err == nil {
				t.Error("the lock of a dead process is still held")
			}
			if _, err := f.Lock(t.Context(), "second"); err != nil {
				t.Fatalf("the lock of a dead process excludes others: %v", err)
			}
			f.make(t, web, newSteps()...)
			f.same(t, whole.String(), "a crash in "+string(a)+" leaves traces")
		}
	}
}

func (f *Fake) runUntilCrash(t *testing.T, w *plan.Desired) {
	t.Helper()
	for _, a := range newSteps() {
		if err := f.attempt(t.Context(), w, a); errors.Is(err, ErrCrashed) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the planted crash does not come")
}

func (f *Fake) checkDead(t *testing.T, w *plan.Desired) {
	t.Helper()
	if err := f.attempt(t.Context(), w, plan.Clone); !errors.Is(err, ErrCrashed) {
		t.Errorf("a dead process goes on working: %v", err)
	}
	if _, err := f.Observe(t.Context()); !errors.Is(err, ErrCrashed) {
		t.Errorf("a dead process goes on looking: %v", err)
	}
	if _, err := f.Lock(t.Context(), "me"); !errors.Is(err, ErrCrashed) {
		t.Errorf("a dead process takes a lock: %v", err)
	}
}

func TestWhatACrashLeaves(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		action plan.Action
		left   Left
		ok     func(*testing.T, *Fake) bool
	}{
		"staging is not observed, and the lock removes it": {plan.Clone, LeftStaging,
			func(t *testing.T, f *Fake) bool {
				a, err := f.Observe(t.Context())
				shown := strings.Contains(f.String(), "leftover of web")
				_, lockErr := f.Lock(t.Context(), "me")
				return err == nil && len(a.Containers) == 1 && shown && lockErr == nil &&
					!strings.Contains(f.String(), "leftover")
			}},
		"a half-made clone is ours and damaged": {plan.Clone, LeftHalf,
			func(t *testing.T, f *Fake) bool {
				o := f.lookAt(t, "web")
				return o.Damage != "" && o.Mark.UID == "uid-web"
			}},
		"half a destroy can be finished": {plan.Destroy, LeftHalf,
			func(t *testing.T, f *Fake) bool {
				damaged := f.lookAt(t, "web").Damage != ""
				f.make(t, wanted("web", "10.9.0.2"), plan.Destroy)
				return damaged && !strings.Contains(f.String(), "container web")
			}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			web := wanted("web", "10.9.0.2")
			if c.action == plan.Destroy {
				f.make(t, web, newSteps()...)
			}
			f.Crash("", c.action, c.left)
			if err := f.attempt(t.Context(), web, c.action); !errors.Is(err, ErrCrashed) {
				t.Fatalf("the crash does not come: %v", err)
			}
			f.Restart()
			if !c.ok(t, f) {
				t.Errorf("the crash left something else:\n%s", f)
			}
		})
	}
}

func TestHostsThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	f := newFake()
	down := errors.New("connection refused")
	f.Unreachable(down)
	_, err := f.Observe(t.Context())
	_, lockErr := f.Lock(t.Context(), "me")
	for what, err := range map[string]error{
		"observe": err, "lock": lockErr,
		"do": f.attempt(t.Context(), wanted("web", "10.9.0.2"), plan.Clone),
	} {
		if !errors.Is(err, down) || errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s of an unreachable host says %v", what, err)
		}
	}
	f.Unreachable(nil)
	f.make(t, wanted("web", "10.9.0.2"), plan.Clone)

	f.Unreadable("base", errDisk)
	a, err := f.Observe(t.Context())
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), `"base"`) {
		t.Errorf("half an observation passes for a whole one: %v", err)
	}
	if len(a.Containers) != 1 || a.Containers[0].Name != "web" {
		t.Errorf("the readable ones must be there to tempt a careless caller: %+v", a.Containers)
	}
	f.Unreadable("base", nil)
	if _, err := f.Observe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACancelledContextDoesNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := f.String()
	err := f.attempt(ctx, wanted("web", "10.9.0.2"), plan.Clone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the step does not end with its context: %v", err)
	}
	if _, err := f.Observe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the observation does not end with its context: %v", err)
	}
	f.same(t, before, "a step without time has an effect")
}

func TestTheLockIsHandedOn(t *testing.T) {
	t.Parallel()
	f := newFake()
	unlock, err := f.Lock(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		unlock, err := f.Lock(t.Context(), "second")
		if err == nil {
			err = unlock()
		}
		got <- err
	}()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("who waits does not get the lock: %v", err)
	}
	if err := unlock(); err == nil {
		t.Error("a lock is given back twice, the second time from under somebody else")
	}
}
