//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// storiesOverSSH are those of testdata/stories/lxc in which the way to the host may matter. The
// others are about where trees come from, need more than busybox, or kill all that works on a host
// by killing the controller, for which there is TestFleet.
func storiesOverSSH() []string {
	return []string{"apply", "byhand", "changes", "daemon", "drift", "explain", "interrupt", "lost",
		"orphans", "push", "recorded", "secrets", "sources", "ten"}
}

// TestStoriesOverSSH runs the stories of one host with that host at the other end of ssh. What they
// do to it by hand with LXC's tools is done on the machine.
func TestStoriesOverSSH(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	m := newFleet(t, 1).machines[0]
	var files []string
	for _, name := range storiesOverSSH() {
		files = append(files, filepath.Join("..", "..", "testdata", "stories", "lxc", name+".txtar"))
	}
	var last atomic.Int32
	testscript.Run(t, testscript.Params{
		Files:               files,
		Setup:               func(e *testscript.Env) error { return m.setUp(e, int(last.Add(1))) },
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                storyCommands(),
	})
}

// toolsOfHost are what stories run on the host.
const toolsOfHost = "lxc-attach lxc-copy lxc-create lxc-destroy lxc-info lxc-ls lxc-start " +
	"lxc-stop ping"

// setUp gives a story a place of its own on the machine.
func (m *machine) setUp(e *testscript.Env, n int) error {
	if err := setUpUser(e); err != nil {
		return err
	}
	bridge, net := fmt.Sprintf("story%d", n), fmt.Sprintf("10.214.%d", n)
	lxcpath, err := m.makeLXCPath(bridge, net+".1/24")
	if err != nil {
		return err
	}
	bin := filepath.Join(e.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	for tool := range strings.FieldsSeq(toolsOfHost) {
		script := fmt.Sprintf("#!/bin/sh\nexec %s -P %s -n %s --clear-env -- %s \"$@\"\n",
			"/usr/bin/lxc-attach", m.LXCPath, m.Name, strings.Replace(tool, "ping", "busybox ping", 1))
		if err := os.WriteFile(filepath.Join(bin, tool), []byte(script), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink(m.f.binary, filepath.Join(bin, "reconciler")); err != nil {
		return err
	}
	path := []string{bin, m.f.sshBin(), e.Getenv("PATH"), "/usr/sbin", "/sbin"}
	e.Setenv("PATH", strings.Join(path, ":"))
	e.Setenv("LXCPATH", lxcpath)
	e.Setenv("BRIDGE", bridge)
	e.Setenv("NET", net)
	e.Setenv("CONNECT", "ssh://root@"+m.address)
	return nil
}
