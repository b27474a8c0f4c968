//go:build linux && cgo

package lxc

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// acceptedLines are settings with which a container starts. FILE is a file that does not exist,
// BRIDGE the bridge; lines of one entry belong together.
func acceptedLines() []string {
	return []string{
		"lxc.log.level = DEBUG", "lxc.log.file = FILE", "lxc.log.level = DEBUG\nlxc.log.file = FILE",
		"lxc.net.1.type = empty",
		"lxc.net.1.type = veth\nlxc.net.1.link = BRIDGE\nlxc.net.1.hwaddr = 00:16:3E:xx:xx:xx",
		"lxc.net.1.type = veth\nlxc.net.1.hwaddr = 00:16:3e:aa:Xx:01\nlxc.net.1.flags = up",
		"lxc.net.1.type = veth\nlxc.net.1.ipv4.address = 10.1.2.3/24",
		"lxc.net.1.type = veth\nlxc.net.1.ipv6.address = fd00::1/64",
		"lxc.net.1.type = veth\nlxc.net.1.mtu = 1400\nlxc.net.1.name = lan0",
		"lxc.net.0.mtu = 1400", "lxc.net.0.name = eth0",
		"lxc.tty.max = 2", "lxc.tty.dir = lxc", "lxc.pty.max = 512", "lxc.arch = x86_64",
		"lxc.signal.halt = SIGUSR1", "lxc.signal.reboot = SIGTERM", "lxc.signal.stop = SIGKILL",
		"lxc.start.delay = 3", "lxc.start.order = 10", "lxc.group = onboot\nlxc.group = web",
		"lxc.monitor.unshare = 0", "lxc.ephemeral = 0",
		"lxc.environment = A=1\nlxc.environment = B=2",
		"lxc.mount.entry = tmpfs mnt tmpfs rw 0 0", "lxc.mount.auto = proc:rw sys:ro",
		"lxc.cap.drop = sys_time\nlxc.cap.drop = sys_module", "lxc.no_new_privs = 0",
		"lxc.prlimit.nofile = 1024", "lxc.prlimit.core = 1024:unlimited",
		"lxc.sysctl.net.ipv4.ip_forward = 1", "lxc.proc.oom_score_adj = 10",
		"lxc.console.logfile = FILE", "lxc.console.path = none", "lxc.console.buffer.size = 64KB",
		"lxc.hook.pre-start = /bin/true\nlxc.hook.pre-start = /bin/echo", "lxc.hook.version = 1",
		"lxc.init.cmd = /sbin/init", "lxc.init.uid = 0", "lxc.init.cwd = /",
		"lxc.execute.cmd = /bin/sh", "lxc.cgroup.devices.allow = c 10:200 rwm",
		"lxc.apparmor.profile = unconfined", "lxc.apparmor.allow_incomplete = 1",
		"lxc.autodev = 1", "lxc.autodev.tmpfs.size = 500000", "lxc.keyring.session = 1",
		"lxc.seccomp.allow_nesting = 0",
	}
}

func TestAcceptedSettingsDoNotRestartForEver(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i, lines := range acceptedLines() {
		want := l.want(fmt.Sprintf("raw%d", i), 130+i)
		file := filepath.Join(l.path, want.Name, "side.log")
		text := strings.NewReplacer("FILE", file, "BRIDGE", l.bridge).Replace(lines)
		for line := range strings.SplitSeq(text, "\n") {
			key, value, _ := strings.Cut(line, " = ")
			want.LXCConf = append(want.LXCConf, spec.ConfItem{Key: key, Value: value})
		}
		l.do(want, plan.Clone, plan.Configure, plan.Start)
		o := l.observe(want.Name)
		if o.Live == nil {
			t.Errorf("%q: it is %s", lines, o.State)
			continue
		}
		if diff := cmp.Diff(o.Config.Raw, o.Live.Raw); diff != "" {
			t.Errorf("%q restarts the container on every pass (-file +live):\n%s", lines, diff)
		}
		for _, item := range want.LXCConf {
			if len(o.Config.Raw[item.Key]) == 0 {
				t.Errorf("%q is not in the file: the case is not the one that is meant", lines)
			}
		}
	}
}
