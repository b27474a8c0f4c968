//go:build linux

package guest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/host/lxc/guest"
)

// layers are the three directories of a container with the overlay backing.
type layers struct{ lower, upper, work string }

func newLayers(t testing.TB, base string, fs files) layers {
	t.Helper()
	l := layers{base + "/base/rootfs", base + "/c/overlay/delta", base + "/c/overlay/work"}
	for _, dir := range []string{l.lower, l.upper, l.work} {
		check(t, os.MkdirAll(dir, 0o755))
	}
	build(t, l.lower, fs)
	return l
}

// openOverlay skips where the process may not mount.
func openOverlay(t testing.TB, l layers) *guest.Root {
	t.Helper()
	needRoot(t)
	r, err := guest.OpenOverlay(l.lower, l.upper, l.work)
	check(t, err)
	return r
}

func TestOverlayLeavesTheTemplateAlone(t *testing.T) {
	t.Parallel()
	l := newLayers(t, t.TempDir(), used())
	build(t, l.lower, debian2())
	before := snapshot(t, l.lower)
	r := openOverlay(t, l)
	for _, op := range append(operations(), operation{"ScrubIdentity", scrub}) {
		if changed, err := op.run(r); err != nil || !changed {
			t.Errorf("%s: changed %v, error %v", op.name, changed, err)
		}
	}
	check(t, r.Close())
	same(t, l.lower, before, "every clone of the template has changed with this one")
	content(t, l.upper, "etc/hostname", "web.foo.com\n")
	content(t, l.upper, "etc/machine-id", machineID+"\n")

	r = openOverlay(t, l)
	defer r.Close()
	upper := snapshot(t, l.upper)
	for _, op := range operations() {
		if changed, err := op.run(r); err != nil || changed {
			t.Errorf("%s, second time: changed %v, error %v", op.name, changed, err)
		}
	}
	same(t, l.upper, upper, "a run without changes writes to the container")
}

// debian2 is debian without what used has already.
func debian2() files {
	fs := debian()
	for name := range used() {
		delete(fs, name)
	}
	return fs
}

func TestOverlayIsSeenByNobodyAndEndsWithClose(t *testing.T) {
	l := newLayers(t, t.TempDir(), busybox())
	r := openOverlay(t, l)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	check(t, err)
	if strings.Contains(string(mounts), l.upper) {
		t.Error("the mount is visible: a killed process would leave it behind")
	}
	check(t, r.Close())
	// A mount that still lived would show the content that it knows, and not this one.
	build(t, l.upper, files{"etc/hostname": "by hand\n"})
	r = openOverlay(t, l)
	defer r.Close()
	if changed, err := r.SetHostname("by-hand"); err != nil || !changed {
		t.Errorf("changed %v, error %v", changed, err)
	}
	content(t, l.upper, "etc/hostname", "by-hand\n")
}

func TestOverlayOfAnyPath(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 50)
	base := filepath.Join(t.TempDir(), "a,b:c\\d e", long, long)
	r := openOverlay(t, newLayers(t, base, busybox()))
	defer r.Close()
	if changed, err := r.SetHostname("web"); err != nil || !changed {
		t.Errorf("changed %v, error %v", changed, err)
	}
}

func TestOverlayErrorsNameTheDirectory(t *testing.T) {
	t.Parallel()
	needRoot(t)
	l := newLayers(t, t.TempDir(), busybox())
	elsewhere := fmt.Sprintf("/proc/%d", os.Getpid())
	for name, bad := range map[string]layers{
		"no lower":                           {l.lower + "x", l.upper, l.work},
		"no upper":                           {l.lower, l.upper + "x", l.work},
		"no work":                            {l.lower, l.upper, l.work + "x"},
		"upper on a file system that cannot": {l.lower, elsewhere, l.work},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := guest.OpenOverlay(bad.lower, bad.upper, bad.work)
			if err == nil {
				check(t, r.Close())
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), bad.upper) {
				t.Errorf("error %q does not say which container", err)
			}
		})
	}
}

func BenchmarkOverlayOpenClose(b *testing.B) {
	l := newLayers(b, b.TempDir(), busybox())
	for b.Loop() {
		check(b, openOverlay(b, l).Close())
	}
}

// A whole first configuration of a fresh overlay clone.
func BenchmarkOverlayFirstConfiguration(b *testing.B) {
	base := b.TempDir()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		l := newLayers(b, filepath.Join(base, fmt.Sprint(i)), busybox())
		b.StartTimer()
		r := openOverlay(b, l)
		for _, op := range operations() {
			_, err := op.run(r)
			check(b, err)
		}
		check(b, r.Close())
	}
}

func BenchmarkNothingToDo(b *testing.B) {
	r, _ := open(b, debian())
	for b.Loop() {
		for _, op := range operations() {
			_, err := op.run(r)
			check(b, err)
		}
	}
}

func BenchmarkScrubWithRSA(b *testing.B) {
	r, _ := open(b, used())
	for b.Loop() {
		_, err := scrub(r)
		check(b, err)
	}
}
