package resolve_test

import (
	"net/netip"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

func TestFirstFreeAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Recorded: 2 for an orphan on a host that is not in the pass.
	w.pass(w.input(tree(lan(), box("gone", "z"))))
	n := lan()
	n.Exclude = []netip.Prefix{netip.MustParsePrefix("10.5.0.4/31")}
	tr := tree(n, box("h", "a"), box("h", "b", ip("10.5.0.3")), box("away", "c", ip("10.5.0.6")))
	in := w.input(tr)
	in.Hosts = []string{"h"}
	in.Observed = map[string]plan.Actual{"h": {Containers: []plan.Observed{
		unmanaged("x", "10.5.0.7"),
		{Name: "y", State: plan.Stopped, Config: plan.Config{
			Address: netip.MustParsePrefix("10.5.0.8/24"),
		}},
	}}}
	if d := find(t, w.pass(in), "h", "a"); d.IP != addr(t, "10.5.0.9") {
		t.Errorf("a got %v, and only 10.5.0.9 belongs to nobody", d.IP)
	}
}

func TestEdgesOfTheNetworkAreNotGenerated(t *testing.T) {
	t.Parallel()
	n := &spec.Network{
		Name: "lan", CIDR: netip.MustParsePrefix("10.5.0.0/30"),
		Gateway: netip.MustParseAddr("10.5.0.1"),
		First:   netip.MustParseAddr("10.5.0.0"), Last: netip.MustParseAddr("10.5.0.3"),
	}
	w := newWorld(t)
	got := w.pass(w.input(tree(n, box("h", "a"), box("h", "b"))))
	if d := find(t, got, "h", "a"); d.IP != addr(t, "10.5.0.2") {
		t.Errorf("a got %v: network, gateway and broadcast address are not for containers", d.IP)
	}
	p := problem(got, "h", "b")
	if p == nil || p.Code != plan.BlockedAddress || !p.Failed ||
		!strings.Contains(p.Text, "lan") || !strings.Contains(p.Text, "10.5.0.0-10.5.0.3") {
		t.Errorf("the full network is not named with its range: %+v", p)
	}
}

func TestGatewayOfAContainerIsNotGenerated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := func(c *spec.Container) { c.Gateway = netip.MustParseAddr("10.5.0.2") }
	if d := find(t, w.pass(w.input(tree(lan(), box("h", "a", own)))), "h", "a"); d.IP == d.Gateway {
		t.Error("the container is its own gateway")
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	n := &spec.Network{
		Name: "six", CIDR: netip.MustParsePrefix("2001:db8::/64"),
		First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8::ffff:ffff"),
		// Skipping what is excluded must not mean counting through it.
		Exclude: []netip.Prefix{netip.MustParsePrefix("2001:db8::/100")},
	}
	w := newWorld(t)
	d := find(t, w.pass(w.input(tree(n, box("h", "a")))), "h", "a")
	if d.IP != addr(t, "2001:db8::1000:0") {
		t.Errorf("the first address after the exclusion is 2001:db8::1000:0, not %v", d.IP)
	}
}

func TestRecordedAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(n *spec.Network)
		keep   bool
	}{
		"now outside the range": {func(n *spec.Network) { n.First = n.First.Next() }, true},
		"now excluded": {func(n *spec.Network) {
			n.Exclude = []netip.Prefix{netip.MustParsePrefix("10.5.0.0/30")}
		}, true},
		"now the gateway": {func(n *spec.Network) {
			n.Gateway = netip.MustParseAddr("10.5.0.2")
		}, false},
		"outside the network": {func(n *spec.Network) {
			n.CIDR = netip.MustParsePrefix("10.6.0.0/24")
			n.First, n.Last = netip.MustParseAddr("10.6.0.2"), netip.MustParseAddr("10.6.0.9")
		}, false},
	} {
		w := newWorld(t)
		w.pass(w.input(tree(lan(), box("h", "a"))))
		n := lan()
		test.change(n)
		d := find(t, w.pass(w.input(tree(n, box("h", "a")))), "h", "a")
		if kept := d.IP == addr(t, "10.5.0.2"); kept != test.keep {
			t.Errorf("an address that is %s: container has %v, kept %v", name, d.IP, kept)
		}
	}
}

func TestFreedAddressIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "a"), box("h", "b"))))
	w.destroyed("h", "a")
	got := w.pass(w.input(tree(lan(), box("h", "b"), box("h", "c"))))
	if d := find(t, got, "h", "c"); d.IP != addr(t, "10.5.0.2") {
		t.Errorf("the address of the destroyed container is lost: c got %v", d.IP)
	}
}

// Two hosts have each a network of their own with the same addresses.
func TestPrivateSegmentsDoNotMeet(t *testing.T) {
	t.Parallel()
	one, two := lan(), lan()
	one.Name, two.Name = "one", "two"
	w := newWorld(t)
	in := w.input(tree(one, box("h1", "a"), box("h2", "b", on(two), ip("10.5.0.2"))))
	in.Observed["h1"] = plan.Actual{Containers: []plan.Observed{unmanaged("x", "10.5.0.2")}}
	got := w.pass(in)
	if d := find(t, got, "h1", "a"); d.IP != addr(t, "10.5.0.3") {
		t.Errorf("h1/a got %v, which h1/x has", d.IP)
	}
	if p := problem(got, "h2", "b"); p != nil {
		t.Errorf("a container of another segment is in the way: %+v", p)
	}
}

func TestSwapOfDeclaredAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m1, m2 := mac("00:16:3e:00:00:01"), mac("00:16:3e:00:00:02")
	three, four := ip("10.5.0.3"), ip("10.5.0.4")
	w.pass(w.input(tree(lan(), box("h", "a", three, m1), box("h", "b", four, m2))))
	in := w.input(tree(lan(), box("h", "a", four, m2), box("h", "b", three, m1)))
	in.Observed["h"] = plan.Actual{Containers: []plan.Observed{
		seen(w, "h", "a", "10.5.0.3"), seen(w, "h", "b", "10.5.0.4"),
	}}
	got := w.pass(in)
	if a, b := find(t, got, "h", "a"), find(t, got, "h", "b"); a.IP != addr(t, "10.5.0.4") ||
		b.IP != addr(t, "10.5.0.3") {
		t.Errorf("after the swap a has %v and b has %v", a.IP, b.IP)
	}
}

// seen is a container of ours as its host reports it.
func seen(w *world, host, name, address string) plan.Observed {
	rec := w.record(host, name)
	o := unmanaged(name, address)
	o.Mark = &plan.Mark{
		Installation: w.snapshot().Installation, Host: host, Name: name, UID: rec.UID,
	}
	return o
}

// A copy of a managed container, made by hand, has the same address in its configuration.
func TestCopyMadeByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*spec.Container{
		"declared":  box("h", "a", ip("10.5.0.3")),
		"generated": box("h", "a"),
	} {
		w := newWorld(t)
		in := w.input(tree(lan(), c))
		before := find(t, w.pass(in), "h", "a")
		in = w.input(tree(lan(), c))
		original := seen(w, "h", "a", before.IP.String())
		copied := original
		copied.Name = "copy"
		in.Observed["h"] = plan.Actual{Containers: []plan.Observed{original, copied}}
		got := w.pass(in)
		if p := problem(got, "h", "a"); p != nil {
			t.Errorf("a copy stops the original, whose address is %s: %+v", name, p)
		} else if d := find(t, got, "h", "a"); d.IP != before.IP {
			t.Errorf("a copy drove the original from %v to %v", before.IP, d.IP)
		}
	}
}

// conflict is a case in which h/x declares 10.5.0.2.
type conflict struct {
	before   []*spec.Container // the first of them was given 10.5.0.2
	now      []*spec.Container
	hosts    []string // nil: all
	foreign  string   // name of an unmanaged container on h that uses 10.5.0.2
	contains []string // parts of the text and the way out; none: it is no problem
}

func TestAddressOfAnotherRecord(t *testing.T) {
	t.Parallel()
	want := ip("10.5.0.2")
	for name, c := range map[string]conflict{
		"the owner keeps it": {
			before:   []*spec.Container{box("h", "a")},
			now:      []*spec.Container{box("h", "a"), box("h", "x", want)},
			contains: []string{"10.5.0.2 belongs to h/a", "keeps", "declare another ip"},
		},
		"the owner is an orphan": {
			before:   []*spec.Container{box("h", "a")},
			now:      []*spec.Container{box("h", "x", want)},
			contains: []string{"belongs to h/a", "not declared", "once h/a has been destroyed"},
		},
		"the owner moves": {
			before: []*spec.Container{box("h", "a")},
			now:    []*spec.Container{box("h", "a", ip("10.5.0.5")), box("h", "x", want)},
		},
		"the owner moves on a host that is not reached": {
			before:   []*spec.Container{box("far", "a")},
			now:      []*spec.Container{box("far", "a", ip("10.5.0.5")), box("h", "x", want)},
			hosts:    []string{"h"},
			contains: []string{"belongs to far/a", "not part of this run", "host far"},
		},
		"the owner cannot move": {
			before: []*spec.Container{box("h", "a"), box("h", "b")},
			now: []*spec.Container{
				box("h", "a", ip("10.5.0.3")), box("h", "b"), box("h", "x", want),
			},
			contains: []string{"belongs to h/a", "cannot give it up", "mend h/a first"},
		},
		"the owner cannot move and comes later": {
			before: []*spec.Container{box("h", "z"), box("h", "zz")},
			now: []*spec.Container{
				box("h", "z", ip("10.5.0.3")), box("h", "zz"), box("h", "x", want),
			},
			contains: []string{"belongs to h/z", "cannot give it up"},
		},
	} {
		c.check(t, name)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	want := ip("10.5.0.2")
	for name, c := range map[string]conflict{
		"a foreign container uses it": {
			now:      []*spec.Container{box("h", "x", want)},
			foreign:  "other",
			contains: []string{"10.5.0.2 is used by h/other", "not managed", "declare another"},
		},
		"a foreign container of this very name": {
			now:     []*spec.Container{box("h", "x", want)},
			foreign: "x",
		},
		"it is declared twice": {
			now:      []*spec.Container{box("h", "a", want), box("h", "x", want)},
			contains: []string{"10.5.0.2 is declared for h/a too"},
		},
	} {
		c.check(t, name)
	}
}

func (c conflict) check(t *testing.T, name string) {
	t.Helper()
	w := newWorld(t)
	if c.before != nil {
		w.pass(w.input(tree(lan(), c.before...)))
	}
	in := w.input(tree(lan(), c.now...))
	if c.hosts != nil {
		in.Hosts = c.hosts
	}
	if c.foreign != "" {
		in.Observed["h"] = plan.Actual{
			Containers: []plan.Observed{unmanaged(c.foreign, "10.5.0.2")},
		}
	}
	checkProblem(t, name, w.pass(in), c.contains)
}

// checkProblem looks at the problem of h/x.
func checkProblem(t *testing.T, name string, got resolve.Result, contains []string) {
	t.Helper()
	p := problem(got, "h", "x")
	if len(contains) == 0 {
		if p != nil {
			t.Errorf("%s: the container is blocked: %s", name, p.Text)
		}
		return
	}
	if p == nil {
		t.Errorf("%s: the address was given to two", name)
		return
	}
	for _, part := range contains {
		if !strings.Contains(p.Text+"; "+p.Unblock, part) {
			t.Errorf("%s: %q is not in %q, %q", name, part, p.Text, p.Unblock)
		}
	}
	if !p.Failed || p.Code != plan.BlockedAddress || p.Action != plan.Clone {
		t.Errorf("%s: the problem is %+v", name, p)
	}
	for _, d := range got.Desired["h"] {
		if d.Name == "x" {
			t.Errorf("%s: the blocked container is desired", name)
		}
	}
	if _, ok := got.Records[resolve.Key{Host: "h", Name: "x"}]; ok {
		t.Errorf("%s: the blocked container gets a record", name)
	}
}

func TestMACConflicts(t *testing.T) {
	t.Parallel()
	const m = "00:16:3e:00:00:01"
	for name, test := range map[string]struct {
		before, now []*spec.Container
		contains    string
	}{
		"the owner keeps it": {
			[]*spec.Container{box("h", "a", mac(m))},
			[]*spec.Container{box("h", "a"), box("h", "x", mac(m))}, "mac " + m + " belongs to h/a",
		},
		"the owner takes another": {
			[]*spec.Container{box("h", "a", mac(m))},
			[]*spec.Container{box("h", "a", mac("00:16:3e:00:00:02")), box("h", "x", mac(m))}, "",
		},
		"the owner is blocked": {
			[]*spec.Container{box("h", "b"), box("h", "z", mac(m))},
			[]*spec.Container{
				box("h", "b"), box("h", "x", mac(m)),
				box("h", "z", mac("00:16:3e:00:00:02"), ip("10.5.0.2")),
			}, "mac " + m + " belongs to h/z, which cannot give it up",
		},
		"it is declared twice": {
			nil, []*spec.Container{box("h", "a", mac(m)), box("h", "x", mac(m))},
			"mac " + m + " is declared for h/a too",
		},
	} {
		w := newWorld(t)
		w.pass(w.input(tree(lan(), test.before...)))
		in := w.input(tree(lan(), test.now...))
		text := ""
		if p := problem(w.pass(in), "h", "x"); p != nil {
			text = p.Text
		}
		if test.contains == "" && text != "" || !strings.Contains(text, test.contains) {
			t.Errorf("%s: the problem is %q, want one with %q", name, text, test.contains)
		}
	}
}

// A container that became a template gives its values back.
func TestContainerBecomesTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "a"))))
	w.pass(w.input(tree(lan(), box("h", "a", template), box("h", "b", from("a")))))
	want := state.Record{Host: "h", Name: "a", Template: true, UID: w.record("h", "a").UID}
	if got := w.record("h", "a"); !got.Same(want) {
		t.Errorf("the template still holds values: %+v", got)
	}
}
