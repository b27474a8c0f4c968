// Package debian lets tests work on machines of their own: containers that run a whole Debian.
//
// It promises that a machine, with all that runs on it, is gone when its test ends, and that a test
// that fails shows what the machine says. It makes neither the root of a machine nor its
// configuration, and touches nothing of the machine that the test runs on but the directory that
// the machine lies in. It takes root and the lxc-* tools.
package debian

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Machine is a container that stands for a machine. Its methods end the test if they fail. Only
// Command and Try may be called from several goroutines at once.
type Machine struct {
	T       *testing.T
	LXCPath string // directory that it lies in
	Name    string // unique on this machine, as control groups are
	Root    string // its directory below LXCPath/Name whose files are its own: rootfs, or a layer
}

// New returns a machine in a new, empty directory. Both are removed when the test ends; if the test
// has failed, what the script tell prints on the machine is logged before.
func New(t *testing.T, prefix, root, tell string) *Machine {
	t.Helper()
	lxcpath, err := os.MkdirTemp("", prefix)
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{T: t, LXCPath: lxcpath, Name: filepath.Base(lxcpath), Root: root}
	t.Cleanup(func() { m.remove(tell) })
	return m
}

func (m *Machine) remove(tell string) {
	if m.T.Failed() {
		out, _ := m.Try(tell)
		m.T.Logf("on the machine:\n%s", out)
	}
	// Not running is as good as stopped.
	_ = exec.Command("lxc-stop", "-k", "-P", m.LXCPath, "-n", m.Name).Run()
	m.Beside("rm -rf --one-file-system $PATH_OF")
}

// Start boots the machine. It does not wait until it has booted.
func (m *Machine) Start() {
	m.T.Helper()
	m.Beside("lxc-start -P $PATH_OF -n $NAME -o $PATH_OF/start.log -l INFO || " +
		"{ cat $PATH_OF/start.log; exit 1; }")
}

// Beside runs a script on the machine of the test, where $PATH_OF and $NAME are LXCPath and Name.
func (m *Machine) Beside(script string) {
	m.T.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "PATH_OF="+m.LXCPath, "NAME="+m.Name)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.T.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// Write makes a file of the machine. The path begins at Root; if that is a layer of an overlay the
// machine must not run.
func (m *Machine) Write(path, text string) {
	m.T.Helper()
	path = filepath.Join(m.LXCPath, m.Name, m.Root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.T.Fatal(err)
	}
}

// Command is a program on the machine.
func (m *Machine) Command(args ...string) *exec.Cmd {
	return exec.Command("lxc-attach", append([]string{"-P", m.LXCPath, "-n", m.Name,
		"--clear-env", "--"}, args...)...)
}

// Try runs a script on the machine, and returns what it printed without space around it.
func (m *Machine) Try(script string) (string, error) {
	cmd := m.Command("timeout", "-k", "5", "120", "sh", "-c", script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

// Run is Try for a script that must succeed.
func (m *Machine) Run(script string) string {
	m.T.Helper()
	out, err := m.Try(script)
	if err != nil {
		m.T.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// Eventually polls until a script succeeds, for a minute at the most.
func (m *Machine) Eventually(what, script string) {
	m.T.Helper()
	var out string
	var err error
	const pause = 100 * time.Millisecond
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(pause) {
		if out, err = m.Try(script); err == nil {
			return
		}
	}
	m.T.Fatalf("after a minute still not: %s\n%s: %v\n%s", what, script, err, out)
}
