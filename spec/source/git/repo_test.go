package git_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/spec"
	"reconciler/spec/source/git"
)

// repo is a repository made with the git binary.
type repo struct {
	t     *testing.T
	dir   string
	clock int64
}

// needGit skips tests where there is no git, which only tests need.
func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("RECONCILER_TEST_LXC") == "1" {
			t.Fatal("git is not installed")
		}
		t.Skip("git is not installed; it makes the repositories of this test")
	}
}

func newRepo(t *testing.T, args ...string) *repo {
	t.Helper()
	needGit(t)
	r := &repo{t: t, dir: filepath.Join(t.TempDir(), "repo"), clock: 1_700_000_000}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return r
}

// gitEnv is an environment in which nothing of this machine or user counts.
func gitEnv(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "LC_ALL=C",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_TERMINAL_PROMPT=0"}
}

// git runs git in the repository and returns what it wrote.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	r.clock++
	date := time.Unix(r.clock, 0).UTC().Format(time.RFC3339)
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(gitEnv(filepath.Dir(r.dir)),
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// gitIn runs git with an input.
func (r *repo) gitIn(input []byte, args ...string) string {
	r.t.Helper()
	return strings.TrimSpace(string(r.pipe(bytes.NewReader(input), args)))
}

// gitRaw runs git and returns what it wrote, byte by byte.
func (r *repo) gitRaw(args ...string) []byte {
	r.t.Helper()
	return r.pipe(nil, args)
}

func (r *repo) pipe(input io.Reader, args []string) []byte {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, gitEnv(filepath.Dir(r.dir)), input
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// commit writes files (name, content, …) and returns the commit of them.
func (r *repo) commit(files ...string) string {
	r.t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(r.dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "a change\n\nand why")
	return r.git("rev-parse", "HEAD")
}

// server is a repository behind http.
type server struct {
	*repo
	url    string
	packs  atomic.Int32 // that were asked for
	lists  atomic.Int32
	mu     sync.Mutex
	before func(http.ResponseWriter, *http.Request) bool // handles the request if true
}

// serve puts a repository behind http with git's own server.
func serve(t *testing.T, r *repo) *server {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{repo: r}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: append(gitEnv(filepath.Dir(r.dir)), "GIT_PROJECT_ROOT="+filepath.Dir(r.dir),
			"GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory",
			"GIT_CONFIG_VALUE_0=*"),
		Stderr: io.Discard}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		before := s.before
		s.mu.Unlock()
		if before != nil && before(w, req) {
			return
		}
		if req.Method == http.MethodPost {
			s.packs.Add(1)
		} else {
			s.lists.Add(1)
		}
		backend.ServeHTTP(w, req)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL + "/" + filepath.Base(r.dir)
	return s
}

// instead sets what answers requests before git does.
func (s *server) instead(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// source makes a source with a cache of its own.
func source(t *testing.T, o git.Options) *git.Source {
	t.Helper()
	if o.Cache == "" {
		o.Cache = filepath.Join(t.TempDir(), "cache")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := git.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fetch fetches and demands success.
func fetch(t *testing.T, s *git.Source) spec.Snapshot {
	t.Helper()
	snapshot, err := s.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// wantFiles compares what was read with what should have been.
func wantFiles(t *testing.T, got spec.Snapshot, want map[string]string) {
	t.Helper()
	files := contents(t, got.Files)
	for name, data := range want {
		if files[name] != data {
			t.Errorf("%s: read %q, want %q", name, files[name], data)
		}
	}
	for name := range files {
		if _, declared := want[name]; !declared {
			t.Errorf("%s: read although it is not in the tree", name)
		}
	}
}

func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantError demands an error with all of these texts, and no files.
func wantError(t *testing.T, got spec.Snapshot, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; read %v", contents(t, got.Files))
	}
	if got.Files != nil {
		t.Error("files were returned beside the error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// contextT keeps lines short.
type contextT = context.Context

func at(commit string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return commit, nil }
}

func isRewrite(err error) bool {
	rewrite := (*git.RewriteError)(nil)
	return errors.As(err, &rewrite)
}
