//go:build linux && cgo

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	golxc "github.com/lxc/go-lxc"
)

const benchContainers = 100

// BenchmarkCreate makes 100 overlay clones from nothing to running and verified, and reports how
// much longer that takes than clone and start by go-lxc alone with the same parallelism
// ("x-golxc"). Both are measured in turns in the same run.
func BenchmarkCreate(b *testing.B) {
	h := newBenchHost(b)
	var ours, alone time.Duration
	for b.Loop() {
		b.StopTimer()
		alone += h.timed(b, h.golxc)
		h.wipe(b)
		b.StartTimer()
		ours += h.timed(b, func() { h.reconciler(b, "run", "--once") })
		b.StopTimer()
		h.wipe(b)
		b.StartTimer()
	}
	b.ReportMetric(float64(ours)/float64(alone), "x-golxc")
	b.ReportMetric(alone.Seconds()/float64(b.N), "golxc-s/op")
}

// BenchmarkNoop makes a pass that finds nothing to do over 100 running containers, and reports
// its time as a share of that of `lxc-ls -f` ("x-lxc-ls").
func BenchmarkNoop(b *testing.B) {
	h := newBenchHost(b)
	h.reconciler(b, "run", "--once")
	var ours, ls time.Duration
	for b.Loop() {
		b.StopTimer()
		ls += h.timed(b, func() {
			if out, err := exec.Command("lxc-ls", "-f", "-P", h.lxcpath).CombinedOutput(); err != nil {
				b.Fatalf("lxc-ls: %v: %s", err, out)
			}
		})
		b.StartTimer()
		ours += h.timed(b, func() { h.reconciler(b, "run", "--once") })
	}
	b.ReportMetric(float64(ours)/float64(ls), "x-lxc-ls")
	b.ReportMetric(float64(ls.Milliseconds())/float64(b.N), "lxc-ls-ms/op")
}

// benchHost is a host with a busybox base and a tree of 100 overlay clones of it.
type benchHost struct {
	lxcpath, dir, bridge string
}

func newBenchHost(b *testing.B) *benchHost {
	b.Helper()
	if os.Getuid() != 0 {
		b.Skip("real containers need root")
	}
	n, bridge, err := makeBridge()
	if err != nil {
		b.Fatal(err)
	}
	lxcpath, err := os.MkdirTemp("", "rc")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { tearDown(lxcpath, bridge) })
	h := &benchHost{lxcpath: lxcpath, dir: b.TempDir(), bridge: bridge}
	if err := sh(fmt.Sprintf(`set -e
		chmod 755 %[1]s
		ip addr add 10.213.%[2]d.1/24 dev %[3]s
		ip link set %[3]s up
		lxc-create -P %[1]s -n base -t busybox >/dev/null
		sed -i 's/^lxc.net.0.link.*/lxc.net.0.link = %[3]s/' %[1]s/base/config`,
		lxcpath, n, bridge)); err != nil {
		b.Fatal(err)
	}
	h.writeTree(b, n)
	return h
}

func (h *benchHost) writeTree(b *testing.B, n int) {
	b.Helper()
	var tree bytes.Buffer
	fmt.Fprintf(&tree, "networks: {%s: {cidr: 10.213.%d.0/24, gateway: 10.213.%d.1}}\n",
		h.bridge, n, n)
	fmt.Fprintf(&tree, "hosts: {localhost: {connect: local, lxcpath: %s}}\n", h.lxcpath)
	fmt.Fprintf(&tree, "defaults: {network: %s, from_container: base, backing: overlayfs}\n",
		h.bridge)
	tree.WriteString("targets:\n  localhost:\n")
	for i := range benchContainers {
		fmt.Fprintf(&tree, "    %s: {}\n", benchName(i))
	}
	if err := os.Mkdir(filepath.Join(h.dir, "tree"), 0o755); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(h.dir, "tree", "tree.yaml")
	if err := os.WriteFile(path, tree.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
}

func benchName(i int) string { return fmt.Sprintf("c%d.example.com", i) }

// reconciler runs the program in a process of its own, as cron does.
func (h *benchHost) reconciler(b *testing.B, args ...string) {
	b.Helper()
	args = append(args, "--source", filepath.Join(h.dir, "tree"),
		"--state", "sqlite://"+filepath.Join(h.dir, "state.db"))
	out, err := exec.Command(h.binary(b), args...).CombinedOutput()
	if err != nil {
		b.Fatalf("reconciler %v: %v\n%s", args, err, out)
	}
}

func (h *benchHost) binary(b *testing.B) string {
	b.Helper()
	path := filepath.Join(h.dir, "reconciler")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// golxc is the same work without any of ours: clone and start, nothing else.
func (h *benchHost) golxc() {
	work := make(chan int)
	var wg sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			for i := range work {
				if err := h.cloneAndStart(benchName(i)); err != nil {
					panic(err)
				}
			}
		})
	}
	for i := range benchContainers {
		work <- i
	}
	close(work)
	wg.Wait()
}

func (h *benchHost) cloneAndStart(name string) error {
	base, err := golxc.NewContainer("base", h.lxcpath)
	if err != nil {
		return err
	}
	defer base.Release()
	err = base.Clone(name, golxc.CloneOptions{Backend: golxc.Overlayfs, Snapshot: true})
	if err != nil {
		return err
	}
	c, err := golxc.NewContainer(name, h.lxcpath)
	if err != nil {
		return err
	}
	defer c.Release()
	return c.Start()
}

func (h *benchHost) timed(b *testing.B, work func()) time.Duration {
	b.Helper()
	h.binary(b)
	began := time.Now()
	work()
	return time.Since(began)
}

// wipe takes all clones and the state away.
func (h *benchHost) wipe(b *testing.B) {
	b.Helper()
	for i := range benchContainers {
		if err := sh(fmt.Sprintf("lxc-stop -k -P %[1]s -n %[2]s && rm -r %[1]s/%[2]s",
			h.lxcpath, benchName(i))); err != nil {
			b.Fatal(err)
		}
	}
	if err := sh(fmt.Sprintf("rm -f %s/state.* %s/base/lxc_snapshots", h.dir, h.lxcpath)); err != nil {
		b.Fatal(err)
	}
}
