package gittest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/spec/source/sshtest"
)

// Repo is a repository with a worktree, driven by the git binary. Its identity is fixed, and each
// commit is a second younger than the one before, so equal content gives equal commits. What
// fails ends the test, unless the method returns an error. It is for one goroutine.
type Repo struct {
	Dir string // the worktree

	t   testing.TB
	env []string
	now time.Time
}

// Init makes an empty repository on branch main.
func Init(t testing.TB) *Repo {
	t.Helper()
	r := &Repo{Dir: t.TempDir(), t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.env = Env(t)
	r.Git("init", "--quiet", "--initial-branch=main")
	return r
}

// Env is an environment for git in which no configuration of the machine or the user counts.
func Env(t testing.TB) []string {
	t.Helper()
	sshtest.Need(t, "git", "git")
	home := t.TempDir()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + filepath.Join(home, ".gitconfig"), "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ann Author", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=Ann Author", "GIT_COMMITTER_EMAIL=ann@example.com",
	}
}

// Setenv adds NAME=VALUE settings for all later commands, such as those of HTTPServer.GitEnv.
func (r *Repo) Setenv(settings ...string) { r.env = append(r.env, settings...) }

// At sets the date of the next commit or tag.
func (r *Repo) At(date time.Time) { r.now = date }

// Git runs git in the worktree and returns its output, without space around it.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	out, err := r.Try(args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// Try is Git for a command that may fail; the error holds what git said.
func (r *Repo) Try(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	date := fmt.Sprintf("%d +0000", r.now.Unix())
	cmd.Dir = r.Dir
	cmd.Env = append([]string{}, r.env...)
	cmd.Env = append(cmd.Env, "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := run(cmd)
	return strings.TrimSpace(out), err
}

// Write puts files into the worktree, by path below it.
func (r *Repo) Write(files map[string]string) {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		write(r.t, path, content, 0o644)
	}
}

// Remove takes files or directories out of the worktree.
func (r *Repo) Remove(paths ...string) {
	r.t.Helper()
	for _, p := range paths {
		if err := os.RemoveAll(filepath.Join(r.Dir, p)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Commit commits the whole worktree, changed or not, and returns the hash.
func (r *Repo) Commit(message string) string {
	r.t.Helper()
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "--allow-empty", "--message", message)
	r.now = r.now.Add(time.Second)
	return r.Git("rev-parse", "HEAD")
}

// Branch makes a branch at HEAD and switches to it.
func (r *Repo) Branch(name string) {
	r.t.Helper()
	r.Git("switch", "--quiet", "--create", name)
}

// Tag makes an annotated tag at HEAD, signed if SignWith was called, and returns its own hash.
func (r *Repo) Tag(name, message string) string {
	r.t.Helper()
	r.Git("tag", "--annotate", "--message", message, name)
	r.now = r.now.Add(time.Second)
	return r.Git("rev-parse", "refs/tags/"+name)
}

// Reset moves the branch and the worktree to a revision.
func (r *Repo) Reset(revision string) {
	r.t.Helper()
	r.Git("reset", "--quiet", "--hard", revision)
}

// Push brings the current branch to the place that Bare made.
func (r *Repo) Push() {
	r.t.Helper()
	r.Git("push", "--quiet", "origin", "HEAD")
}

// ForcePush is Push for a history that was rewritten.
func (r *Repo) ForcePush() {
	r.t.Helper()
	r.Git("push", "--quiet", "--force", "origin", "HEAD")
}

// Bare clones the repository for a server, into a new directory with that name below root. The
// clone becomes where Push goes. It returns the clone's path.
func (r *Repo) Bare(root, name string) string {
	r.t.Helper()
	path := filepath.Join(root, name)
	r.Git("clone", "--quiet", "--bare", r.Dir, path)
	r.Git("remote", "add", "origin", path)
	return path
}

// SignWith signs all later commits and annotated tags. The format is "ssh", with the file of a key,
// or "openpgp", with the fingerprint of a key of a GPG.
func (r *Repo) SignWith(format, key string) {
	r.t.Helper()
	r.Git("config", "gpg.format", format)
	r.Git("config", "user.signingKey", key)
	r.Git("config", "commit.gpgSign", "true")
	r.Git("config", "tag.gpgSign", "true")
}
