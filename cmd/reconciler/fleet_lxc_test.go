//go:build linux && cgo

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fleetSize is how many machines a fleet has.
const fleetSize = 5

// TestFleet runs one controller and five machines over real ssh.
func TestFleet(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	f := newFleet(t, fleetSize)
	t.Run("converges", f.converges)
}

// converges: five empty machines in one pass, and then nothing is written any more.
func (f *fleet) converges(t *testing.T) {
	const containers = 3
	f.prepare("first")
	c := f.newController(t, f.treeOf("first", containers))
	began := time.Now()
	code, out, errs := c.run(t, "run", "--once")
	t.Logf("measured: the first pass took %v", time.Since(began).Round(time.Millisecond))
	if want := fmt.Sprintf("Done: %d created", containers*fleetSize); code != exitDone ||
		!strings.Contains(out, want) {
		t.Fatalf("the first pass ends with %d, not %q:\n%s\n%s", code, want, out, errs)
	}
	for _, m := range f.machines {
		if n := strings.Count(m.running("first"), "example.com"); n != containers {
			t.Errorf("on %s run %d containers, declared are %d", m.name, n, containers)
		}
	}
	before := f.files("first") + c.records(t)
	began = time.Now()
	code, out, errs = c.run(t, "run", "--once")
	t.Logf("measured: a pass with nothing to do took %v", time.Since(began).Round(time.Millisecond))
	if code != exitDone || !strings.Contains(out, "No changes.") {
		t.Errorf("the second pass ends with %d:\n%s\n%s", code, out, errs)
	}
	if after := f.files("first") + c.records(t); after != before {
		t.Errorf("a pass with nothing to do writes:\n%s\nbefore:\n%s", after, before)
	}
	if code, out, _ := c.run(t, "plan", "--detailed-exitcode"); code != exitDone {
		t.Errorf("plan does not agree: %d\n%s", code, out)
	}
	f.noAgents(t)
}

// prepare makes an lxcpath and a bridge of a name on every machine.
func (f *fleet) prepare(name string) {
	f.t.Helper()
	for _, m := range f.machines {
		if _, err := m.makeLXCPath(name, "10.214.0.1/16"); err != nil {
			f.t.Fatal(err)
		}
	}
}

// running lists the containers of an lxcpath that run.
func (m *machine) running(name string) string {
	m.t.Helper()
	return m.run("lxc-ls -1 --running -P " + filepath.Join(m.shared, name))
}

// files says when the files of containers were changed.
func (f *fleet) files(name string) string {
	f.t.Helper()
	return f.sh(`find "$DIR"/*/shared/` + name + ` -maxdepth 2 -printf '%p %T@ %C@\n' |
		grep -v '/\.' | sort`)
}

// records is all that the controller remembers.
func (c *controller) records(t *testing.T) string {
	t.Helper()
	code, out, errs := c.run(t, "state", "list")
	if code != exitDone {
		t.Fatalf("state list ends with %d: %s", code, errs)
	}
	return out
}

// noAgents fails if an agent outlives its controller.
func (f *fleet) noAgents(t *testing.T) {
	t.Helper()
	for _, m := range f.machines {
		m.eventually("no agent is left", "ps -e >/dev/null && ! pgrep -f '^/var/lib/reconciler/agent/'")
	}
}

// treeOf declares containers a, b, … on every machine, in lxcpaths of a name.
func (f *fleet) treeOf(name string, containers int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "networks: {%s: {cidr: 10.214.0.0/16, gateway: 10.214.0.1}}\n", name)
	fmt.Fprintf(&b, "defaults: {network: %s, from_container: base, backing: overlayfs}\n", name)
	b.WriteString("hosts:\n")
	for _, m := range f.machines {
		fmt.Fprintf(&b, "  %s: {connect: 'ssh://root@%s', lxcpath: %s}\n", m.name, m.address,
			filepath.Join(m.shared, name))
	}
	b.WriteString("targets:\n")
	for i, m := range f.machines {
		fmt.Fprintf(&b, "  %s:\n", m.name)
		for c := range containers {
			fmt.Fprintf(&b, "    %c%d.example.com: {}\n", 'a'+c, i+1)
		}
	}
	return b.String()
}
