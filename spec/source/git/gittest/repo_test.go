package gittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/spec/source/sshtest"
)

// A golden file may hold a commit hash: the same story gives the same hashes on every machine.
func TestEqualStoriesGiveEqualCommits(t *testing.T) {
	story := func() string {
		r := Init(t)
		r.Write(map[string]string{"a.yaml": "a: 1\n", "hosts/b.yaml": "b: 2\n"})
		r.Commit("first")
		r.Remove("a.yaml")
		return r.Commit("second")
	}
	t.Setenv("GIT_AUTHOR_NAME", "Somebody Else")
	one := story()
	t.Setenv("HOME", t.TempDir())
	write(t, filepath.Join(os.Getenv("HOME"), ".gitconfig"), "[commit]\n\tgpgsign = true\n", 0o600)
	if two := story(); one != two {
		t.Errorf("a test depends on the user's configuration or the clock: %s, then %s", one, two)
	}
}

func TestRepoTellsAStory(t *testing.T) {
	r := Init(t)
	r.Write(map[string]string{"hosts/a.yaml": "a: 1\n"})
	r.At(time.Unix(1_700_000_000, 0))
	first := r.Commit("first")
	if got := r.Git("log", "-1", "--format=%an %ae %at %ct %s"); got !=
		"Ann Author ann@example.com 1700000000 1700000000 first" {
		t.Errorf("the commit says %q", got)
	}
	bare := r.Bare(t.TempDir(), "tree.git")
	r.Branch("side")
	r.Remove("hosts")
	second := r.Commit("second")
	r.Push()
	if tag := r.Tag("v1", "one"); r.Git("cat-file", "-t", tag) != "tag" {
		t.Errorf("the tag %s is not an annotated one", tag)
	}
	at := func(ref string) string { return r.Git("--git-dir", bare, "rev-parse", ref) }
	if at("main") != first || at("side") != second {
		t.Errorf("the server has main %s, side %s; want %s, %s", at("main"), at("side"), first, second)
	}
	r.Reset(first)
	if r.Git("show", "HEAD:hosts/a.yaml") != "a: 1" {
		t.Error("the reset lost the file")
	}
	rewritten := r.Commit("another second")
	if _, err := r.Try("push", "origin", "HEAD"); err == nil {
		t.Error("a rewritten history was pushed without force")
	}
	r.ForcePush()
	if at("side") != rewritten {
		t.Errorf("after a forced push the server has %s, want %s", at("side"), rewritten)
	}
}

// Who signs must be a choice of the test.
func TestRepoSigns(t *testing.T) {
	gpg := NewGPG(t)
	signers := map[string][2]string{
		"ssh":     {NewSSHKey(t, "ed25519", ""), "BEGIN SSH SIGNATURE"},
		"openpgp": {gpg.NewKey("Ann <ann@example.com>", "ed25519", "0"), "BEGIN PGP SIGNATURE"},
	}
	for format, s := range signers {
		r := Init(t)
		r.Setenv("GNUPGHOME=" + gpg.Home)
		if got := r.Git("cat-file", "commit", r.Commit("plain")); strings.Contains(got, "SIGNATURE") {
			t.Errorf("%s: signed before SignWith: %s", format, got)
		}
		r.SignWith(format, s[0])
		for _, object := range []string{r.Commit("signed"), r.Tag("v1", "signed")} {
			if got := r.Git("cat-file", "-p", object); !strings.Contains(got, s[1]) {
				t.Errorf("%s: %s is not signed: %s", format, object, got)
			}
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	var key, home string
	before := len(running())
	t.Run("inside", func(t *testing.T) {
		root := t.TempDir()
		r := Init(t)
		r.Commit("first")
		r.Bare(root, "tree.git")
		ServeHTTP(t, root, HTTPOptions{TLS: true})
		s := ServeSSH(t, root, SSHOptions{})
		key = s.Key
		gpg := NewGPG(t)
		home = gpg.Home
		gpg.NewKey("Ann <ann@example.com>", "ed25519", "0")
		StartAgent(t, s.Key)
		if len(running()) <= before || !sshtest.Mentioned(home) {
			t.Fatal("the test sees no processes and so proves nothing")
		}
	})
	if left := running(); len(left) > before {
		t.Errorf("processes are left: %v", left)
	}
	if sshtest.Mentioned(filepath.Dir(key)) || sshtest.Mentioned(home) {
		t.Error("a process still uses the files of the test")
	}
	for _, path := range []string{key, home} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// running are the live processes below this one.
func running() []int {
	var out []int
	for _, pid := range sshtest.Descendants(os.Getpid()) {
		if sshtest.Alive(pid) {
			out = append(out, pid)
		}
	}
	return out
}
