//go:build linux && cgo

package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/report"
)

// healthy is how many machines nothing happens to.
const healthy = 4

// failure is what can happen to a host.
type failure struct {
	name       string
	harm, heal func(*machine)
	during     string // what the pass says in whose middle it happens
	after      string // and the next ones; empty: it is healed before
}

// failuresOfHosts are those of the machines that are not healthy, one each.
func failuresOfHosts() []failure {
	return []failure{
		{"frozen", (*machine).freeze, (*machine).thaw, "nothing was heard of the other side",
			`timed out.*see that the host is up`},
		{"cut off", func(m *machine) { m.setLink("down") }, func(m *machine) { m.setLink("up") },
			"nothing was heard of the other side", `(No route to host|timed out).*see that the host is up`},
		{"another key", (*machine).changeKey, (*machine).learnKey, "ssh says|connection has ended",
			`IDENTIFICATION HAS CHANGED.*ssh-keygen -R`},
		{"rebooted", (*machine).reboot, func(*machine) {}, "ssh says|connection has ended", ""},
		{"full", (*machine).fillDisk, (*machine).emptyDisk, "No space left on device", ""},
	}
}

func (m *machine) freeze() { m.Beside("lxc-freeze -P $PATH_OF -n $NAME") }

func (m *machine) thaw() {
	m.Beside("lxc-unfreeze -P $PATH_OF -n $NAME")
	m.open()
}

func (m *machine) setLink(state string) {
	m.Beside("ip link set " + m.link + " " + state)
	if state == "up" {
		m.open()
	}
}

// changeKey gives sshd another key, and cuts who is logged in.
func (m *machine) changeKey() {
	m.Run(`set -e
		cd /etc/ssh
		rm ssh_host_ed25519_key*
		ssh-keygen -q -t ed25519 -N "" -f ssh_host_ed25519_key
		systemctl restart ssh
		pkill -KILL -f '^sshd: root@'`)
	m.open()
}

// learnKey is what the administrator does about it.
func (m *machine) learnKey() {
	known := filepath.Join(m.f.dir, "client", "known_hosts")
	m.Beside("ssh-keygen -q -R " + m.address + " -f " + known + " >/dev/null 2>&1")
	key := m.address + " " + m.Run("cat /etc/ssh/ssh_host_ed25519_key.pub")
	m.Beside("echo '" + key + "' >>" + known)
}

func (m *machine) reboot() {
	m.halt()
	m.boot()
	m.awaitSSH()
	m.Run(makeBridgeThere("broken", fleetAddress))
}

func (m *machine) fillDisk() {
	// It ends with an error.
	_, _ = m.Try("cat /dev/zero >" + filepath.Join(m.shared, "broken", "full"))
	m.open()
}

func (m *machine) emptyDisk() { m.Run("rm " + filepath.Join(m.shared, "broken", "full")) }

// gate makes directories be cloned only while the gate is open. All machines have a small disk.
func (m *machine) gate() {
	m.Run(`set -e
		cat >/usr/local/sbin/rsync <<-"END"
		#!/bin/sh
		test -e /run/closed && touch /run/reached
		while test -e /run/closed; do sleep 0.02; done
		exec /usr/bin/rsync "$@"
		END
		chmod 755 /usr/local/sbin/rsync`)
}

func (m *machine) close() { m.Run("rm -f /run/reached; touch /run/closed") }
func (m *machine) open()  { m.Run("rm -f /run/closed") }

// failures: what happens to a machine in the middle of a pass is told in its own words, harms no
// other machine, and heals.
func (f *fleet) failures(t *testing.T) {
	victims := f.machines[healthy:]
	for i, m := range victims {
		m.gate()
		if failuresOfHosts()[i].name == "full" {
			disk := filepath.Join(m.shared, "broken")
			m.Run("mkdir -m 755 " + disk + " && mount -t tmpfs -o size=24m,mode=755 none " + disk)
		}
	}
	f.prepare("broken")
	c := f.newController(t, f.treeOf("broken", plain("a", "b")))
	c.converges(t, "before anything happens")
	before, uids := f.incarnations("broken"), c.uids(t)

	c.declare(t, f.treeOf("broken", f.withSlow("a", "b", "c")))
	for _, m := range victims {
		m.close()
	}
	code, out := c.runWhile(t, func(running func() bool) {
		f.harm(t, running)
	})
	if code != exitFailed {
		t.Errorf("with five hosts lost a pass ends with %d:\n%s", code, out)
	}
	for i, m := range victims {
		x := failuresOfHosts()[i]
		x.isTold(t, m, x.during, out)
	}
	for _, m := range f.machines[:healthy] {
		m.runs(t, "broken", "a", "b", "c")
	}
	f.unreachableAreNamed(t, c)
	f.heal(func(x failure) bool { return x.after != "" })
	c.converges(t, "when all is healed")
	f.nothingLost(t, c, before, uids)
	for i, m := range f.machines {
		if i < healthy {
			m.runs(t, "broken", "a", "b", "c", "d")
		} else {
			m.runs(t, "broken", "a", "b", "c", "d", "slow")
		}
	}
	f.noAgents(t)
}

// withSlow declares containers of these names, and on the machines that something happens to one
// that the gate holds up.
func (f *fleet) withSlow(names ...string) func(*machine) []string {
	return func(m *machine) []string {
		if slices.Index(f.machines, m) < healthy {
			return names
		}
		return append([]string{"slow backing: dir"}, names...)
	}
}

// harm waits until each victim is in the middle of a step, and then lets it happen.
func (f *fleet) harm(t *testing.T, running func() bool) {
	t.Helper()
	victims := f.machines[healthy:]
	for _, m := range victims {
		reached := func() bool {
			_, err := m.Try("test -e /run/reached")
			return err == nil || !running()
		}
		if err := waitFor(reached); err != nil || !running() {
			t.Errorf("%s is not reached", m.Name)
		}
	}
	for i, m := range victims {
		failuresOfHosts()[i].harm(m)
	}
}

func (f *fleet) heal(which func(failure) bool) {
	for i, m := range f.machines[healthy:] {
		if x := failuresOfHosts()[i]; which(x) {
			x.heal(m)
		}
	}
}

// unreachableAreNamed: a pass that meets hosts that cannot be reached does all there is to do on
// the others.
func (f *fleet) unreachableAreNamed(t *testing.T, c *controller) {
	t.Helper()
	f.heal(func(x failure) bool { return x.after == "" })
	c.declare(t, f.treeOf("broken", f.withSlow("a", "b", "c", "d")))
	began := time.Now()
	code, out, errs := c.run(t, "run", "--once")
	t.Logf("measured: with three hosts that do not answer a pass took %v",
		time.Since(began).Round(time.Second/10))
	if code != report.ExitUnreachable {
		t.Errorf("with three hosts out of reach a pass ends with %d:\n%s\n%s", code, out, errs)
	}
	for i, m := range f.machines {
		switch {
		case i < healthy:
			m.runs(t, "broken", "a", "b", "c", "d")
		case failuresOfHosts()[i-healthy].after == "":
			m.runs(t, "broken", "a", "b", "c", "d", "slow")
		default:
			x := failuresOfHosts()[i-healthy]
			x.isTold(t, m, x.after, out)
		}
	}
}

// isTold fails unless the output has a text about the machine that fails.
func (x failure) isTold(t *testing.T, m *machine, want, out string) {
	t.Helper()
	lines := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(m.Name) + `.*(` + want + `)`)
	if !lines.MatchString(strings.ReplaceAll(out, "\n  ", " ")) {
		t.Errorf("of the host that is %s (%s) it does not say %q:\n%s", x.name, m.Name, want, out)
	}
}

// nothingLost: what was there before has the same records, and where nothing was rebooted the same
// processes.
func (f *fleet) nothingLost(t *testing.T, c *controller, before map[string]string, uids []string) {
	t.Helper()
	now := c.uids(t)
	for _, uid := range uids {
		if !slices.Contains(now, uid) {
			t.Errorf("container %s was made anew", uid)
		}
	}
	after := f.incarnations("broken")
	for i, m := range f.machines {
		if i >= healthy && failuresOfHosts()[i-healthy].name == "rebooted" {
			continue
		}
		for line := range strings.Lines(before[m.Name]) {
			if !strings.Contains(after[m.Name], strings.TrimSpace(line)) {
				t.Errorf("on %s a container was restarted:\n%s\nbefore:\n%s", m.Name, after[m.Name],
					before[m.Name])
			}
		}
	}
}
