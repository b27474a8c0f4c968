//go:build linux && cgo

package main

import (
	"bytes"
	"syscall"
	"testing"
)

// daemonLosesAHost: a daemon whose host is cut off in the middle of a step goes on with the others
// at once, and with that one as soon as it is back.
func (f *fleet) daemonLosesAHost(t *testing.T) {
	well, lost := f.machines[0], f.machines[1]
	lost.gate()
	f.prepare("daemon")
	c := f.newController(t, f.treeOf("daemon", plain("a")))
	cmd := c.command("run", "--interval", "2s")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	const list = "lxc-ls -1 --running -P "
	well.Eventually("it converges", list+well.shared+"/daemon | grep -q a1")
	lost.Eventually("it converges", list+lost.shared+"/daemon | grep -q a2")

	lost.close()
	c.declare(t, f.treeOf("daemon", plain("a", "b backing: dir")))
	lost.Eventually("a step begins", "test -e /run/reached")
	lost.setLink("down")
	c.declare(t, f.treeOf("daemon", plain("a", "b backing: dir", "c")))
	well.Eventually("the other host is served", list+well.shared+"/daemon | grep -q c1")
	lost.setLink("up")
	lost.Eventually("it is served again", list+lost.shared+"/daemon | grep -q c2")
	settled := func() bool {
		code, _, _ := c.run(t, "plan", "--detailed-exitcode")
		return code == exitDone
	}
	if err := waitFor(settled); err != nil {
		t.Error("the daemon does not converge a host that came back")
	}
	for _, m := range f.machines {
		m.runs(t, "daemon", "a", "b", "c")
	}
	stopped = true
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a daemon that is asked to end: %v", err)
	}
	f.noAgents(t)
}
