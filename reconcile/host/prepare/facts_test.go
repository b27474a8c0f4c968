//go:build linux

package prepare

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFactsOfThisMachine are those that its own tools tell.
func TestFactsOfThisMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, changes, err := New(filepath.Join(dir, "not", "yet")).Check(context.Background(), nil)
	if err != nil || len(changes) > 0 {
		t.Fatalf("nothing is declared, and Check finds %v, %v", changes, err)
	}
	for what, c := range map[string]struct{ got, want string }{
		"kernel":       {f.Kernel, say(t, "uname -r")},
		"architecture": {f.Architecture, say(t, "dpkg --print-architecture || true")},
		"distribution": {f.Distribution, say(t, `. /etc/os-release; echo $ID $VERSION_ID`)},
		"LXC":          {f.LXC, say(t, "lxc-info --version || true")},
		"processors":   {strconv.Itoa(f.CPUs), say(t, "getconf _NPROCESSORS_ONLN")},
		"memory": {strconv.FormatInt(f.Memory>>10, 10),
			say(t, "awk '$1 == \"MemTotal:\" {print $2}' /proc/meminfo")},
		"disk": {strconv.FormatInt(f.DiskTotal, 10),
			say(t, "echo $(($(stat -f -c '%b * %S' "+dir+")))")},
	} {
		if c.want != "" && c.got != c.want {
			t.Errorf("%s: %q, want %q", what, c.got, c.want)
		}
	}
	if f.DiskFree <= 0 || f.DiskFree > f.DiskTotal {
		t.Errorf("%d of %d bytes are free", f.DiskFree, f.DiskTotal)
	}
	if !slices.IsSorted(f.Backings) || !slices.Contains(f.Backings, "dir") {
		t.Errorf("the backings are %q", f.Backings)
	}
}

// say returns what a script prints.
func say(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", script).Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}

// TestOverlaysWorkWhereTheyAreSaidTo: the kernel has the last word, on each file system.
func TestOverlaysWorkWhereTheyAreSaidTo(t *testing.T) {
	t.Parallel()
	requireMachines(t)
	const tryOverlay = `cd "$1" && mkdir low up work on && exec mount -t overlay overlay \
		-o lowerdir=low,upperdir=up,workdir=work on`
	for name, mount := range map[string]string{
		"the disk": "true",
		"memory":   `mount -t tmpfs tmpfs "$1"`,
		"an overlay": `mkdir "$1/l" "$1/u" "$1/w"; cd "$1"; ` +
			`mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w "$1"`,
	} {
		dir := t.TempDir()
		check := exec.Command("unshare", "-m", "sh", "-ec", mount+`; exec "$2"`, "sh", dir, os.Args[0])
		check.Env = append(os.Environ(), asProgram+"=overlays", "DIR="+dir)
		said, err := check.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, said)
		}
		works := exec.Command("unshare", "-m", "sh", "-ec", mount+"\n"+tryOverlay, "sh", dir).Run() == nil
		if got := strings.TrimSpace(string(said)); got != strconv.FormatBool(works) {
			t.Errorf("%s: overlays work there: %v, said is %s", name, works, got)
		}
	}
}
