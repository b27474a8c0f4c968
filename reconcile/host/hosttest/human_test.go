package hosttest

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// lookAt returns one container as observed.
func (f *Fake) lookAt(t *testing.T, name string) plan.Observed {
	t.Helper()
	a, err := f.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range a.Containers {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("container %q is not observed", name)
	return plan.Observed{}
}

func TestHandActions(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddr("10.9.0.2")
	cases := map[string]struct {
		act func(*Fake)
		ok  func(plan.Observed) bool
	}{
		"a stopped container is stopped": {
			func(f *Fake) { f.StopByHand("web") },
			func(o plan.Observed) bool {
				return o.State == plan.Stopped && o.Live == nil && o.PID == 0
			},
		},
		"so is one that could have been gone": {
			func(f *Fake) { f.StopIfThere("web"); f.StopIfThere("ghost") },
			func(o plan.Observed) bool { return o.State == plan.Stopped },
		},
		"a started one runs with another pid": {
			func(f *Fake) { f.StopByHand("web"); f.StartByHand("web") },
			func(o plan.Observed) bool { return o.State == plan.Running && o.PID == 2 },
		},
		"an edited file does not change what runs": {
			func(f *Fake) {
				f.EditConfig("web", func(c *plan.Config) { c.MAC = "02:00:00:00:00:01" })
			},
			func(o plan.Observed) bool { return o.Config.MAC != o.Live.MAC },
		},
		"an edited limit does not change the file": {
			func(f *Fake) { f.EditLive("web", func(c *plan.Config) { c.Memory = 1 }) },
			func(o plan.Observed) bool { return o.Live.Memory == 1 && o.Config.Memory == 64<<20 },
		},
		"a mark can be removed": {
			func(f *Fake) { f.EditMark("web", nil) },
			func(o plan.Observed) bool { return o.Mark == nil },
		},
		"an address can be taken away": {
			func(f *Fake) { f.RemoveAddress("web", address) },
			func(o plan.Observed) bool {
				return len(o.Addresses) == 0 && !o.Live.Address.IsValid() &&
					o.Config.Address.IsValid()
			},
		},
		"an address can come": {
			func(f *Fake) { f.AddAddress("web", address.Next()) },
			func(o plan.Observed) bool { return len(o.Addresses) == 2 },
		},
		"a snapshot without its source is damaged": {
			func(f *Fake) { f.StopByHand("web"); f.DestroyByHand("base") },
			func(o plan.Observed) bool { return strings.Contains(o.Damage, `"base"`) },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.make(t, wanted("web", "10.9.0.2"), newSteps()...)
			c.act(f)
			if o := f.lookAt(t, "web"); !c.ok(o) {
				t.Errorf("the hand action does not show: %+v", o)
			}
		})
	}
}

func TestACopyByHandCarriesTheMarkOfItsOriginal(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, newSteps()...)
	f.CopyByHand("web", "copy")
	o := f.lookAt(t, "copy")
	if o.Mark == nil || o.Mark.Name != "web" || o.Config.Hostname != "copy" {
		t.Errorf("it must name the original, else no test proves that copies are spared: %+v", o)
	}
	mine, _ := f.Guest("web")
	theirs, _ := f.Guest("copy")
	if mine.MachineID != theirs.MachineID {
		t.Error("a copy by hand keeps the machine id")
	}
	s := step(web, plan.Destroy)
	s.Container = "copy"
	if _, err := f.Do(t.Context(), s, execute.Secrets{}); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("somebody's copy would be destroyed: %v", err)
	}
}

func TestConfigureBringsBackALostAddress(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, newSteps()...)
	before := f.String()
	f.RemoveAddress("web", web.IP)
	_, err := f.Do(t.Context(), step(web, plan.Address), execute.Secrets{})
	if err == nil || !strings.Contains(err.Error(), "10.9.0.2") {
		t.Fatalf("a container without its address is taken for good: %v", err)
	}
	f.make(t, web, plan.Configure, plan.Address)
	f.same(t, before, "the address did not come back")
}

func TestAddressOfAStoppedContainerIsNotVerified(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, plan.Clone, plan.Configure)
	if _, err := f.Do(t.Context(), step(web, plan.Address), execute.Secrets{}); err == nil {
		t.Error("a container that does not run cannot have its address")
	}
}

func TestHandActionOnNothingPanics(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*Fake){
		"unknown": func(f *Fake) { f.StopByHand("ghost") },
		"damaged": func(f *Fake) { f.DamageByHand("base"); f.StartByHand("base") },
	} {
		func() {
			f := newFake()
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a test with a typing mistake would pass", name)
				}
				if _, err := f.Observe(context.Background()); err != nil {
					t.Errorf("%s: the fake is unusable afterwards: %v", name, err)
				}
			}()
			act(f)
		}()
	}
}

func TestALostDiskLooksLikeAHostOfWhichNothingIsKnown(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, newSteps()...)
	known := func() (bool, int) {
		a, err := f.Observe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a.Known, len(a.Containers)
	}
	if is, n := known(); !is || n != 2 {
		t.Fatalf("before: known %v, %d containers", is, n)
	}
	f.LoseDisk()
	if is, n := known(); is || n != 0 {
		t.Errorf("no test could prove that records are kept: known %v, %d containers", is, n)
	}
	f.CreateByHand("base")
	if is, _ := known(); is {
		t.Error("what a person makes says nothing about us")
	}
	f.make(t, web, plan.Clone)
	if is, _ := known(); !is {
		t.Error("a host with a container of ours is known")
	}
}
