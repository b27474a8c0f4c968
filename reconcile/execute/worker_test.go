package execute_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// secretFunc is a secret source that is one function.
type secretFunc func(s plan.Step) (execute.Secrets, error)

func (f secretFunc) Secrets(_ context.Context, s plan.Step) (execute.Secrets, error) { return f(s) }

// secretHost tells which steps saw a secret.
type secretHost struct{ diary }

func (h *secretHost) Do(_ context.Context, s plan.Step, x execute.Secrets) (string, error) {
	h.add(fmt.Sprintf("%s %q", s.Action, x.PasswordHash))
	return "", nil
}

func noSecrets(plan.Step) (execute.Secrets, error) { return execute.Secrets{}, nil }

func TestOnlyThePasswordStepSeesTheHash(t *testing.T) {
	t.Parallel()
	h := new(secretHost)
	source := secretFunc(func(s plan.Step) (execute.Secrets, error) {
		return execute.Secrets{PasswordHash: "hash of " + s.Container}, nil
	})
	all := steps("web", nil, plan.Clone, plan.Password, plan.DNS)
	execute.Run(t.Context(), all, execute.Options{
		Parallel: 1, Hosts: map[string]execute.Host{hostName: h}, Secrets: source,
	})
	check(t, "a secret goes where it is not needed", `clone ""
password "hash of web"
dns ""`, h.String())
	s := execute.Secrets{PasswordHash: "x!"}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); text != "*** *** ***" {
		t.Errorf("a log would hold the hash: %s", text)
	}
}

func TestErrorsSayOnceWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	fails := func(err error) hostFunc {
		return func(context.Context, plan.Step) (string, error) { return "", err }
	}
	known := &execute.StepError{Host: "far", Container: "web", Action: plan.Start, Err: errDisk}
	cases := map[string]struct {
		action  plan.Action
		options execute.Options
		want    string
	}{
		"clone": {plan.Clone, execute.Options{Hosts: hosts(fails(errDisk))},
			`cannot clone container "h1/web" (100_creation): no space left on device`},
		"password": {plan.Password, execute.Options{Hosts: hosts(fails(nil)),
			Secrets: secretFunc(func(plan.Step) (execute.Secrets, error) {
				return execute.Secrets{}, errDisk
			})},
			`cannot set the password of container "h1/web" (250_password): ` +
				`no space left on device`},
		"password without a source": {plan.Password, execute.Options{Hosts: hosts(fails(nil))},
			`cannot set the password of container "h1/web" (250_password): ` +
				`nobody knows the password`},
		"address": {plan.Address, execute.Options{Hosts: hosts(fails(errDisk))},
			`cannot verify the address of container "h1/web" (300_ipattrib): ` +
				`no space left on device`},
		"dns behind all decorators": {plan.DNS, execute.Options{Hosts: map[string]execute.Host{
			hostName: execute.Retry(execute.Timeout(fails(errDisk)), instantly)}},
			`cannot set the DNS of container "h1/web" (350_dns): no space left on device`},
		"an error that knows": {plan.Start, execute.Options{Hosts: hosts(fails(known))},
			`cannot start container "far/web" (200_start): no space left on device`},
		"no host": {plan.Stop, execute.Options{},
			`cannot stop container "h1/web" (050_stop): no connection to host "h1": ` +
				`trying again will not help`},
		"panic": {plan.Destroy, execute.Options{Hosts: hosts(buggy)},
			`cannot destroy container "h1/web" (060_destroy): internal error: a bug`},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := execute.Run(t.Context(), steps("web", nil, c.action), c.options)
			got := r.Outcomes[0].Steps[0]
			if got.Status != execute.Failed || got.Err == nil {
				t.Fatalf("the step is %s", got.Status)
			}
			check(t, "a person cannot tell what failed where", c.want, got.Err.Error())
			var about *execute.StepError
			if !errors.As(got.Err, &about) || about.Container != "web" || about.Action != c.action {
				t.Errorf("a program cannot tell what failed where: %#v", about)
			}
		})
	}
}

func buggy(context.Context, plan.Step) (string, error) { panic("a bug") }

func TestAPanicKeepsItsStack(t *testing.T) {
	t.Parallel()
	r := execute.Run(t.Context(), steps("web", nil, plan.Clone),
		execute.Options{Hosts: hosts(buggy)})
	var bug *execute.PanicError
	if !errors.As(r.Outcomes[0].Steps[0].Err, &bug) {
		t.Fatalf("not told as a panic: %v", r.Outcomes[0].Steps[0].Err)
	}
	if !strings.Contains(string(bug.Stack), "execute_test.buggy") {
		t.Error("nobody can find the bug without the stack")
	}
}

// A slow disk holds up who needs the container, and nobody else.
func TestTheJournalKeepsNoOtherContainerWaiting(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	var order diary
	host := func(_ context.Context, s plan.Step) (string, error) {
		switch s.Container {
		case "b":
			close(begun)
		case "c":
			order.add("c begins")
		}
		return "", nil
	}
	record := func(_ context.Context, o execute.Outcome) error {
		if o.Container == "a" {
			select {
			case <-begun:
			case <-time.After(time.Minute):
				t.Error("b waits for the journal of a, which it does not need")
			}
			order.add("a is on the disk")
		}
		return nil
	}
	execute.Run(t.Context(), join(steps("a", nil, plan.Start), steps("b", nil, plan.Start),
		steps("c", []string{"a"}, plan.Start)),
		execute.Options{Parallel: 1, Hosts: hosts(host), Journal: journalFunc(record)})
	check(t, "c needs a and begins before it is known to be done",
		"a is on the disk\nc begins", order.String())
}

func TestRecordStepsReachNoHost(t *testing.T) {
	t.Parallel()
	var recorded diary
	record := func(_ context.Context, o execute.Outcome) error {
		recorded.add(name(o.Steps[0].Step) + ": " + o.Steps[0].Message)
		return nil
	}
	r := execute.Run(t.Context(), join(steps("a", nil, plan.Note), steps("b", nil, plan.Forget)),
		execute.Options{Parallel: 1, Journal: journalFunc(record)})
	check(t, "the journal must see them", "a note: Record updated\nb forget: Record removed",
		recorded.String())
	check(t, "they need no host", "h1/a: note=done\nh1/b: forget=done", verdict(r))
}

func TestTheJournalGetsTheWholeOutcomeOnce(t *testing.T) {
	t.Parallel()
	var seen diary
	all := join(steps("good", nil, plan.Clone, plan.Start),
		steps("bad", nil, plan.Clone, plan.Start), steps("skipped", []string{"bad"}, plan.Clone))
	execute.Run(t.Context(), all, execute.Options{Parallel: 1, Hosts: hosts(failing("bad clone")),
		Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
			seen.add(verdict(execute.Result{Outcomes: []execute.Outcome{o}}))
			return nil
		})})
	check(t, "the store would remember something else", "h1/good: clone=done start=done\n\n"+
		"h1/bad: clone=failed start=skipped (not begun: step 100_creation (clone) failed)",
		seen.String())
}

func TestWhatCannotBeRecordedFailed(t *testing.T) {
	t.Parallel()
	for what, journal := range map[string]journalFunc{
		"error": func(context.Context, execute.Outcome) error { return errDisk },
		"panic": func(context.Context, execute.Outcome) error { panic(errDisk) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			all := join(steps("a", nil, plan.Clone), steps("b", []string{"a"}, plan.Clone))
			r := execute.Run(t.Context(), all,
				execute.Options{Parallel: 1, Hosts: hosts(failing("")), Journal: journal})
			if a := r.Outcomes[0]; a.Err == nil || !a.Failed() {
				t.Errorf("the run claims success, the store knows nothing of it: %+v", a)
			}
			check(t, "the step itself was done", "h1/a: clone=done\n"+
				"h1/b: clone=skipped (not begun: it needs \"a\", which failed)", verdict(r))
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	tries := 0
	flaky := hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		if tries++; s.Action == plan.Start && tries < 4 {
			return "", errDisk
		}
		return "", nil
	})
	seen := new(events)
	r := execute.Run(t.Context(), steps("web", nil, plan.Clone, plan.Start), execute.Options{
		Parallel: 1, Observer: seen,
		Hosts: map[string]execute.Host{hostName: execute.Retry(flaky, instantly)},
	})
	check(t, "somebody who watches is told something else", `web clone started
web clone finished done in 1
web start started
web start retried after try 1: no space left on device
web start retried after try 2: no space left on device
web start finished done in 3
web start container finished`, seen.String())
	if got := r.Outcomes[0].Steps[1]; got.Attempts != 3 || got.Took <= 0 {
		t.Errorf("%d attempts in %s reported", got.Attempts, got.Took)
	}
}

// busy fails when it is called while it is being called.
type busy struct {
	t    *testing.T
	here chan struct{}
	seen int
}

func (b *busy) Observe(execute.Event) {
	select {
	case b.here <- struct{}{}:
		b.seen++
		runtime.Gosched()
		<-b.here
	default:
		b.t.Error("two calls of an observer overlap")
	}
}

func TestObserversNeedNoLock(t *testing.T) {
	t.Parallel()
	b := &busy{t: t, here: make(chan struct{}, 1)}
	var all []plan.Step
	for i := range 500 {
		all = append(all, steps(fmt.Sprint(i), nil, plan.Clone)...)
	}
	execute.Run(t.Context(), all,
		execute.Options{Parallel: 8, Hosts: hosts(failing("")), Observer: b})
	if b.seen != 3*len(all) {
		t.Errorf("%d events for %d containers of one step", b.seen, len(all))
	}
}
