package remote

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func TestARemoteHostPassesTheSuite(t *testing.T) {
	t.Parallel()
	for _, backing := range []string{"dir", "overlayfs"} {
		t.Run(backing, func(t *testing.T) {
			t.Parallel()
			hosttest.Run(t, func(t *testing.T) hosttest.Subject {
				f := newFake()
				return subjectOf(f, over(t, f, usual()), backing)
			})
		})
	}
}

func testNetwork() *spec.Network {
	return &spec.Network{
		Name: "net", Bridge: "br0",
		CIDR:    netip.MustParsePrefix("10.9.0.0/24"),
		Gateway: netip.MustParseAddr("10.9.0.1"),
		First:   netip.MustParseAddr("10.9.0.2"),
		Last:    netip.MustParseAddr("10.9.0.20"),
	}
}

func subjectOf(f *hosttest.Fake, d hosttest.Driver, backing string) hosttest.Subject {
	return hosttest.Subject{
		Driver: d, Host: testHost, Installation: testInstallation, Base: "base", Backing: backing,
		Image: "busybox", Network: testNetwork(),
		Fingerprint: func(*testing.T) string { return fmt.Sprint(f.Writes()) },
		Damage:      func(_ *testing.T, name string) { f.DamageByHand(name) },
		ReadGuest: func(_ *testing.T, name, path string) string {
			g, _ := f.Guest(name)
			var shadow strings.Builder
			for user, hash := range g.Shadow {
				fmt.Fprintf(&shadow, "%s:%s:::\n", user, hash)
			}
			return map[string]string{
				"/etc/shadow": shadow.String(), "/etc/hosts": g.Hosts, "/etc/resolv.conf": g.Resolv,
			}[path]
		},
	}
}

// want declares the n-th clone of the base.
func want(n int) *plan.Desired {
	name := fmt.Sprintf("c%d.example.org", n)
	return &plan.Desired{UID: fmt.Sprintf("%032x", n), Container: spec.Container{
		Host: testHost, Name: name, Settings: spec.Settings{
			FromContainer: "base", Backing: "dir", Network: testNetwork(), Bridge: "br0",
			IP: netip.AddrFrom4([4]byte{10, 9, 0, byte(2 + n)}), PrefixLen: 24,
			Gateway: netip.MustParseAddr("10.9.0.1"), MAC: fmt.Sprintf("00:16:3e:00:00:%02x", n),
			Users: []string{"root"}, Running: true,
		},
	}}
}

func stepOf(w *plan.Desired, a plan.Action) plan.Step {
	return plan.Step{Host: w.Host, Container: w.Name, UID: w.UID, Action: a, Want: w}
}

func newActions() []plan.Action {
	return []plan.Action{
		plan.Clone, plan.Configure, plan.Start, plan.Password, plan.Address, plan.DNS,
	}
}

func TestAnErrorArrivesAsTheDriverMadeIt(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("the disk is full: %w", execute.ErrPermanent)
	for name, err := range map[string]error{
		"plain":     errors.New("no luck\nsecond line \xff"),
		"permanent": cause,
		"late":      fmt.Errorf("waited: %w", context.DeadlineExceeded),
		"cancelled": fmt.Errorf("waited: %w", context.Canceled),
		"of a step": &execute.StepError{Host: testHost, Container: "c1.example.org",
			Action: plan.Clone, Err: cause},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.Fail("", plan.Clone, -1, err)
			clone := []plan.Step{stepOf(want(1), plan.Clone)}
			tell := func(h execute.Host) error {
				return carryOut(t.Context(), h, clone, execute.Options{}).Outcomes[0].Steps[0].Err
			}
			err, got := tell(execute.Timeout(f)), tell(over(t, f, slow()))
			if got == nil || got.Error() != err.Error() {
				t.Fatalf("the user reads %q instead of %q", got, err)
			}
			for _, sentinel := range []error{
				execute.ErrPermanent, context.DeadlineExceeded, context.Canceled,
			} {
				if errors.Is(got, sentinel) != errors.Is(err, sentinel) {
					t.Errorf("whether it is %q got lost", sentinel)
				}
			}
			var step, sent *execute.StepError
			if errors.As(got, &step) != errors.As(err, &sent) {
				t.Error("whether it tells the step got lost, which would be told twice then")
			}
		})
	}
}

func TestACancelledBatchFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		h := over(t, g, slow())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan execute.Result)
		all := []plan.Step{stepOf(want(1), plan.Clone), stepOf(want(1), plan.Configure)}
		go func() { ended <- carryOut(ctx, h, all, execute.Options{}) }()
		<-g.begun
		cancel()
		synctest.Wait() // until the agent knows
		close(g.gate)
		r := <-ended
		if first := r.Outcomes[0].Steps[0]; first.Status != execute.Done || !r.Interrupted {
			t.Errorf("what runs is %s, %v, interrupted %v", first.Status, first.Err, r.Interrupted)
		}
		step := stepOf(want(1), plan.Configure)
		if _, err := h.Do(t.Context(), step, execute.Secrets{}); err != nil {
			t.Errorf("the next step on the same connection fails: %v", err)
		}
	})
}

// TestTheLimitOfAStepHoldsOnItsHost has a step hang.
func TestTheLimitOfAStepHoldsOnItsHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.Hang("", plan.Stop)
		begun := time.Now()
		_, err := over(t, f, usual()).Do(t.Context(), stepOf(want(1), plan.Stop), execute.Secrets{})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("a step that hangs ends with %v", err)
		}
		if took := time.Since(begun); took != execute.Limit(plan.Stop) {
			t.Errorf("it ends after %s", took)
		}
	})
}

// TestAHostThatDoesNotEndAStepIsGivenUp has a step that does not even heed its limit.
func TestAHostThatDoesNotEndAStepIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		defer close(g.gate)
		begun := time.Now()
		_, err := over(t, g, usual()).Do(t.Context(), stepOf(want(1), plan.Stop), execute.Secrets{})
		if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "took longer") {
			t.Errorf("it ends with %v", err)
		}
		if took := time.Since(begun); took != execute.Limit(plan.Stop)+grace {
			t.Errorf("it is given up after %s", took)
		}
	})
}

func TestAPanicOfTheDriverIsAnError(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.Panic("", plan.Clone, "boom")
	h := over(t, f, slow())
	_, err := h.Do(t.Context(), stepOf(want(1), plan.Clone), execute.Secrets{})
	if err == nil || !strings.Contains(err.Error(), "internal error: boom") {
		t.Errorf("a bug in one step is told as %v", err)
	}
	if _, err := h.Observe(t.Context()); err != nil {
		t.Errorf("a bug in one step ends the connection: %v", err)
	}
}

func TestAPartOfAHostIsNone(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.CreateByHand("other")
	f.Unreadable("other", errors.New("bad sector"))
	h := over(t, f, slow())
	if actual, err := h.Observe(t.Context()); err == nil || len(actual.Containers) > 0 {
		t.Errorf("half of a host counts as the whole: %v, %v", actual.Containers, err)
	}
	unlock, err := h.Lock(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Observe(t.Context()); err == nil || !strings.Contains(err.Error(), "bad sector") {
		t.Errorf("behind a lock the error is %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestWhatComesWithALockIsUsedOnce(t *testing.T) {
	t.Parallel()
	f := newFake()
	h := over(t, f, slow())
	unlock, err := h.Lock(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := h.Observe(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.CreateByHand(name)
	}
	actual, err := h.Observe(t.Context())
	if err != nil || len(actual.Containers) != 3 {
		t.Errorf("a container that was made by hand is not seen: %v, %v", actual.Containers, err)
	}
	if err := errors.Join(unlock(), unlock()); err != nil {
		t.Errorf("giving back the lock twice fails: %v", err)
	}
}

func TestAStepOutdatesWhatCameWithTheLock(t *testing.T) {
	t.Parallel()
	h := over(t, newFake(), slow())
	if _, err := h.Lock(t.Context(), "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Do(t.Context(), stepOf(want(1), plan.Clone), execute.Secrets{}); err != nil {
		t.Fatal(err)
	}
	actual, err := h.Observe(t.Context())
	if err != nil || len(actual.Containers) != 2 {
		t.Errorf("the container that was just made is not seen: %v, %v", actual.Containers, err)
	}
}
