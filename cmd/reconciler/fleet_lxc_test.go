//go:build linux && cgo

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFleet runs controllers and machines over real ssh: what happens to some machines of a fleet,
// and kills on two others.
func TestFleet(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	troubled := healthy + len(failuresOfHosts())
	f := newFleet(t, troubled+2)
	t.Run("converges", func(t *testing.T) { f.part(t, 0, 5).converges(t) })
	t.Run("failures", func(t *testing.T) {
		t.Parallel()
		f.part(t, 0, troubled).failures(t)
	})
	t.Run("kills", func(t *testing.T) {
		t.Parallel()
		f.part(t, troubled, troubled+2).kills(t)
		f.part(t, troubled, troubled+2).daemonLosesAHost(t)
	})
}

// part is a fleet of some of the machines, which t works with.
func (f *fleet) part(t *testing.T, from, to int) *fleet {
	part := *f
	part.t, part.machines = t, nil
	for _, m := range f.machines[from:to] {
		own := *m
		own.T, own.f = t, &part
		part.machines = append(part.machines, &own)
	}
	return &part
}

// converges: five empty machines in one pass, and then nothing is written any more.
func (f *fleet) converges(t *testing.T) {
	f.prepare("first")
	c := f.newController(t, f.treeOf("first", plain("a", "b", "c")))
	began := time.Now()
	code, out, errs := c.run(t, "run", "--once")
	t.Logf("measured: the first pass took %v", time.Since(began).Round(time.Millisecond))
	if want := fmt.Sprintf("Done: %d created", 3*len(f.machines)); code != exitDone ||
		!strings.Contains(out, want) {
		t.Fatalf("the first pass ends with %d, not %q:\n%s\n%s", code, want, out, errs)
	}
	for _, m := range f.machines {
		m.runs(t, "first", "a", "b", "c")
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

// runs fails unless these containers of an lxcpath run, and no others.
func (m *machine) runs(t *testing.T, name string, want ...string) {
	t.Helper()
	var got []string
	for container := range strings.FieldsSeq(m.Run("lxc-ls -1 --running -P " +
		filepath.Join(m.shared, name))) {
		got = append(got, strings.TrimRight(strings.TrimSuffix(container, ".example.com"), "0123456789"))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("on %s run %v, want %v", m.Name, got, want)
	}
}

// fleetAddress is that of the bridge that containers are on, on every machine.
const fleetAddress = "10.214.0.1/16"

// prepare makes an lxcpath and a bridge of a name on every machine.
func (f *fleet) prepare(name string) {
	f.t.Helper()
	for _, m := range f.machines {
		if _, err := m.makeLXCPath(name, fleetAddress); err != nil {
			f.t.Fatal(err)
		}
	}
}

// running lists the containers of an lxcpath that run.
func (m *machine) running(name string) string {
	m.T.Helper()
	return m.Run("lxc-ls -1 --running -P " + filepath.Join(m.shared, name))
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

// uids are what the records of containers are known by.
func (c *controller) uids(t *testing.T) (uids []string) {
	t.Helper()
	hex := regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	for line := range strings.Lines(c.records(t)) {
		if strings.Contains(line, ".example.com") {
			uids = append(uids, hex.FindString(line))
		}
	}
	return uids
}

// incarnations says by machine which processes run in the containers of an lxcpath.
func (f *fleet) incarnations(name string) map[string]string {
	f.t.Helper()
	of := map[string]string{}
	for _, m := range f.machines {
		of[m.Name] = m.incarnationsIn(filepath.Join(m.shared, name))
	}
	return of
}

// noAgents fails if an agent outlives its controller.
func (f *fleet) noAgents(t *testing.T) {
	t.Helper()
	for _, m := range f.machines {
		m.Eventually("no agent is left", "ps -e >/dev/null && "+
			"! pgrep -f '^(/var/lib/reconciler/agent/|reconciler launch)'")
	}
}

// treeOf declares on every machine the containers of a list, in lxcpaths of a name. Each gets the
// number of its machine into its name.
func (f *fleet) treeOf(name string, containers func(*machine) []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "networks: {%s: {cidr: 10.214.0.0/16, gateway: 10.214.0.1}}\n", name)
	fmt.Fprintf(&b, "defaults: {network: %s, from_container: base, backing: overlayfs}\n", name)
	b.WriteString("hosts:\n")
	for _, m := range f.machines {
		fmt.Fprintf(&b, "  %s: {connect: 'ssh://root@%s', lxcpath: %s}\n", m.Name, m.address,
			filepath.Join(m.shared, name))
	}
	b.WriteString("targets:\n")
	for i, m := range f.machines {
		fmt.Fprintf(&b, "  %s: {", m.Name)
		for _, c := range containers(m) {
			container, settings, _ := strings.Cut(c, " ")
			fmt.Fprintf(&b, "%s%d.example.com: {%s}, ", container, i+1, settings)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// plain declares containers of these names.
func plain(names ...string) func(*machine) []string {
	return func(*machine) []string { return names }
}
