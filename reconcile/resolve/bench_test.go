package resolve_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// fleet returns a tree of n containers, a hundred to a host, of which every fourth declares its
// address.
func fleet(n int) *spec.Tree {
	net := &spec.Network{
		Name: "lan", CIDR: netip.MustParsePrefix("10.0.0.0/8"),
		Gateway: netip.MustParseAddr("10.0.0.1"),
		First:   netip.MustParseAddr("10.0.0.2"), Last: netip.MustParseAddr("10.255.255.253"),
		Exclude: []netip.Prefix{netip.MustParsePrefix("10.0.3.0/24")},
	}
	declared := netip.MustParseAddr("10.0.4.0")
	var list []*spec.Container
	for i := range n {
		c := box(fmt.Sprintf("host%04d", i/100), fmt.Sprintf("c%06d.example.org", i))
		if i%4 == 0 {
			c.IP = declared
			declared = declared.Next()
		}
		list = append(list, c)
		if i%100 == 0 {
			list = append(list, box(c.Host, "base", template, from("")))
		}
	}
	return tree(net, list...)
}

// settled returns the state and the observation after a run. Only the first password is really
// sealed: in a settled state no other is opened.
func settled(b *testing.B, in resolve.Input, keys *state.Sealer) resolve.Input {
	b.Helper()
	got, err := resolve.Preview(in, keys)
	if err != nil {
		b.Fatal(err)
	}
	in.State.Installation = "i"
	for _, host := range in.Hosts {
		actual := plan.Actual{Host: host}
		for _, d := range got.Desired[host] {
			n := len(in.State.Records)
			rec := state.Record{
				UID: fmt.Sprintf("%032x", n), Version: 1, Host: host, Name: d.Name,
				Template: d.Template, IP: d.IP, Applied: map[string]string{"password": "tag"},
			}
			if !d.Template {
				rec.Network, rec.MAC = "lan", fmt.Sprintf("00:16:3e:%06x", n)
				rec.Password = state.Sealed("never opened")
			}
			if n == 1 {
				if rec.Password, err = keys.Seal(rec.UID, spec.NewSecret("x")); err != nil {
					b.Fatal(err)
				}
			}
			in.State.Records = append(in.State.Records, rec)
			actual.Containers = append(actual.Containers, observed(rec))
		}
		in.Observed[host] = actual
	}
	return in
}

func observed(rec state.Record) plan.Observed {
	return plan.Observed{
		Name:      rec.Name,
		Mark:      &plan.Mark{Installation: "i", Host: rec.Host, Name: rec.Name, UID: rec.UID},
		Addresses: []string{rec.IP.String(), "fe80::216:3eff:fe00:1"},
		Config:    plan.Config{MAC: rec.MAC},
	}
}

// BenchmarkPreview has two cases: nothing exists yet, and everything runs already. The metrics
// are per container.
func BenchmarkPreview(b *testing.B) {
	keys := newKey(b)
	for _, n := range []int{10_000, 100_000} {
		in := resolve.Input{Tree: fleet(n), Observed: map[string]plan.Actual{}}
		for i := range n / 100 {
			in.Hosts = append(in.Hosts, fmt.Sprintf("host%04d", i))
		}
		b.Run(fmt.Sprintf("new/%d", n), func(b *testing.B) { preview(b, in, keys, n) })
		in = settled(b, in, keys)
		b.Run(fmt.Sprintf("settled/%d", n), func(b *testing.B) { preview(b, in, keys, n) })
	}
}

func preview(b *testing.B, in resolve.Input, keys *state.Sealer, n int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		got, err := resolve.Preview(in, keys)
		if err != nil || len(got.Problems) > 0 {
			b.Fatal(err, got.Problems)
		}
	}
	runtime.ReadMemStats(&after)
	total := float64(b.N) * float64(n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/container")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/total, "B/container")
}

// BenchmarkAllocate generates everything for 100 containers, passwords sealed.
func BenchmarkAllocate(b *testing.B) {
	w := newWorld(b)
	in := w.input(fleet(100))
	for b.Loop() {
		if _, err := resolve.Allocate(in, w.keys, w.random); err != nil {
			b.Fatal(err)
		}
	}
}
