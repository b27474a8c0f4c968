package gittest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/spec/source/sshtest"
)

// GPG is a keyring of gpg with secret keys without passphrases. Its agent ends with the test.
type GPG struct {
	Home string // GNUPGHOME

	t   testing.TB
	bin string
}

// NewGPG makes an empty keyring.
func NewGPG(t testing.TB) *GPG {
	t.Helper()
	g := &GPG{t: t, bin: sshtest.Need(t, "gpg", "gnupg"), Home: shortDir(t)}
	conf := sshtest.Need(t, "gpgconf", "gnupg")
	t.Cleanup(func() {
		must(t, exec.Command(conf, "--homedir", g.Home, "--kill", "all"))
		gone := func() bool { return !sshtest.Mentioned(g.Home) }
		if err := eventually("gpg-agent is gone", gone); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Run runs gpg without questions and returns its output.
func (g *GPG) Run(args ...string) string {
	g.t.Helper()
	return must(g.t, g.command("", args...))
}

// RunWith is Run with a text on stdin.
func (g *GPG) RunWith(stdin string, args ...string) string {
	g.t.Helper()
	return must(g.t, g.command(stdin, args...))
}

func (g *GPG) command(stdin string, args ...string) *exec.Cmd {
	quiet := []string{"--homedir", g.Home, "--batch", "--yes", "--quiet", "--no-tty",
		"--pinentry-mode", "loopback", "--passphrase", ""}
	cmd := exec.Command(g.bin, append(quiet, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// NewKey makes a key for signing and returns its fingerprint. The user is "Name <mail>", the
// algorithm one of gpg ("ed25519", "rsa2048"), the lifetime is like "1y", or "0" for ever. The
// options come first, such as those of Fake.
func (g *GPG) NewKey(user, algorithm, lifetime string, options ...string) string {
	g.t.Helper()
	g.Run(append(options, "--quick-generate-key", user, algorithm, "sign", lifetime)...)
	var found string
	for line := range strings.Lines(g.Run("--with-colons", "--list-keys", "="+user)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			found = fields[9]
		}
	}
	return found
}

// Export returns public keys, armored; without names all.
func (g *GPG) Export(keys ...string) string {
	g.t.Helper()
	return g.Run(append([]string{"--armor", "--export"}, keys...)...)
}

// Fake are options with which gpg takes a moment for now, however long it takes: what one call has
// made must not lie in the future of the next one.
func Fake(now time.Time) []string {
	return []string{"--faked-system-time", now.UTC().Format("20060102T150405") + "!"}
}

// Program writes a program for git's gpg.program that runs gpg with this keyring and the options.
func (g *GPG) Program(options ...string) string {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "gpg")
	write(g.t, path, fmt.Sprintf("#!/bin/sh\nexec %s --homedir %s --batch %s \"$@\"\n", g.bin,
		g.Home, strings.Join(options, " ")), 0o755)
	return path
}
