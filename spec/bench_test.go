package spec_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

// fleet is a tree of many containers on many hosts, written as people write it.
func fleet(containers, hosts int) fstest.MapFS {
	fsys := fstest.MapFS{"common.yaml": {Data: []byte(`
networks:
  lan: {cidr: 10.0.0.0/8, gateway: 10.0.0.1, bridge: br0}
defaults: {network: lan, users: [root]}
profiles:
  web: {memory: 512M, autostart: true}
  db: {memory: 2G, cpushare: 2048, lxc_conf: [lxc.cap.drop: sys_module]}
templates:
  base: {image: debian, options: {release: bookworm}}
`)}}
	for h := range hosts {
		var b strings.Builder
		fmt.Fprintf(&b, "hosts:\n  host%d.example.net: {defaults: {backing: overlayfs}}\n", h)
		fmt.Fprintf(&b, "targets.host%d.example.net:\n", h)
		for c := h; c < containers; c += hosts {
			fmt.Fprintf(&b, "  c%d.example.net:\n    profile: %s\n    ip: 10.%d.%d.%d\n",
				c, [...]string{"web", "db"}[c%2], 1+c>>16, c>>8&255, c&255)
			if c%4 == 0 {
				fmt.Fprintf(&b, "    domains: [www%d.example.net]\n    memory: 1G\n", c)
			}
		}
		fsys[fmt.Sprintf("host%04d.yaml", h)] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return fsys
}

// BenchmarkTree measures building and validating alone: the YAML is decoded beforehand.
func BenchmarkTree(b *testing.B) {
	for _, size := range []struct{ containers, hosts int }{{10_000, 100}, {100_000, 1000}} {
		b.Run(fmt.Sprintf("containers=%d", size.containers), func(b *testing.B) {
			docs, err := spec.Load(fleet(size.containers, size.hosts), spec.Options{})
			if err != nil {
				b.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			for range b.N {
				if _, err := docs.Tree(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			runtime.ReadMemStats(&after)
			n := float64(b.N) * float64(size.containers)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/container")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/container")
		})
	}
}

// BenchmarkLoad measures reading and decoding the same trees.
func BenchmarkLoad(b *testing.B) {
	fsys := fleet(10_000, 100)
	for range b.N {
		if _, err := spec.Load(fsys, spec.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/container")
}
