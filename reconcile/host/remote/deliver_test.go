package remote

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec/source/sshtest"
)

func TestSeveralControllersDeliverAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			h, err := Dial(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = h.Observe(t.Context())
			if err := errors.Join(err, h.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if names := list(t, o.directory); len(names) != 1 {
		t.Errorf("beside the agent there is %q", names)
	}
}

// TestADeliveryThatBreaksOffLeavesNoAgent kills ssh while the agent is on its way.
func TestADeliveryThatBreaksOffLeavesNoAgent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	// Only a part gets through before ssh dies.
	s.program("head", "/usr/bin/head -c 100000; echo half >"+s.path("half")+"; exec sleep 60")
	failed := make(chan error)
	go func() {
		h, err := Dial(t.Context(), o)
		if err == nil {
			_ = h.Close()
		}
		failed <- err
	}()
	eventually(t, "a part is there", func() bool {
		_, err := os.Stat(s.path("half"))
		return err == nil
	})
	for _, pid := range s.clients() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := <-failed; err == nil {
		t.Error("a half delivery is taken for a whole one")
	}
	hash, _ := o.Program.Hash()
	if _, err := os.Stat(filepath.Join(o.directory, hash)); err == nil {
		t.Error("half an agent has the name of a whole one")
	}
	if err := os.Remove(s.path("bin/head")); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, o).Observe(t.Context()); err != nil {
		t.Errorf("the next delivery fails: %v", err)
	}
}

func TestAVersionInUseStays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.mkdir("agents")
	used := s.path("agents/" + strings.Repeat("c", 64))
	program, err := os.ReadFile(sshtest.Need(t, "sleep", "coreutils"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(used, program, 0o700); err != nil {
		t.Fatal(err)
	}
	longAgo := time.Now().Add(-2 * keepDays * 24 * time.Hour)
	if err := os.Chtimes(used, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	running := exec.Command(used, "600")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = running.Process.Kill()
		_ = running.Wait()
	})
	dial(t, s.options(listen(t, newFake())))
	if _, err := os.Stat(used); err != nil {
		t.Errorf("the agent of another controller is removed while it runs: %v", err)
	}
}

// What somebody else may have put there, or may put there at any time, must not be run as root.
func TestAnAgentOfSomebodyElseIsNotRun(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, who has to do with files of others")
	}
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	hash, err := o.Program.Hash()
	if err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(o.directory, hash)
	plant := func(dirOwner, owner int) {
		text := "#!/bin/sh\n: >'" + s.path("ran") + "'\nexit 1\n"
		err := errors.Join(os.MkdirAll(o.directory, 0o700), os.WriteFile(planted, []byte(text), 0o700),
			os.Truncate(planted, o.Program.size), os.Chown(planted, owner, 0),
			os.Chown(o.directory, dirOwner, 0))
		if err != nil {
			t.Fatal(err)
		}
	}
	plant(1, 0)
	h, err := Dial(t.Context(), o)
	if err == nil {
		err = h.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "not of this user") {
		t.Errorf("with a directory of somebody else the dial ends with %v", err)
	}
	plant(0, 1)
	dial(t, o)
	if _, err := os.Stat(s.path("ran")); err == nil {
		t.Error("it was run")
	}
}

func TestAnAgentThatIsInstalledIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, s.path("bin/my agent")); err != nil {
		t.Fatal(err)
	}
	o.Command, o.Program = s.path("bin/my agent"), nil
	if _, err := dial(t, o).Observe(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(o.directory); err == nil {
		t.Error("something was delivered")
	}
}

func TestAProgramThatCannotBeReadIsNotDelivered(t *testing.T) {
	t.Parallel()
	o := Options{Address: "ssh://root@h", Target: testTarget(), Log: quiet(),
		Program: &Program{path: filepath.Join(t.TempDir(), "gone")}}
	if _, err := Dial(t.Context(), o); err == nil || !strings.Contains(err.Error(), "cannot read") {
		t.Errorf("the dial ends with %v", err)
	}
	o.Program, o.SSH = Self(), filepath.Join(t.TempDir(), "ssh")
	if _, err := Dial(t.Context(), o); err == nil || !strings.Contains(err.Error(), "cannot run ssh") {
		t.Errorf("without ssh the dial ends with %v", err)
	}
}

func TestAProgramIsKnownByItsContent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Program{path: path}
	hash, err := p.Hash()
	if sum := sha256.Sum256([]byte("content")); err != nil || hash != hex.EncodeToString(sum[:]) {
		t.Errorf("its hash is %s, %v", hash, err)
	}
	var copied strings.Builder
	if err := p.copyTo(&copied); err != nil || copied.String() != "content" || p.size != 7 {
		t.Errorf("delivered are %d bytes as %q, %v", p.size, copied.String(), err)
	}
}

func TestWhatComesBeforeTheAgentIsSkipped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ machine, rest string }{
		Ready + "\nrest":                          {"", "rest"},
		"welcome\n\n" + Ready + "\n\x00\x00":      {"", "\x00\x00"},
		"no newline" + Ready + "\nrest":           {"", "rest"},
		"x\n" + asked + "Linux x86_64\n":          {"Linux x86_64", ""},
		"noise" + asked + "Linux x86_64\nfollows": {"Linux x86_64", "follows"},
	} {
		lines := bufio.NewReader(strings.NewReader(text))
		machine, err := awaitLine(lines)
		rest, _ := io.ReadAll(lines)
		if err != nil || machine != want.machine || string(rest) != want.rest {
			t.Errorf("%q gives %q, then %q, %v", text, machine, rest, err)
		}
	}
	for _, text := range []string{"", "bye", "bye\n", Ready, strings.Repeat("y\n", maxNoise)} {
		if machine, err := awaitLine(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%.20q is taken for an agent: %q", text, machine)
		}
	}
}

// TestSecretsAreInNoArgumentsAndNoEnvironment looks at every process of a connection while a
// password is set.
func TestSecretsAreInNoArgumentsAndNoEnvironment(t *testing.T) {
	t.Parallel()
	const hash = "$6$verysecretsalt$verysecrethash"
	s := newServer(t)
	g := newGated()
	o := s.options(listen(t, g))
	h := dial(t, o)
	done := make(chan error)
	go func() {
		_, err := h.Do(t.Context(), stepOf(want(1), plan.Password),
			execute.Secrets{PasswordHash: hash})
		done <- err
	}()
	<-g.begun
	processes := append(sshtest.Descendants(os.Getpid()), sshtest.Descendants(s.sshd.PID())...)
	if len(processes) < 3 {
		t.Errorf("only processes %v are seen", processes)
	}
	for _, pid := range processes {
		for _, file := range []string{"cmdline", "environ"} {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file)) // it may be gone already
			if strings.Contains(string(text), "verysecret") {
				t.Errorf("everybody can read the hash in the %s of process %d", file, pid)
			}
		}
	}
	close(g.gate)
	if err := <-done; err == nil || strings.Contains(err.Error(), "verysecret") {
		t.Errorf("the error is %v", err)
	}
	if strings.Contains(s.sshd.Log(), "verysecret") {
		t.Error("a log has the hash")
	}
}

// TestSSHIsNotReachedByTheInterruptOfATerminal keeps a step running when the user interrupts.
func TestSSHIsNotReachedByTheInterruptOfATerminal(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dial(t, s.options(listen(t, newFake())))
	own, err := syscall.Getpgid(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	clients := s.clients()
	if len(clients) == 0 {
		t.Fatal("no ssh is running")
	}
	for _, pid := range clients {
		if group, err := syscall.Getpgid(pid); err != nil || group == own {
			t.Errorf("ssh is in the process group of this program: %v", err)
		}
	}
}

func TestADialThatIsCancelledLeavesNoProcess(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.program("id", "sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := Dial(ctx, s.options("/nowhere"))
		failed <- err
	}()
	eventually(t, "ssh is running", func() bool { return len(s.clients()) > 0 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the dial ends with %v", err)
	}
	eventually(t, "ssh is gone", func() bool { return len(s.clients()) == 0 })
}
