//go:build linux

package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"reconciler/reconcile/host/environ"

	"golang.org/x/sys/unix"
)

const (
	toolLimit = 30 * time.Second // for a program that only looks or starts something
	tailSize  = 4096             // of what a program said that goes into an error
)

// run runs a program and returns what it printed; an error has what it said besides.
func run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, locate(program), args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Env, cmd.Dir = environment(), "/"
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // out of reach of a terminal's signals
	if err := cmd.Run(); err != nil {
		return "", failed(program, err, out.String()+said.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// ask is run for what may be missing or not answer: that is then not known.
func ask(ctx context.Context, program string, args ...string) string {
	out, err := run(ctx, program, args...)
	if err != nil {
		return ""
	}
	return out
}

// locate finds a program where Debian keeps those of root, whatever our own PATH is.
func locate(program string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if unix.Access(dir+"/"+program, unix.X_OK) == nil {
			return dir + "/" + program
		}
	}
	return program
}

func isInstalled(program string) bool { return locate(program) != program }

// failed says which program did not work, and what it said.
func failed(program string, err error, said string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed", program)
	}
	said = strings.ToValidUTF8(strings.TrimSpace(said), "?")
	if over := len(said) - tailSize; over > 0 {
		said = "…" + strings.ToValidUTF8(said[over:], "")
	}
	if said == "" {
		return fmt.Errorf("%s: %w", program, err)
	}
	return fmt.Errorf("%s: %w\n%s", program, err, said)
}

// environment is what our programs get: their output is read, so it must be in English.
func environment() []string { return environ.Clean("LC_ALL=C") }
