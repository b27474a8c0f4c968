package resolve_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/statetest"
)

// lan returns the network of most tests: 10.5.0.0/24 with the range .2 to .9.
func lan() *spec.Network {
	return &spec.Network{
		Name: "lan", Bridge: "lxcbr1",
		CIDR:    netip.MustParsePrefix("10.5.0.0/24"),
		Gateway: netip.MustParseAddr("10.5.0.1"),
		First:   netip.MustParseAddr("10.5.0.2"),
		Last:    netip.MustParseAddr("10.5.0.9"),
	}
}

func addr(t testing.TB, text string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func addrPrefix(t testing.TB, text string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// box returns a container that declares nothing but its name.
func box(host, name string, change ...func(*spec.Container)) *spec.Container {
	c := &spec.Container{Host: host, Name: name, Settings: spec.Settings{
		FromContainer: "base", Users: []string{"root"}, Autostart: true,
	}}
	for _, f := range change {
		f(c)
	}
	return c
}

func ip(text string) func(*spec.Container) {
	return func(c *spec.Container) { c.IP = netip.MustParseAddr(text) }
}

func mac(text string) func(*spec.Container) {
	return func(c *spec.Container) { c.MAC = text }
}

func password(text string) func(*spec.Container) {
	return func(c *spec.Container) { c.Password = spec.NewSecret(text) }
}

func on(n *spec.Network) func(*spec.Container) {
	return func(c *spec.Container) { c.Network = n }
}

func protect(s spec.Switch) func(*spec.Container) {
	return func(c *spec.Container) { c.Protect = s }
}

func from(name string) func(*spec.Container) {
	return func(c *spec.Container) { c.FromContainer = name }
}

func template(c *spec.Container) { c.Template = true }

// tree puts the containers on n, unless they have a network, and into a tree.
func tree(n *spec.Network, containers ...*spec.Container) *spec.Tree {
	t := &spec.Tree{
		Networks: map[string]*spec.Network{n.Name: n},
		Hosts:    map[string]*spec.Host{},
	}
	for _, c := range containers {
		h := t.Hosts[c.Host]
		if h == nil {
			h = &spec.Host{
				Name: c.Host, Containers: map[string]*spec.Container{},
				Templates: map[string]*spec.Container{},
			}
			t.Hosts[c.Host] = h
		}
		if c.Template {
			h.Templates[c.Name] = c
			continue
		}
		if c.Network == nil {
			c.Network = n
		}
		t.Networks[c.Network.Name] = c.Network
		h.Containers[c.Name] = c
	}
	return t
}

// world is a store with its key, in which passes follow each other.
type world struct {
	testing.TB
	store  state.Store
	keys   *state.Sealer
	random *rand.ChaCha8
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{
		TB: t, store: statetest.NewMemory(), keys: newKey(t), random: rand.NewChaCha8([32]byte{}),
	}
}

func newKey(t testing.TB) *state.Sealer {
	t.Helper()
	keys, err := state.OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (w *world) snapshot() state.Snapshot {
	w.Helper()
	snap, err := w.store.Load(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return snap
}

// input is a pass over all hosts of the tree that finds no container on them.
func (w *world) input(t *spec.Tree) resolve.Input {
	w.Helper()
	in := resolve.Input{Tree: t, State: w.snapshot(), Observed: map[string]plan.Actual{}}
	for name := range t.Hosts {
		in.Hosts = append(in.Hosts, name)
		in.Observed[name] = plan.Actual{Host: name}
	}
	return in
}

// pass resolves and stores the records.
func (w *world) pass(in resolve.Input) resolve.Result {
	w.Helper()
	got, err := resolve.Allocate(in, w.keys, w.random)
	if err != nil {
		w.Fatalf("the pass failed: %v", err)
	}
	var b state.Batch
	for _, rec := range got.Records {
		b.Put = append(b.Put, rec)
	}
	if _, err := w.store.Apply(context.Background(), b); err != nil {
		w.Fatalf("the store refuses what was resolved: %v", err)
	}
	return got
}

// destroyed takes a record away, as the run does after it destroyed the container.
func (w *world) destroyed(host, name string) {
	w.Helper()
	for _, rec := range w.snapshot().Records {
		if rec.Host == host && rec.Name == name {
			b := state.Batch{Delete: []string{rec.UID}}
			if _, err := w.store.Apply(context.Background(), b); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// change edits the record of a container.
func (w *world) change(host, name string, edit func(*state.Record)) {
	w.Helper()
	rec := w.record(host, name)
	edit(&rec)
	b := state.Batch{Put: []state.Record{rec}}
	if _, err := w.store.Apply(context.Background(), b); err != nil {
		w.Fatal(err)
	}
}

func (w *world) record(host, name string) state.Record {
	w.Helper()
	for _, rec := range w.snapshot().Records {
		if rec.Host == host && rec.Name == name {
			return rec
		}
	}
	w.Fatalf("%s/%s has no record", host, name)
	return state.Record{}
}

// find returns the desired container; the test ends if there is none.
func find(t testing.TB, r resolve.Result, host, name string) plan.Desired {
	t.Helper()
	for _, d := range r.Desired[host] {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("%s/%s is not resolved; problems: %+v", host, name, r.Problems)
	return plan.Desired{}
}

// problem returns what is wrong with the container, nil if nothing is.
func problem(r resolve.Result, host, name string) *plan.Blocked {
	for _, b := range r.Problems[host] {
		if b.Container == name {
			return &b
		}
	}
	return nil
}

// unmanaged is a container of somebody else.
func unmanaged(name, address string) plan.Observed {
	return plan.Observed{Name: name, State: plan.Running, Addresses: []string{address}}
}
