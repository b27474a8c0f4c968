//go:build linux && cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestService runs examples/systemd and examples/cron on machines with real systemd, cron and LXC:
// whatever happens to the daemon, no container notices.
func TestService(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	binary := buildReconciler(t)
	t.Run("machine", func(t *testing.T) {
		t.Parallel()
		daemonsComeAndGo(t, newDebianHost(t, binary, cgroupsOfMachine))
	})
	t.Run("cgroup2", func(t *testing.T) {
		t.Parallel()
		daemonsComeAndGo(t, newDebianHost(t, binary, cgroupsV2))
	})
	t.Run("cron", func(t *testing.T) {
		t.Parallel()
		cronMakesPasses(t, newDebianHost(t, binary, cgroupsOfMachine))
	})
}

const serviceTree = `hosts: {localhost: {connect: local}}
defaults: {from_container: base, backing: overlayfs}
targets:
  localhost: {a.example.com: {}, b.example.com: {}, c.example.com: {}}
`

// systemdService is a machine on which examples/systemd is installed.
type systemdService struct {
	*debianHost
	containers string // as they were at the beginning
}

// example returns a file below examples.
func example(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "examples"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settle installs a tree and the settings: those of the example but for the source.
func (h *debianHost) settle() {
	h.T.Helper()
	h.bridge()
	h.Write("srv/tree/tree.yaml", serviceTree)
	var config strings.Builder
	for line := range strings.Lines(example(h.T, "systemd", "config.yaml")) {
		switch key, _, _ := strings.Cut(line, ":"); key {
		case "ref":
		case "source":
			config.WriteString("source: /srv/tree\n")
		default:
			config.WriteString(line)
		}
	}
	h.Write("etc/reconciler/config.yaml", config.String())
}

func daemonsComeAndGo(t *testing.T, h *debianHost) {
	h.settle()
	h.Write("etc/systemd/system/reconciler.service", example(t, "systemd", "reconciler.service"))
	if out := h.Run("systemd-analyze verify reconciler.service 2>&1"); out != "" {
		t.Errorf("systemd complains about the unit: %s", out)
	}
	h.Run("systemctl daemon-reload && systemctl enable --now reconciler")
	s := &systemdService{debianHost: h}
	s.isReady()
	s.converges()
	s.containers = h.incarnations()
	if n := strings.Count(s.containers, "example.com "); n != 3 {
		t.Fatalf("%d containers run, declared are 3:\n%s", n, s.containers)
	}
	s.groupsAreApart()
	s.containersAreLikeAnyOther()
	for _, event := range []struct {
		what string
		do   func()
	}{
		{"reload", s.reload}, {"new settings", s.newSettings}, {"restart", s.restart}, {"stop", s.stop},
		{"kill", s.kill}, {"out of memory", s.outOfMemory}, {"stuck", s.stuck},
	} {
		began := time.Now()
		event.do()
		s.unchanged(event.what)
		t.Logf("%s: %v", event.what, time.Since(began).Round(time.Second/10))
	}
	s.killInTheMiddle()
	s.restartInTheMiddle()
	s.groupsAreApart()
}

// isReady: systemd has been told READY, and from then on the daemon answers.
func (s *systemdService) isReady() {
	s.T.Helper()
	want := "Type=notify\nActiveState=active\nSubState=running"
	if got := s.Run("systemctl show reconciler -p Type -p ActiveState -p SubState"); got != want {
		s.T.Errorf("the service is %q, want %q", got, want)
	}
	s.Run("systemctl status --no-pager reconciler && reconciler status")
}

// converges: the daemon does what there is to do.
func (s *systemdService) converges() {
	s.T.Helper()
	s.Eventually("nothing is left to do", "reconciler plan --detailed-exitcode")
}

// unchanged: the daemon answers at its socket, has the locks and finds nothing to do, and the same
// processes run in all containers.
func (s *systemdService) unchanged(what string) {
	s.T.Helper()
	s.Eventually("after "+what+": the daemon is ready", "systemctl is-active reconciler")
	s.isReady()
	s.Run("reconciler trigger --wait && reconciler plan --detailed-exitcode")
	if now := s.incarnations(); now != s.containers {
		s.T.Fatalf("%s: a container was restarted or is gone. Before:\n%s\nAfter:\n%s",
			what, s.containers, now)
	}
	s.Run("for n in a b c; do lxc-attach -n $n.example.com -- true || exit; done")
}

// groupsAreApart: what is done to the control group of the service, containers do not notice.
func (s *systemdService) groupsAreApart() {
	s.T.Helper()
	const unit = "/system.slice/reconciler.service"
	main := s.Run("cat /proc/$(systemctl show reconciler -p MainPID --value)/cgroup")
	if !strings.Contains(main, unit) {
		s.T.Errorf("the daemon has left its group; its limits do not hold:\n%s", main)
	}
	for _, who := range []string{"$pid", "$(cut -d' ' -f4 /proc/$pid/stat)"} {
		out := s.Run("for n in $(lxc-ls --running); do pid=$(lxc-info -n $n -pH);" +
			"echo $n " + who + "; cat /proc/" + who + "/cgroup; done")
		if strings.Contains(out, "reconciler.service") || !strings.Contains(out, "/lxc.") {
			s.T.Errorf("processes of containers are in the group of the service:\n%s", out)
		}
	}
	inside := s.Run(`for f in $(find /sys/fs/cgroup -path '*` + unit + `/cgroup.procs'); do
		for pid in $(cat $f); do readlink /proc/$pid/exe; done; done | sort -u`)
	if inside != "/usr/local/bin/reconciler" {
		s.T.Errorf("in the group of the service are:\n%s", inside)
	}
}

// containersAreLikeAnyOther: what the unit sets for the daemon does not reach into containers.
// They are as if lxc-start had started them as a service.
func (s *systemdService) containersAreLikeAnyOther() {
	s.T.Helper()
	// The soft limit of open files is left out: Go programs raise theirs to the hard one.
	look := `look() { pid=$(lxc-info -n a.example.com -pH)
		until grep -qx init /proc/$pid/comm; do sleep 0.1; done # not liblxc any more
		tr '\0' '\n' </proc/$pid/environ
		grep -E '^(Umask|SigIgn|Cap|NoNewPrivs|Seccomp)' /proc/$pid/status
		grep -v '^Max open files' /proc/$pid/limits
		cat /proc/$pid/oom_score_adj /proc/$pid/coredump_filter; cut -d' ' -f19 /proc/$pid/stat; }
	`
	ours := s.Run(look + "look")
	s.Run("systemctl stop reconciler")
	theirs := s.Run("lxc-stop -k -n a.example.com; systemd-run --wait -q -p Type=forking " +
		"-p IgnoreSIGPIPE=no lxc-start -n a.example.com; " + look + "look")
	if ours != theirs {
		s.T.Errorf("a container has these limits and rights:\n%s\nby lxc-start it has\n%s",
			ours, theirs)
	}
	// systemd refuses to start a service too often; what comes next starts it again and again.
	s.Run("systemctl reset-failed && systemctl start reconciler")
	s.converges()
	s.containers = s.incarnations()
}
