package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"reconciler/spec/source/git/gittest"
)

// storyGit is the repository of a story and the last server that was started for it.
type storyGit struct {
	t    testing.TB
	repo *gittest.Repo
	root string // directory of what is served
	gate *gittest.Gate
	gpg  *gittest.GPG
}

type storyGitKey struct{}

// gitOf returns that of a story; nothing of it exists before the story asks for it.
func gitOf(ts *testscript.TestScript) *storyGit {
	return ts.Value(storyGitKey{}).(*storyGit)
}

func setUpGit(e *testscript.Env) {
	e.Values[storyGitKey{}] = &storyGit{t: e.T().(testing.TB)}
}

// makeRepo makes a repository: its worktree is the directory "repo", and $BARE is what "commit"
// pushes to and servers serve.
func makeRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: repo")
	}
	g := gitOf(ts)
	g.repo, g.root = gittest.Init(g.t), g.t.TempDir()
	ts.Setenv("BARE", g.repo.Bare(g.root, "tree.git"))
	ts.Check(os.Symlink(g.repo.Dir, ts.MkAbs("repo")))
}

// commit commits what is in the worktree and pushes it; $COMMIT is its name.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit message")
	}
	g := gitOf(ts)
	ts.Setenv("COMMIT", g.repo.Commit(args[0]))
	g.repo.Push()
}

// runGit runs git in the worktree.
func runGit(ts *testscript.TestScript, neg bool, args []string) {
	out, err := gitOf(ts).repo.Try(args...)
	fmt.Fprintln(ts.Stdout(), out)
	if (err != nil) != neg {
		ts.Fatalf("git %q: %v", args, err)
	}
}

// serve starts a server on a free port for what was pushed. $URL is the address. With https a
// login is asked for, of user ann with the password "correct horse", and $CA is the file of the
// authority; expired is the same with a certificate that has ended. With token that is what the
// words are, and with mutual a certificate is asked for: $CERT, with its $CERT_KEY. With ssh there
// are $KEY, $LOCKED_KEY and its $PASSPHRASE, $STRANGER, $KNOWN_HOSTS and $WRONG_KNOWN_HOSTS.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve https|expired|token|mutual|ssh")
	}
	const secret = "correct horse"
	g := gitOf(ts)
	o := gittest.HTTPOptions{TLS: true}
	switch args[0] {
	case "ssh":
		serveSSH(ts)
		return
	case "token":
		o.Token = secret
	case "mutual":
		o.ClientCert = true
	default:
		o.Expired, o.User, o.Password = args[0] == "expired", "ann", secret
	}
	s := gittest.ServeHTTP(g.t, g.root, o)
	g.gate = s.Gate
	for key, value := range map[string]string{
		"URL": s.URL("tree.git"), "CA": s.CA, "CERT": s.ClientCert, "CERT_KEY": s.ClientKey,
	} {
		ts.Setenv(key, value)
	}
}

func serveSSH(ts *testscript.TestScript) {
	g := gitOf(ts)
	s := gittest.ServeSSH(g.t, g.root, gittest.SSHOptions{})
	g.gate = s.Gate
	for key, value := range map[string]string{
		"URL": s.URL("tree.git"), "KEY": s.Key, "STRANGER": s.StrangerKey,
		"LOCKED_KEY": s.LockedKey, "PASSPHRASE": s.Passphrase,
		"KNOWN_HOSTS": s.KnownHosts, "WRONG_KNOWN_HOSTS": s.WrongKnownHosts,
	} {
		ts.Setenv(key, value)
	}
}

// network cuts the way to the server and mends it.
func network(ts *testscript.TestScript, neg bool, args []string) {
	gate := gitOf(ts).gate
	switch strings.Join(args, " ") {
	case "refuses":
		gate.Block(gittest.Refuse)
	case "hangs":
		gate.Block(gittest.Hang)
	case "works":
		gate.Unblock()
	default:
		ts.Fatalf("usage: network refuses|hangs|works")
	}
}

// sign signs all later commits, with a new key each time. $SIGNERS is the file for --verify-key.
func sign(ts *testscript.TestScript, neg bool, args []string) {
	g := gitOf(ts)
	if neg {
		g.repo.Git("config", "commit.gpgSign", "false")
		return
	}
	signers := ts.MkAbs("signers")
	switch strings.Join(args, " ") {
	case "ssh":
		key := gittest.NewSSHKey(g.t, "ed25519", "")
		public, err := os.ReadFile(key + ".pub")
		ts.Check(err)
		line := `ann@example.com namespaces="git" ` + string(public)
		ts.Check(os.WriteFile(signers, []byte(line), 0o600))
		g.repo.SignWith("ssh", key)
	case "openpgp":
		if g.gpg == nil {
			g.gpg = gittest.NewGPG(g.t)
			g.repo.Git("config", "gpg.program", g.gpg.Program())
		}
		key := g.gpg.NewKey("Ann <ann@example.com>", "ed25519", "0")
		ts.Check(os.WriteFile(signers, []byte(g.gpg.Export(key)), 0o600))
		g.repo.SignWith("openpgp", key)
	default:
		ts.Fatalf("usage: [!] sign ssh|openpgp")
	}
	ts.Setenv("SIGNERS", filepath.Clean(signers))
}
