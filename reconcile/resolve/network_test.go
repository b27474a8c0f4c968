package resolve_test

import (
	"context"
	"fmt"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// Two networks had the same addresses and become one: the container of the network that stays
// keeps its address, the other one gets a new one.
func TestMergedNetworks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := state.Batch{Put: []state.Record{
		{UID: "1", Host: "a", Name: "comes", Network: "old", IP: addr(t, "10.5.0.2")},
		{UID: "2", Host: "b", Name: "stays", Network: "lan", IP: addr(t, "10.5.0.2")},
		{UID: "3", Host: "c", Name: "comes", Network: "old", IP: addr(t, "10.5.0.3")},
	}}
	if _, err := w.store.Apply(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	got := w.pass(w.input(tree(lan(), box("a", "comes"), box("b", "stays"), box("c", "comes"))))
	for _, test := range []struct{ host, name, want string }{
		{"a", "comes", "10.5.0.4"}, {"b", "stays", "10.5.0.2"}, {"c", "comes", "10.5.0.3"},
	} {
		if d := find(t, got, test.host, test.name); d.IP != addr(t, test.want) {
			t.Errorf("%s/%s has %v, not %s", test.host, test.name, d.IP, test.want)
		}
	}
}

func TestOwnerLeavesTheNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "a"))))
	other := lan()
	other.Name = "other"
	got := w.pass(w.input(tree(lan(), box("h", "a", on(other)), box("h", "x", ip("10.5.0.2")))))
	if p := problem(got, "h", "x"); p != nil {
		t.Errorf("the address of a container that went to another network is not free: %+v", p)
	}
	if rec := w.record("h", "a"); rec.Network != "other" {
		t.Errorf("the container is still on %s", rec.Network)
	}
}

// Who is blocked on a host that is not in the pass is for another pass to find out.
func TestNoProblemsOfOtherHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "z"), box("h", "zz"))))
	in := w.input(tree(lan(), box("far", "x", ip("10.5.0.2")),
		box("h", "z", ip("10.5.0.3")), box("h", "zz")))
	in.Hosts = []string{"h"}
	got := w.pass(in)
	if problem(got, "h", "z") == nil {
		t.Fatal("h/z took the address that h/zz keeps")
	}
	if list := got.Problems["far"]; len(list) > 0 {
		t.Errorf("problems of a host that was not looked at: %+v", list)
	}
}

// Of many that declare the same the first by name has it, whatever the order of a map says.
func TestFirstOfManyDeclarations(t *testing.T) {
	t.Parallel()
	for what, same := range map[string]func(*spec.Container){
		"ip": ip("10.5.0.2"), "mac": mac("00:16:3e:00:00:01"),
	} {
		w := newWorld(t)
		n := lan()
		n.Last = addr(t, "10.5.0.99")
		var list []*spec.Container
		for i := range 16 {
			list = append(list, box("h", fmt.Sprintf("c%02d", i), same))
		}
		got := w.pass(w.input(tree(n, list...)))
		if len(got.Desired["h"]) != 1 || got.Desired["h"][0].Name != "c00" {
			t.Errorf("%s: %d containers got what 16 declare, want c00 alone",
				what, len(got.Desired["h"]))
		}
	}
}

// A container that somebody made by hand under the name of one of ours is not ours.
func TestForeignContainerUnderOurName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "a"))))
	in := w.input(tree(lan(), box("h", "a"), box("h", "x", ip("10.5.0.7"))))
	impostor := seen(w, "h", "a", "10.5.0.7")
	impostor.Mark.UID = "ffffffffffffffffffffffffffffffff"
	in.Observed["h"] = plan.Actual{Containers: []plan.Observed{impostor}}
	checkProblem(t, "impostor", w.pass(in), []string{"10.5.0.7 is used by h/a", "not managed"})
	ours := seen(w, "h", "a", "10.5.0.7") // ours, and its address was changed by hand
	in.State = w.snapshot()
	in.Observed["h"] = plan.Actual{Containers: []plan.Observed{ours}}
	checkProblem(t, "drift", w.pass(in), nil)
}

// An address outside of all networks of its host still counts where it belongs.
func TestObservedAddressOfAnotherNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	office := lan()
	office.Name = "office"
	office.CIDR = addrPrefix(t, "10.6.0.0/24")
	office.First, office.Last = addr(t, "10.6.0.2"), addr(t, "10.6.0.9")
	in := w.input(tree(lan(), box("h1", "a"), box("h2", "b", on(office))))
	in.Observed["h1"] = plan.Actual{Containers: []plan.Observed{unmanaged("x", "10.6.0.2")}}
	in.Observed["elsewhere"] = plan.Actual{Containers: []plan.Observed{unmanaged("y", "10.6.0.3")}}
	if d := find(t, w.pass(in), "h2", "b"); d.IP != addr(t, "10.6.0.4") {
		t.Errorf("b got %v, and 10.6.0.2 and .3 are in use on other hosts", d.IP)
	}
}

func TestKeyNamesTheContainer(t *testing.T) {
	t.Parallel()
	if got := (resolve.Key{Host: "h", Name: "a"}).String(); got != "h/a" {
		t.Errorf("the key prints as %q", got)
	}
}
