//go:build linux && cgo

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	killRounds = 50
	killSeed   = 5
)

// kills: whatever is killed at whatever moment of a pass, the next pass converges, and when all
// containers are gone nothing is left of them.
func (f *fleet) kills(t *testing.T) {
	k := &killing{fleet: f, t: t, random: rand.New(rand.NewPCG(killSeed, killSeed))}
	k.prepare("killed")
	k.c = k.newController(t, k.treeOf("killed", k.every("dir")))
	k.heals("before anything is killed", true)
	k.c.declare(t, k.treeOf("killed", k.every("overlayfs")))
	began := time.Now()
	k.heals("before anything is killed", false)
	k.lasts = time.Since(began)
	k.removeAll()
	k.noAgents(t)
	clean := k.leftovers()
	for round := range killRounds {
		k.randomTree()
		k.round(round)
		k.heals(fmt.Sprintf("round %d of seed %d", round, killSeed), round%5 == 0)
	}
	k.removeAll()
	gone := func() bool { return k.leftovers() == clean }
	if err := waitFor(gone); err != nil {
		t.Errorf("after %d kills something is left (+), or gone (-):\n%s", killRounds,
			cmp.Diff(strings.Split(clean, "\n"), strings.Split(k.leftovers(), "\n")))
	}
	t.Logf("measured: %d rounds took %v, a pass %v; there died %v", killRounds,
		time.Since(began).Round(time.Second), k.lasts.Round(time.Millisecond), k.died)
	k.noAgents(t)
}

// killing is a controller and machines on which something is killed again and again.
type killing struct {
	*fleet
	t      *testing.T
	c      *controller
	random *rand.Rand
	lasts  time.Duration // a pass that is left alone
	died   [3]int        // nobody in time, controllers, agents

	declared map[string][]string // by machine
}

// every declares all containers that there will be.
func (k *killing) every(backing string) func(*machine) []string {
	settings := " recreate: allow, password: secret, memory: 64M, backing: " + backing
	k.declared = map[string][]string{}
	for _, m := range k.machines {
		k.declared[m.Name] = []string{"a", "b", "c", "d"}
	}
	return plain("a"+settings, "b"+settings, "c"+settings, "d"+settings)
}

// randomTree declares some containers in some shape.
func (k *killing) randomTree() {
	k.declared = map[string][]string{}
	k.c.declare(k.t, k.treeOf("killed", func(m *machine) (list []string) {
		for _, name := range []string{"a", "b", "c", "d"} {
			if k.random.IntN(3) == 0 {
				continue
			}
			backing := "overlayfs"
			if k.random.IntN(6) == 0 {
				backing = "dir"
			}
			k.declared[m.Name] = append(k.declared[m.Name], name)
			list = append(list, fmt.Sprintf("%s recreate: allow, backing: %s, memory: %dM, "+
				"password: secret%d", name, backing, 64+32*k.random.IntN(2), k.random.IntN(2)))
		}
		return list
	}))
}

// heals fails unless the next pass ends well and the declared containers run, no others; to look
// thoroughly is to plan as well.
func (k *killing) heals(when string, thoroughly bool) {
	k.t.Helper()
	code, out, errs := k.c.run(k.t, "run", "--once", "--allow-destroy", "99")
	if code != exitDone {
		k.t.Fatalf("%s: the next pass ends with %d:\n%s\n%s", when, code, out, errs)
	}
	for _, m := range k.machines {
		m.runs(k.t, "killed", k.declared[m.Name]...)
	}
	if !thoroughly {
		return
	}
	if code, out, errs := k.c.run(k.t, "plan", "--detailed-exitcode"); code != exitDone {
		k.t.Fatalf("%s: a pass leaves something to do (%d):\n%s\n%s", when, code, out, errs)
	}
}

// round begins a pass and kills the controller or an agent at a random moment of it.
func (k *killing) round(round int) {
	k.t.Helper()
	victim := k.machines[k.random.IntN(len(k.machines))]
	if round%10 == 0 {
		victim.Run("rm -rf /var/lib/reconciler/agent") // it is delivered anew
	}
	cmd := k.c.command("run", "--once", "--allow-destroy", "99")
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	time.Sleep(time.Duration(k.random.Int64N(int64(k.lasts))))
	if k.random.IntN(2) == 0 {
		// It may have ended.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if cmd.ProcessState.Success() {
			k.died[0]++
		} else {
			k.died[1]++
		}
		return
	}
	if _, err := victim.Try("pkill -KILL -f '^/var/lib/reconciler/agent/'"); err == nil {
		k.died[2]++
	} else {
		k.died[0]++
	}
	_ = cmd.Wait() // it may fail
}

// removeAll destroys all containers.
func (k *killing) removeAll() {
	k.t.Helper()
	k.declared = map[string][]string{}
	k.c.declare(k.t, k.treeOf("killed", plain()))
	k.heals("when nothing is declared any more", true)
}

// leftovers is whatever containers, and those who work on them, may leave behind.
func (k *killing) leftovers() string {
	var list strings.Builder
	for _, m := range k.machines {
		out, err := m.Try(`cd ` + filepath.Join(m.shared, "killed") + ` || exit
			echo files; find . -mindepth 1 -maxdepth 2 ! -path './base/rootfs/*' | sort
			cat base/lxc_snapshots
			echo agents; ls -A /var/lib/reconciler/agent | wc -l
			echo locks; find /run/lxc -type f | sort
			echo control groups; find /sys/fs/cgroup -name 'lxc*' | sort
			echo cards; ls /sys/class/net | sed 's/veth.*/veth/' | sort
			echo sockets; grep -o "@.*$PWD.*" /proc/net/unix | sort
			echo mounts; cut -d' ' -f2 /proc/mounts | grep -v '^/run/' | sort
			echo processes; ps -eo args= | grep -i 'lxc\|rsync\|reconciler' |
				grep -v 'grep\|lxc-attach\|/shared/[^k]' | sort`)
		fmt.Fprintf(&list, "%s: %v\n%s", m.Name, err, out)
	}
	_, out, _ := k.c.run(k.t, "state", "list")
	records, _, _ := strings.Cut(out, ", serial")
	return list.String() + records + "\n" + k.sh(`ls "`+k.c.dir+`"; ps -eo args= |
		grep "[s]sh -F $DIR" | grep -c -F -e '`+strings.Join(k.addresses(), "' -e '")+`' || true`)
}

// addresses are what ssh is told to reach the machines, and no others.
func (k *killing) addresses() (list []string) {
	for _, m := range k.machines {
		list = append(list, " "+m.address+" ")
	}
	return list
}
