package plan_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

// emptyHosts draws declarations for hosts that have nothing but what somebody made by hand.
func emptyHosts(t *rapid.T) plan.Input {
	in := plan.Input{Installation: installation}
	for _, host := range []string{"i", "h"} {
		h := plan.HostInput{Host: host, Actual: plan.Actual{Host: host,
			Bridges: []string{"br0", "br1"}}}
		for _, name := range []string{"gold", "base"} {
			h.Desired = append(h.Desired, template(name))
		}
		for _, name := range names {
			if rapid.IntRange(0, 3).Draw(t, "declared") > 0 {
				h.Desired = append(h.Desired, randomContainer(t, name))
			}
		}
		for i := range h.Desired {
			h.Desired[i].Host = host
		}
		if rapid.Bool().Draw(t, "by hand") {
			h.Actual.Containers = []plan.Observed{{Name: "z", State: plan.Stopped,
				Config: plan.Config{Raw: map[string][]string{"lxc.a": {"0"}, "lxc.foreign": {"1"}}}}}
		}
		in.Hosts = append(in.Hosts, h)
	}
	return in
}

// Nothing is left to do on a host that converged, and what could not be made still cannot.
func TestConvergedIsWhatThePlanLeadsTo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := emptyHosts(t)
		first := plan.Compute(in)
		next := in
		next.Hosts = plan.Converged(in)
		if !slices.IsSortedFunc(next.Hosts, func(a, b plan.HostInput) int {
			return int(a.Host[0]) - int(b.Host[0])
		}) {
			t.Fatalf("the hosts are not sorted: %+v", next.Hosts)
		}
		for i := range next.Hosts {
			for _, h := range in.Hosts {
				if h.Host == next.Hosts[i].Host {
					next.Hosts[i].Desired = h.Desired
				}
			}
		}
		again := plan.Compute(next)
		if len(again.Steps) > 0 {
			t.Fatalf("on hosts that converged there is still to do: %+v", again.Steps)
		}
		if !reflect.DeepEqual(first.Blocked, again.Blocked) {
			t.Fatalf("blocked was %+v, and is %+v", first.Blocked, again.Blocked)
		}
		made := first.Summary().Create
		got := 0
		for _, h := range next.Hosts {
			got += len(h.Owned)
		}
		if got != made {
			t.Fatalf("%d were to be made, %d have a record", made, got)
		}
		if !reflect.DeepEqual(first, plan.Compute(in)) {
			t.Fatal("the input was changed")
		}
	})
}

// A new container has what its source brought along, but for what it takes away, and its own.
func TestConvergedContainerHasWhatItsSourceHad(t *testing.T) {
	t.Parallel()
	d := declare("a")
	d.Host, d.FromContainer, d.Backing = "h", "z", "overlayfs"
	conf("lxc.a=1")(&d)
	d.LXCConfUnset = []string{"lxc.foreign"}
	in := plan.Input{Installation: installation, Hosts: []plan.HostInput{{Host: "h",
		Desired: []plan.Desired{d},
		Actual: plan.Actual{Host: "h", Bridges: []string{"br0"}, Containers: []plan.Observed{{
			Name: "z", State: plan.Stopped, Config: plan.Config{Memory: 7, Raw: map[string][]string{
				"lxc.a": {"0"}, "lxc.foreign": {"1"}, "lxc.kept": {"2"}}}}}}}}}
	host := plan.Converged(in)[0]
	o := host.Actual.Containers[0]
	want := map[string][]string{"lxc.a": {"0", "1"}, "lxc.kept": {"2"}}
	if o.Name != "a" || !maps.EqualFunc(o.Config.Raw, want, slices.Equal) {
		t.Errorf("%s has the raw settings %v, not %v", o.Name, o.Config.Raw, want)
	}
	if o.Lower != "z" || o.State != plan.Running || o.Live == nil || o.Config.Memory != d.Memory {
		t.Errorf("it is not a running snapshot of its source: %+v", o)
	}
	if m := o.Mark; m == nil || *m != (plan.Mark{Installation: installation, Host: "h", Name: "a",
		UID: d.UID}) {
		t.Errorf("its mark is %+v", o.Mark)
	}
	if w := host.Owned[0]; w.UID != d.UID || !maps.Equal(w.Applied, d.Applied()) || w.Intent != "" {
		t.Errorf("its record is %+v", w)
	}
	if raw := in.Hosts[0].Actual.Containers[0].Config.Raw; len(raw) != 3 || len(raw["lxc.a"]) != 1 {
		t.Errorf("the source was changed: %v", raw)
	}
}
