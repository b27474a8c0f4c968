//go:build linux && cgo

package main

import (
	"fmt"
	"os/exec"
	"strings"
)

func (s *systemdService) pid() string {
	s.T.Helper()
	return s.Run("systemctl show reconciler -p MainPID --value")
}

func (s *systemdService) restarts() string {
	s.T.Helper()
	return s.Run("systemctl show reconciler -p NRestarts --value")
}

func (s *systemdService) reload() {
	before := s.pid()
	s.Run("systemctl reload reconciler")
	if after := s.pid(); after != before {
		s.T.Errorf("reload has ended the daemon: it was %s and is %s", before, after)
	}
}

// newSettings: a reload takes them, and systemd does not take that for the end of the daemon.
func (s *systemdService) newSettings() {
	before := s.pid()
	s.Run("echo 'log-level: debug' >>/etc/reconciler/config.yaml && systemctl reload reconciler")
	s.Eventually("the daemon is ready with the new settings", "journalctl -u reconciler "+
		"_PID="+before+" | sed '1,/settings have changed/d' | grep -q 'daemon is ready'")
	if after := s.pid(); after != before {
		s.T.Errorf("new settings have ended the daemon: it was %s and is %s", before, after)
	}
}

func (s *systemdService) restart() {
	before := s.pid()
	s.Run("systemctl restart reconciler")
	if after := s.pid(); after == before {
		s.T.Errorf("restart has left the daemon as it was")
	}
}

func (s *systemdService) stop() {
	s.Run("systemctl stop reconciler")
	if now := s.incarnations(); now != s.containers {
		s.T.Fatalf("a container ended with the daemon. Before:\n%s\nAfter:\n%s", s.containers, now)
	}
	s.Run("systemctl start reconciler")
}

// dies does something that ends the daemon, and waits until systemd has started another.
func (s *systemdService) dies(what, script string) {
	s.T.Helper()
	before := s.restarts()
	s.Run(script)
	s.Eventually(what+": systemd starts the daemon again",
		"test $(systemctl show reconciler -p NRestarts --value) -gt "+before)
}

func (s *systemdService) kill() {
	s.dies("kill -9 of all that is in the service", "systemctl kill -s KILL reconciler")
}

// outOfMemory: the tree grows so large that reading it takes more than the service may have, and
// the kernel kills the daemon, again and again until the tree is mended.
func (s *systemdService) outOfMemory() {
	if _, err := s.Try("grep -qw memory /sys/fs/cgroup/cgroup.controllers || " +
		"test -d /sys/fs/cgroup/memory/system.slice"); err != nil {
		s.T.Log("no memory runs out: this machine has its memory controller in cgroups v1")
		return
	}
	s.dropIn("MemoryMax=48M")
	var tree strings.Builder
	tree.WriteString("profiles:\n")
	for i := range 400_000 {
		fmt.Fprintf(&tree, "  p%d: {memory: 512M}\n", i)
	}
	s.Write("srv/big.yaml", tree.String())
	s.dies("the kernel kills the daemon", "mv /srv/big.yaml /srv/tree/big.yaml")
	s.dies("it is killed again", "true")
	if now := s.incarnations(); now != s.containers {
		s.T.Fatalf("a container died with the daemon. Before:\n%s\nAfter:\n%s", s.containers, now)
	}
	s.wasKilledForMemory()
	s.Run("rm /srv/tree/big.yaml")
	s.dropIn("")
}

// wasKilledForMemory: it was the kernel for want of memory, not anything else.
func (s *systemdService) wasKilledForMemory() {
	s.T.Helper()
	log, err := exec.Command("dmesg").Output()
	if err != nil {
		s.T.Fatal(err)
	}
	group := s.Name + "/system.slice/reconciler.service"
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "oom-kill:") && strings.Contains(line, group) &&
			strings.Contains(line, "task=reconciler,") {
			return
		}
	}
	s.T.Errorf("the log of the kernel does not say that it killed the daemon for want of memory")
}

// dropIn changes the unit, or gives it back, and restarts the daemon.
func (s *systemdService) dropIn(setting string) {
	s.T.Helper()
	s.Write("etc/systemd/system/reconciler.service.d/test.conf", "[Service]\n"+setting+"\n")
	s.Run("systemctl daemon-reload && systemctl reset-failed && systemctl restart reconciler")
}

// stuck: a daemon that does nothing any more is replaced.
func (s *systemdService) stuck() {
	s.dropIn("WatchdogSec=12s")
	s.dies("the watchdog bites", "kill -STOP $(systemctl show reconciler -p MainPID --value)")
	s.Run("journalctl -u reconciler | grep -q 'Watchdog timeout'")
	s.dropIn("")
}

// killInTheMiddle: the daemon is killed while it makes a container.
func (s *systemdService) killInTheMiddle() {
	s.begin("d.example.com", "slow1")
	s.dies("kill -9 in the middle of a creation", "systemctl kill -s KILL reconciler")
	s.Run("touch /run/go-on")
	s.complete("d.example.com")
}

// restartInTheMiddle: systemd waits until the daemon has done what it does.
func (s *systemdService) restartInTheMiddle() {
	s.begin("e.example.com", "slow2")
	s.Run("systemctl restart --no-block reconciler")
	s.Eventually("the daemon is told to end",
		"systemctl show reconciler -p ActiveState --value | grep -q deactivating")
	s.Run("touch /run/go-on")
	s.Eventually("the next daemon is ready", "systemctl is-active reconciler")
	s.complete("e.example.com")
}

// begin declares a container whose template takes until /run/go-on exists, and waits until it is
// being made.
func (s *systemdService) begin(container, image string) {
	s.T.Helper()
	s.Run("rm -f /run/go-on /run/begun")
	script := "usr/share/lxc/templates/lxc-" + image
	s.Write(script, "#!/bin/sh\n>/run/begun\nuntil [ -e /run/go-on ]; do sleep 0.1; done\n"+
		`exec /usr/share/lxc/templates/lxc-busybox "$@"`+"\n")
	s.Run("chmod 755 /" + script)
	s.Write("srv/"+image+".yaml", "targets: {localhost: {"+container+": {image: "+image+
		", backing: dir}}}\n")
	s.Run("mv /srv/" + image + ".yaml /srv/tree/")
	s.Eventually("the container is being made", "test -e /run/begun")
}

// complete: the container is whole, nothing is left to do or left lying about, and no other
// container was touched.
func (s *systemdService) complete(container string) {
	s.T.Helper()
	s.Eventually("the container runs", "lxc-ls --running | grep -qw "+container)
	s.converges()
	left := s.Run("ls -A /var/lib/lxc/.reconciler | grep -vxE 'known|lock' || true")
	if left != "" {
		s.T.Errorf("left of a creation that was cut short: %s", left)
	}
	now := s.incarnations()
	for line := range strings.Lines(s.containers) {
		if !strings.Contains(now, strings.TrimSpace(line)) {
			s.T.Fatalf("a container was restarted or is gone. Before:\n%s\nAfter:\n%s",
				s.containers, now)
		}
	}
}
