package resolve_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/statetest"
)

// TestLaws lets random passes over random trees follow each other on one store. Addresses are
// scarce: the network has eight for up to nine containers.
func TestLaws(t *testing.T) {
	t.Parallel()
	keys := newKey(t)
	rapid.Check(t, func(rt *rapid.T) {
		store := statetest.NewMemory()
		random := rand.NewChaCha8([32]byte{})
		for range rapid.IntRange(1, 4).Draw(rt, "passes") {
			in := drawInput(rt, store)
			got, err := resolve.Allocate(in, keys, random)
			if err != nil {
				rt.Fatalf("the pass failed: %v", err)
			}
			lawComplete(rt, in, got)
			lawKept(rt, in, got)
			lawGenerated(rt, in, got)
			lawPreview(rt, in, got, keys)
			storeAll(rt, store, got)
			in.State = load(rt, store)
			lawIdempotent(rt, in, got, keys)
		}
	})
}

func load(rt *rapid.T, s state.Store) state.Snapshot {
	snap, err := s.Load(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	return snap
}

// storeAll is the law that no value is given out twice: the store refuses duplicates.
func storeAll(rt *rapid.T, s state.Store, got resolve.Result) {
	b := state.Batch{Put: slices.Collect(maps.Values(got.Records))}
	if _, err := s.Apply(context.Background(), b); err != nil {
		rt.Fatalf("a value was given out twice: %v", err)
	}
}

// drawInput draws a tree, destroys some of the orphans and observes some of the containers.
func drawInput(rt *rapid.T, s state.Store) resolve.Input {
	tr := drawTree(rt)
	in := resolve.Input{Tree: tr, State: load(rt, s), Observed: map[string]plan.Actual{}}
	for _, h := range []string{"h1", "h2"} {
		if rapid.IntRange(0, 4).Draw(rt, "reach "+h) == 0 {
			continue
		}
		in.Hosts = append(in.Hosts, h)
		actual := plan.Actual{Host: h}
		for _, rec := range in.State.Records {
			orphan := rec.Host == h && tr.Hosts[h].Containers[rec.Name] == nil
			if orphan && rapid.Bool().Draw(rt, "destroy") {
				b := state.Batch{Delete: []string{rec.UID}}
				if _, err := s.Apply(context.Background(), b); err != nil {
					rt.Fatal(err)
				}
			} else if rec.Host == h {
				actual.Containers = append(actual.Containers, plan.Observed{
					Name: rec.Name, Addresses: []string{rec.IP.String()},
					Mark: &plan.Mark{
						Installation: in.State.Installation, Host: h, Name: rec.Name, UID: rec.UID,
					},
				})
			}
		}
		if n := rapid.IntRange(0, 9).Draw(rt, "foreign"); n > 1 {
			actual.Containers = append(actual.Containers,
				unmanaged("foreign", fmt.Sprintf("10.5.0.%d", n)))
		}
		in.Observed[h] = actual
	}
	in.State = load(rt, s)
	return in
}

func drawTree(rt *rapid.T) *spec.Tree {
	n := lan()
	if rapid.IntRange(0, 5).Draw(rt, "exclude") == 0 {
		n.Exclude = []netip.Prefix{netip.MustParsePrefix("10.5.0.4/31")}
	}
	var list []*spec.Container
	var ips, macs []int
	for _, host := range []string{"h1", "h2"} {
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			if name != "a" && rapid.IntRange(0, 3).Draw(rt, "leave out") == 0 {
				continue
			}
			c := box(host, name)
			// The declaration is free of duplicates: spec sees to that.
			if k := rapid.IntRange(0, 12).Draw(rt, "ip"); k > 4 && !slices.Contains(ips, k) {
				ips = append(ips, k)
				c.IP = netip.AddrFrom4([4]byte{10, 5, 0, byte(k)})
			}
			if k := rapid.IntRange(0, 6).Draw(rt, "mac"); k > 3 && !slices.Contains(macs, k) {
				macs = append(macs, k)
				c.MAC = fmt.Sprintf("00:16:3e:00:00:%02x", k)
			}
			list = append(list, c)
		}
	}
	return tree(n, list...)
}

func lawComplete(rt *rapid.T, in resolve.Input, got resolve.Result) {
	for _, h := range in.Hosts {
		for name := range in.Tree.Hosts[h].Containers {
			resolved := slices.ContainsFunc(got.Desired[h], func(d plan.Desired) bool {
				return d.Name == name
			})
			if blocked := problem(got, h, name) != nil; resolved == blocked {
				rt.Fatalf("%s/%s: resolved %v, blocked %v", h, name, resolved, blocked)
			}
		}
	}
}

// lawKept: nothing that is recorded is made anew.
func lawKept(rt *rapid.T, in resolve.Input, got resolve.Result) {
	for _, rec := range in.State.Records {
		next, ok := got.Records[resolve.Key{Host: rec.Host, Name: rec.Name}]
		if !ok {
			continue
		}
		c := in.Tree.Hosts[rec.Host].Containers[rec.Name]
		if next.UID != rec.UID || next.Version != rec.Version {
			rt.Fatalf("%s/%s lost its identity", rec.Host, rec.Name)
		}
		if !c.IP.IsValid() && next.IP != rec.IP || c.MAC == "" && next.MAC != rec.MAC ||
			!reflect.DeepEqual(next.Password, rec.Password) {
			rt.Fatalf("recorded values were replaced:\n%+v\n%+v", rec, next)
		}
	}
}

// lawGenerated: a new address belongs to nobody else and lies where it may.
func lawGenerated(rt *rapid.T, in resolve.Input, got resolve.Result) {
	recorded := map[resolve.Key]bool{}
	for _, rec := range in.State.Records {
		recorded[resolve.Key{Host: rec.Host, Name: rec.Name}] = true
	}
	for _, h := range in.Hosts {
		for _, d := range got.Desired[h] {
			declared := in.Tree.Hosts[h].Containers[d.Name].IP.IsValid()
			if declared || recorded[resolve.Key{Host: h, Name: d.Name}] {
				continue
			}
			if why := taken(in, d.IP); why != "" {
				rt.Fatalf("%s/%s was given %v, %s", h, d.Name, d.IP, why)
			}
		}
	}
}

// taken says why an address is not free, looking at everything in turn.
func taken(in resolve.Input, a netip.Addr) string {
	n := in.Tree.Networks["lan"]
	if a.Less(n.First) || n.Last.Less(a) || a == n.Gateway {
		return "which is outside the range"
	}
	for _, e := range n.Exclude {
		if e.Contains(a) {
			return "which is excluded"
		}
	}
	for _, rec := range in.State.Records {
		if rec.IP == a {
			return "which is recorded for " + rec.Host + "/" + rec.Name
		}
	}
	for _, h := range in.Tree.Hosts {
		for _, c := range h.Containers {
			if c.IP == a {
				return "which is declared for " + c.Host + "/" + c.Name
			}
		}
	}
	for _, actual := range in.Observed {
		for _, o := range actual.Containers {
			if slices.Contains(o.Addresses, a.String()) {
				return "which " + o.Name + " uses"
			}
		}
	}
	return ""
}

// lawPreview: the plan shows the addresses and problems of the run, and the order of the hosts
// does not matter.
func lawPreview(rt *rapid.T, in resolve.Input, got resolve.Result, keys *state.Sealer) {
	in.Hosts = slices.Clone(in.Hosts)
	slices.Reverse(in.Hosts)
	shown, err := resolve.Preview(in, keys)
	if err != nil {
		rt.Fatal(err)
	}
	if !reflect.DeepEqual(shown.Problems, got.Problems) {
		rt.Fatalf("plan and run have other problems:\n%+v\n%+v", shown.Problems, got.Problems)
	}
	for h, list := range got.Desired {
		for i, d := range list {
			if s := shown.Desired[h][i]; s.Name != d.Name || s.IP != d.IP {
				rt.Fatalf("the plan shows %s %v, the run gives %s %v", s.Name, s.IP, d.Name, d.IP)
			}
		}
	}
}

// lawIdempotent: resolving what was just resolved and stored gives the same and needs no chance.
// Only problems can go away, when an address became free.
func lawIdempotent(rt *rapid.T, in resolve.Input, first resolve.Result, keys *state.Sealer) {
	again, err := resolve.Preview(in, keys)
	if err != nil {
		rt.Fatal(err)
	}
	for h, list := range first.Desired {
		for _, want := range list {
			i := slices.IndexFunc(again.Desired[h], func(d plan.Desired) bool {
				return d.Name == want.Name
			})
			if i < 0 {
				rt.Fatalf("%s is blocked by its own success: %+v", want.Name, again.Problems[h])
			}
			if got := again.Desired[h][i]; !reflect.DeepEqual(got, want) {
				rt.Fatalf("the second time %s/%s is another:\n%+v\n%+v", h, want.Name, want, got)
			}
		}
	}
}
