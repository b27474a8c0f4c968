package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

// unprivileged is somebody who is not root, with a home and a tree.
type unprivileged struct {
	t       *testing.T
	dir     string // everybody may look into it
	program string
}

func newUnprivileged(t *testing.T) *unprivileged {
	t.Helper()
	u := &unprivileged{t: t, dir: t.TempDir()}
	u.program = filepath.Join(u.dir, "reconciler")
	for _, dir := range []string{u.dir, filepath.Dir(u.dir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	u.copyProgram()
	u.write("bin/ssh", "#!/bin/sh\n"+
		"echo 'ssh: connect to host: Network is unreachable' >&2\nexit 255\n")
	u.write("home/.keep", "")
	if os.Getuid() == 0 {
		if err := os.Chown(filepath.Join(u.dir, "home"), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// copyProgram puts this very program where the user may run it.
func (u *unprivileged) copyProgram() {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		u.t.Skipf("this test copies itself: %v", err)
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(u.program, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err = io.Copy(to, from); err != nil {
		u.t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unprivileged) write(name, text string) {
	u.t.Helper()
	path := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		u.t.Fatal(err)
	}
}

// run returns the exit code and all that is printed.
func (u *unprivileged) run(args ...string) (code int, printed string) {
	u.t.Helper()
	cmd := exec.Command(u.program, args...)
	cmd.Env = []string{"HOME=" + filepath.Join(u.dir, "home"), "RECONCILER_SOURCE=tree",
		"PATH=" + filepath.Join(u.dir, "bin") + ":/usr/bin:/bin"}
	cmd.Dir = u.dir
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		u.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func (u *unprivileged) expect(code int, words []string, args ...string) {
	u.t.Helper()
	got, printed := u.run(args...)
	if got != code {
		u.t.Errorf("%q exits with %d, want %d", args, got, code)
	}
	for _, word := range words {
		if !strings.Contains(printed, word) {
			u.t.Errorf("%q does not say %q:\n%s", args, word, printed)
		}
	}
}

func TestWithoutBeingRoot(t *testing.T) {
	t.Parallel()
	u := newUnprivileged(t)
	u.write("tree/tree.yaml", "targets: {far.example.net: {a: {}}, localhost: {b: {}}}\n")
	state := "sqlite://" + filepath.Join(u.dir, "home/state/state.db")
	notRoot := []string{`containers of host "localhost" without being root`, "hint: ", "--host"}
	u.expect(1, notRoot, "run", "--once", "--state", state)
	u.expect(1, notRoot, "run", "--once", "--state", state, "--only", "localhost/b")
	if _, err := os.Stat(filepath.Join(u.dir, "home/state")); err == nil {
		t.Error("a run that is refused leaves a state behind")
	}
	far := []string{`cannot reach host "far.example.net"`, "Network is unreachable"}
	u.expect(4, far, "run", "--once", "--state", state, "--host", "far.example.net")
	u.expect(4, far, "run", "--once", "--state", state, "--only", "far.example.net/a")
	if _, err := os.Stat(filepath.Join(u.dir, "home/state/state.db")); err != nil {
		t.Errorf("hosts behind ssh cannot be worked on without being root: %v", err)
	}
}

func TestAStateThatTheUserMayNotUse(t *testing.T) {
	t.Parallel()
	u := newUnprivileged(t)
	u.write("tree/tree.yaml", "targets: {far.example.net: {a: {}}}\n")
	u.write("closed/state.db", "")
	if err := os.Chmod(filepath.Join(u.dir, "closed"), 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		u.write("secret/state.db", "")
		if err := os.Chmod(filepath.Join(u.dir, "secret"), 0o700); err != nil {
			t.Fatal(err)
		}
		u.expect(1, []string{"permission denied", "hint: "}, "status", "--state",
			"sqlite://"+filepath.Join(u.dir, "secret/state.db"))
	}
	u.expect(1, []string{"permission denied", "hint: this user may not use it", "RECONCILER_STATE",
		filepath.Join(u.dir, "home/.local/state/reconciler/state.db")},
		"run", "--once", "--state", "sqlite://"+filepath.Join(u.dir, "closed/more/state.db"))
}

// TestATreeThatTheUserMayNotRead: what cannot be read might declare anything, so nothing is done.
func TestATreeThatTheUserMayNotRead(t *testing.T) {
	t.Parallel()
	u := newUnprivileged(t)
	u.write("tree/tree.yaml", "targets: {far.example.net: {a: {}}}\n")
	u.write("tree/closed/more.yaml", "targets: {far.example.net: {b: {}}}\n")
	u.write("tree/closed.yaml", "")
	for _, name := range []string{"tree/closed", "tree/closed.yaml"} {
		path := filepath.Join(u.dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	denied := []string{`cannot read "closed": permission denied`,
		`cannot read "closed.yaml": permission denied`}
	state := "sqlite://" + filepath.Join(u.dir, "home/state/state.db")
	u.expect(1, denied, "validate")
	u.expect(1, denied, "plan", "--state", state)
	u.expect(1, denied, "run", "--once", "--state", state)
	if _, err := os.Stat(filepath.Join(u.dir, "home/state")); err == nil {
		t.Error("a run that cannot read its tree leaves a state behind")
	}
}
