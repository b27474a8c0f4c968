package git_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh/knownhosts"

	"reconciler/spec/source/git"
	"reconciler/spec/source/git/gittest"
)

// key is a way to log in over ssh, and what it leads to.
type key struct {
	name string
	auth git.Auth
	want string
}

func keys(t *testing.T, s *gittest.SSHServer) []key {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSpace(readFile(t, s.KnownHosts)), "\n")
	hashed := secretFile(t, readFile(t, s.KnownHosts), 0o600)
	if out, err := exec.Command("ssh-keygen", "-H", "-f", hashed).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	revoked := "@revoked * " + strings.SplitN(lines[0], " ", 2)[1]
	authority := "@cert-authority *.example.com " + strings.SplitN(lines[1], " ", 2)[1]
	known := func(text string) string { return secretFile(t, text, 0o600) }
	good := git.Auth{SSHKeyFile: s.Key, KnownHostsFile: s.KnownHosts}
	with := func(change func(*git.Auth)) git.Auth {
		a := good
		change(&a)
		return a
	}
	return []key{
		{"key", good, ""},
		{"locked key", with(func(a *git.Auth) {
			a.SSHKeyFile, a.SSHKeyPassphraseFile = s.LockedKey, known(s.Passphrase+"\n")
		}), ""},
		{"locked key without passphrase", with(func(a *git.Auth) { a.SSHKeyFile = s.LockedKey }),
			"encrypted and no passphrase file"},
		{"wrong passphrase", with(func(a *git.Auth) {
			a.SSHKeyFile, a.SSHKeyPassphraseFile = s.LockedKey, known("wrong")
		}), "cannot use the ssh key"},
		{"stranger", with(func(a *git.Auth) { a.SSHKeyFile = s.StrangerKey }), "authentication failed"},
		{"no key", with(func(a *git.Auth) { a.SSHKeyFile = known("no key") }), "cannot use the ssh key"},
		{"only its first key known", with(func(a *git.Auth) { a.KnownHostsFile = known(lines[0]) }), ""},
		{"only its rsa key known", with(func(a *git.Auth) { a.KnownHostsFile = known(lines[1]) }), ""},
		{"only its ecdsa key known", with(func(a *git.Auth) { a.KnownHostsFile = known(lines[2]) }), ""},
		{"hashed", with(func(a *git.Auth) { a.KnownHostsFile = hashed }), ""},
		{"another key", with(func(a *git.Auth) { a.KnownHostsFile = s.WrongKnownHosts }),
			"host key mismatch"},
		{"unknown", with(func(a *git.Auth) { a.KnownHostsFile = known("# nobody\n") }),
			"ssh-keyscan -p "},
		{"revoked", with(func(a *git.Auth) { a.KnownHostsFile = known(lines[0] + revoked) }), "revoked"},
		{"authority of others",
			with(func(a *git.Auth) { a.KnownHostsFile = known(authority + lines[0]) }), ""},
		{"only an authority of others", with(func(a *git.Auth) { a.KnownHostsFile = known(authority) }),
			"ssh-keyscan"},
		{"no such file", with(func(a *git.Auth) { a.KnownHostsFile = "/nonexistent" }),
			"cannot read known hosts"},
		{"broken file", with(func(a *git.Auth) { a.KnownHostsFile = known("host ssh-rsa ???\n") }),
			"cannot read known hosts"},
	}
}

// TestSSH: deploy keys work, and every way to fail says what to change.
func TestSSH(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1", "sub/b.yaml", "2")
	s := gittest.ServeSSH(t, filepath.Dir(r.dir), gittest.SSHOptions{HostKeys: []string{"ed25519",
		"rsa", "ecdsa"}})
	url := s.URL("repo")
	for _, tt := range keys(t, s) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := source(t, git.Options{URL: url, Auth: tt.auth}).Fetch(t.Context())
			if tt.want != "" {
				wantError(t, got, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantFiles(t, got, map[string]string{"a.yaml": "1", "sub/b.yaml": "2"})
		})
	}
	_, err := source(t, git.Options{URL: url, Auth: git.Auth{SSHKeyFile: s.Key,
		KnownHostsFile: s.WrongKnownHosts}}).Fetch(t.Context())
	if mismatch := (*knownhosts.KeyError)(nil); !errors.As(err, &mismatch) {
		t.Errorf("%v hides its cause", err)
	}
	_, err = source(t, git.Options{URL: s.URL("none"), Auth: git.Auth{SSHKeyFile: s.Key,
		KnownHostsFile: s.KnownHosts}}).Fetch(t.Context())
	if !errors.Is(err, transport.ErrRepositoryNotFound) {
		t.Errorf("%v is not that there is no such repository", err)
	}
}

// TestSSHLaterCommits: what is new comes over ssh as it does over http; a connection that hangs
// in the middle ends.
func TestSSHLaterCommits(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1", "odd name's.yaml", "2")
	s := gittest.ServeSSH(t, filepath.Dir(r.dir), gittest.SSHOptions{})
	o := git.Options{URL: s.URL("repo"), Auth: git.Auth{SSHKeyFile: s.Key,
		KnownHostsFile: s.KnownHosts}}
	applied := ""
	o.Applied = func(contextT) (string, error) { return applied, nil }
	src := source(t, o)
	for _, content := range []string{"2", "3", "4"} {
		id := r.commit("a.yaml", content)
		got := fetch(t, src)
		wantFiles(t, got, map[string]string{"a.yaml": content, "odd name's.yaml": "2"})
		if applied = got.Revision.ID; applied != id {
			t.Errorf("read %s, want %s", applied, id)
		}
	}
	s.Block(gittest.Hang)
	o.Timeout = 300 * time.Millisecond
	got, err := source(t, o).Fetch(t.Context())
	wantError(t, got, err, "it took too long")
}

// TestSSHAgent: without a key file the agent is asked. It is not parallel: the environment says
// where the agent is.
func TestSSHAgent(t *testing.T) {
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := gittest.ServeSSH(t, filepath.Dir(r.dir), gittest.SSHOptions{})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", gittest.StartAgent(t, s.Key))
	o := git.Options{URL: s.URL("repo"), Auth: git.Auth{KnownHostsFile: s.KnownHosts}}
	fetch(t, source(t, o))
	// The usual file of known hosts counts where none is named.
	o.Auth.KnownHostsFile = ""
	if _, err := os.Stat("/etc/ssh/ssh_known_hosts"); os.IsNotExist(err) {
		got, err := source(t, o).Fetch(t.Context())
		wantError(t, got, err, "there is no file of known hosts", "ssh-keyscan")
	}
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), []byte(readFile(t,
		s.KnownHosts)), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch(t, source(t, o))
	t.Setenv("SSH_AUTH_SOCK", "")
	got, err := source(t, o).Fetch(t.Context())
	wantError(t, got, err, "no ssh key file is given and no agent runs")
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(home, "none"))
	got, err = source(t, o).Fetch(t.Context())
	wantError(t, got, err, "cannot ask the ssh agent")
}
