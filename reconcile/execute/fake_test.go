package execute_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// fleet is ten clones of a template that is made on the way.
func fleet() (all []plan.Step) {
	template := &plan.Desired{UID: "uid-base", Container: spec.Container{
		Host: hostName, Name: "base", Template: true,
		Settings: spec.Settings{Image: "busybox", Backing: "dir"},
	}}
	for i := range 10 {
		c := fmt.Sprintf("web%d", i)
		w := &plan.Desired{UID: "uid-" + c, Container: spec.Container{
			Host: hostName, Name: c,
			Settings: spec.Settings{
				FromContainer: "base", Backing: "overlayfs", Users: []string{"root"},
				Bridge: "br0", MAC: fmt.Sprintf("00:16:3e:00:00:%02x", i),
				IP: netip.AddrFrom4([4]byte{10, 9, 0, byte(2 + i)}), PrefixLen: 24,
			},
		}}
		all = append(all, want(w, []string{"base"}, plan.Clone, plan.Configure, plan.Start,
			plan.Password, plan.Address, plan.DNS)...)
	}
	return append(all, want(template, nil, plan.Create)...)
}

func want(w *plan.Desired, needs []string, actions ...plan.Action) []plan.Step {
	made := steps(w.Name, needs, actions...)
	for i := range made {
		made[i].UID, made[i].Want = w.UID, w
	}
	return made
}

func newFake() *hosttest.Fake {
	return hosttest.New(hosttest.Config{
		Host: hostName, Installation: "inst", Bridges: []string{"br0"}, Images: []string{"busybox"},
	})
}

func run(t *testing.T, f *hosttest.Fake) execute.Result {
	t.Helper()
	return execute.Run(t.Context(), fleet(), execute.Options{
		Parallel: 4,
		Hosts: map[string]execute.Host{
			hostName: execute.Retry(execute.Timeout(f), instantly),
		},
		Secrets: secretFunc(func(plan.Step) (execute.Secrets, error) {
			return execute.Secrets{PasswordHash: "$6$hash"}, nil
		}),
	})
}

// wholeFleet is the host after a run without faults.
func wholeFleet(t *testing.T) string {
	t.Helper()
	f := newFake()
	for _, o := range run(t, f).Outcomes {
		if o.Failed() {
			t.Fatalf("container %s failed: %+v", o.Container, o)
		}
	}
	return f.String()
}

func TestAHostConvergesAndStaysSo(t *testing.T) {
	t.Parallel()
	f := newFake()
	run(t, f)
	once, writes := f.String(), f.Writes()
	check(t, "two runs from nothing differ", wholeFleet(t), once)
	run(t, f)
	check(t, "the second run changed something", once, f.String())
	if f.Writes() != writes {
		t.Errorf("the second run wrote %d times", f.Writes()-writes)
	}
}

func TestAnyFaultHealsInTheNextRun(t *testing.T) {
	t.Parallel()
	whole := wholeFleet(t)
	crash := func(container string, a plan.Action, left hosttest.Left) func(*hosttest.Fake) {
		return func(f *hosttest.Fake) { f.Crash(container, a, left) }
	}
	faults := map[string]func(*hosttest.Fake){
		"killed before the clone":  crash("web3", plan.Clone, hosttest.LeftNothing),
		"killed in the clone":      crash("web3", plan.Clone, hosttest.LeftStaging),
		"killed in a careless one": crash("web3", plan.Clone, hosttest.LeftHalf),
		"killed after the start":   crash("web3", plan.Start, hosttest.LeftAll),
		"killed in the template":   crash("base", plan.Create, hosttest.LeftHalf),
		"a start that is long ill": func(f *hosttest.Fake) {
			f.Fail("web3", plan.Start, 8, errDisk)
		},
		"a bug": func(f *hosttest.Fake) {
			f.Panic("web3", plan.Configure, "a bug")
		},
	}
	for what, plant := range faults {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			plant(f)
			failed := 0
			for _, o := range run(t, f).Outcomes {
				if o.Failed() {
					failed++
				}
			}
			if failed == 0 {
				t.Fatal("the fault went unnoticed")
			}
			f.Restart()
			run(t, f)
			check(t, "the fault left traces", whole, f.String())
		})
	}
}

func TestAFailureHarmsOnlyItsContainer(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.Fail("web3", plan.Start, -1, fmt.Errorf("the kernel says no: %w", execute.ErrPermanent))
	for _, o := range run(t, f).Outcomes {
		if o.Failed() != (o.Container == "web3") {
			t.Errorf("container %s: failed %v", o.Container, o.Failed())
		}
		for _, s := range o.Steps {
			if s.Err != nil && (!errors.Is(s.Err, execute.ErrPermanent) || s.Attempts != 1) {
				t.Errorf("%d attempts at %v", s.Attempts, s.Err)
			}
		}
	}
}
