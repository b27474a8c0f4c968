package remote

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	closeLimit = 5 * time.Second // how long ssh may take to end when its input has
	stopLimit  = 2 * time.Second // and when it was asked to
)

// process is a running ssh. It is the pipe to what ssh runs: a Read gets its standard output.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *os.File
	lines *bufio.Reader // of out
	said  *tail         // on standard error
	done  chan struct{} // closed when it has ended
	once  sync.Once
}

// start runs ssh out of reach of the signals of our terminal: an interrupted pass finishes its
// running steps.
func start(args []string, log func(line string)) (*process, error) {
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }() // our copy: the child has its own
	p := &process{out: out, lines: bufio.NewReader(out), said: &tail{log: log},
		done: make(chan struct{})}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = theirs, p.said
	p.cmd.Env = childEnvironment(os.Environ())
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A ControlMaster that stays in the background keeps standard error open.
	p.cmd.WaitDelay = time.Second
	if p.in, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot run ssh: %w", err), out.Close())
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// childEnvironment leaves out what is set for this program alone.
func childEnvironment(env []string) (kept []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "RECONCILER_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// Read implements io.Reader.
func (p *process) Read(b []byte) (int, error) { return p.lines.Read(b) }

// Write implements io.Writer.
func (p *process) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close ends the input of ssh, and ssh itself soon if it does not end by that. It does not wait.
func (p *process) Close() error {
	p.once.Do(func() {
		_ = p.in.Close() // what cannot be closed has ended
		go func() {
			if !p.ends(closeLimit) {
				p.kill()
			}
			_ = p.out.Close()
		}()
	})
	return nil
}

// kill ends ssh and what it started.
func (p *process) kill() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	if !p.ends(stopLimit) {
		_ = syscall.Kill(group, syscall.SIGKILL)
	}
}

// ends waits for the end.
func (p *process) ends(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// exitCode is that of ssh: 255 if it failed itself, else that of what ran on the host; -1 if it is
// not known.
func (p *process) exitCode() int {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// tail keeps the end of a text.
type tail struct {
	log func(line string)

	mu   sync.Mutex
	text []byte
	line []byte // that has not ended yet
}

const maxTail = 16 << 10 // apt-get says much after what counts

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = lastOf(append(t.text, b...))
	t.line = append(t.line, b...)
	for {
		before, after, found := strings.Cut(string(t.line), "\n")
		if !found {
			t.line = lastOf(t.line)
			return len(b), nil
		}
		t.log(clean(before))
		t.line = []byte(after)
	}
}

func lastOf(b []byte) []byte { return b[max(0, len(b)-maxTail):] }

// raw returns what was kept as it was written.
func (t *tail) raw() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
