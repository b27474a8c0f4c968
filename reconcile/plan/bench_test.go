package plan_test

import (
	"fmt"
	"net/netip"
	"testing"

	"reconciler/reconcile/plan"
)

// fleet returns hosts with containers each, and a template that they are cloned from. With exists
// they run as declared.
func fleet(hosts, containers int, exists bool) plan.Input {
	in := plan.Input{Installation: installation}
	for i := range hosts {
		h := plan.HostInput{Host: fmt.Sprintf("host%04d", i)}
		h.Actual = plan.Actual{Host: h.Host, Bridges: []string{"br0"}}
		base := template("base")
		base.Host = h.Host
		h.Desired = append(h.Desired, base)
		for n := range containers {
			d := declare(fmt.Sprintf("web%03d", n), memory(512<<20))
			d.Host = h.Host
			d.IP = netip.AddrFrom4([4]byte{10, byte(i >> 4), byte(i<<4) | byte(n>>8), byte(n)})
			d.Generated = []string{"ip", "mac", "password"}
			h.Desired = append(h.Desired, d)
		}
		if exists {
			for _, d := range h.Desired {
				h.Owned = append(h.Owned, record(d))
				h.Actual.Containers = append(h.Actual.Containers, observe(d))
			}
		}
		in.Hosts = append(in.Hosts, h)
	}
	return in
}

// BenchmarkCompute plans whole fleets: everything is new, or everything is as declared. The
// figures that count are per container.
func BenchmarkCompute(b *testing.B) {
	for _, size := range []struct{ hosts, containers int }{{100, 100}, {1000, 100}, {1, 10000}} {
		for _, exists := range []bool{false, true} {
			name := fmt.Sprintf("hosts=%d/containers=%d/noop=%v", size.hosts,
				size.hosts*size.containers, exists)
			b.Run(name, func(b *testing.B) {
				in := fleet(size.hosts, size.containers, exists)
				b.ReportAllocs()
				for b.Loop() {
					if p := plan.Compute(in); p.Empty() != exists {
						b.Fatalf("the plan has %d steps", len(p.Steps))
					}
				}
				n := float64(b.N) * float64(size.hosts*size.containers)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/container")
			})
		}
	}
}
