package gittest

import (
	"encoding/base64"
	"math/rand"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// served is a repository whose bare clone tree.git lies below root.
func served(t *testing.T) (r *Repo, root, head string) {
	t.Helper()
	r, root = Init(t), t.TempDir()
	r.Write(map[string]string{"a.yaml": "a: 1\n"})
	head = r.Commit("first")
	r.Bare(root, "tree.git")
	return r, root, head
}

// roundTrip clones, pushes a commit with a big file, and fetches it back.
func roundTrip(t *testing.T, url string, options ...string) {
	t.Helper()
	one, two := Init(t), Init(t)
	git := func(r *Repo, args ...string) {
		t.Helper()
		r.Git(append(options[:len(options):len(options)], args...)...)
	}
	for _, r := range []*Repo{one, two} {
		git(r, "fetch", "--quiet", url, "main")
		r.Reset("FETCH_HEAD")
	}
	big := make([]byte, 3<<20) // git sends more than 1 MiB in chunks
	rand.New(rand.NewSource(1)).Read(big)
	one.Write(map[string]string{"big": string(big)})
	pushed := one.Commit("second")
	git(one, "push", "--quiet", url, "HEAD:main")
	git(two, "fetch", "--quiet", url, "main")
	if got := two.Git("rev-parse", "FETCH_HEAD"); got != pushed {
		t.Errorf("fetched %s, pushed %s", got, pushed)
	}
}

func basic(user, password string) string {
	return "http.extraHeader=Authorization: Basic " +
		base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestHTTPRoundTrip(t *testing.T) {
	cases := map[string]struct {
		options HTTPOptions
		config  []string
	}{
		"plain":  {},
		"tls":    {options: HTTPOptions{TLS: true}},
		"basic":  {HTTPOptions{User: "u", Password: "p"}, []string{"-c", basic("u", "p")}},
		"slow":   {options: HTTPOptions{Delay: 50 * time.Millisecond}},
		"client": {options: HTTPOptions{TLS: true, ClientCert: true}},
		"bearer": {HTTPOptions{TLS: true, Token: "t"},
			[]string{"-c", "http.extraHeader=Authorization: Bearer t"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, root, _ := served(t)
			s := ServeHTTP(t, root, c.options)
			options := append([]string{}, c.config...)
			if s.CA != "" {
				options = append(options, "-c", "http.sslCAInfo="+s.CA)
			}
			if s.ClientCert != "" {
				options = append(options, "-c", "http.sslCert="+s.ClientCert,
					"-c", "http.sslKey="+s.ClientKey)
			}
			roundTrip(t, s.URL("tree.git"), options...)
		})
	}
}

func TestHTTPRefuses(t *testing.T) {
	cases := map[string]struct {
		options HTTPOptions
		config  string
		trust   bool
		want    string // part of what git says
	}{
		"no password": {HTTPOptions{User: "u", Password: "p"}, "a.b=c", false, "could not read Username"},
		"wrong password": {HTTPOptions{User: "u", Password: "p"}, basic("u", "q"), false,
			"could not read Username"},
		"wrong user": {HTTPOptions{User: "u", Password: "p"}, basic("v", "p"), false,
			"could not read Username"},
		"wrong token": {HTTPOptions{Token: "t"}, "http.extraHeader=Authorization: Bearer s", false,
			"could not read Username"},
		"expired":     {HTTPOptions{TLS: true, Expired: true}, "a.b=c", true, "certificate"},
		"unknown CA":  {HTTPOptions{TLS: true}, "a.b=c", false, "certificate"},
		"no client":   {HTTPOptions{TLS: true, ClientCert: true}, "a.b=c", true, "alert"},
		"unknown dir": {HTTPOptions{}, "a.b=c", false, "not found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, root, _ := served(t)
			s := ServeHTTP(t, root, c.options)
			if c.trust {
				r.Setenv("GIT_SSL_CAINFO=" + s.CA)
			}
			repo := "tree.git"
			if name == "unknown dir" {
				repo = "other.git"
			}
			_, err := r.Try("-c", c.config, "ls-remote", s.URL(repo))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a test of this failure would prove nothing: %v; want %q", err, c.want)
			}
		})
	}
}

func TestHTTPLogsRequests(t *testing.T) {
	r, root, _ := served(t)
	s := ServeHTTP(t, root, HTTPOptions{User: "u", Password: "p"})
	if _, err := r.Try("ls-remote", s.URL("tree.git")); err == nil {
		t.Fatal("let in without a password")
	}
	refused := s.Requests()
	r.Git("-c", basic("u", "p"), "ls-remote", s.URL("tree.git"))
	all := s.Requests()
	if len(refused) == 0 || refused[0].Status != 401 || refused[0].Authorization != "" {
		t.Errorf("the refused request is logged as %+v", refused)
	}
	last := all[len(all)-1]
	if len(all) <= len(refused) || last.Status != 200 || last.Method != "POST" ||
		last.Path != "/tree.git/git-upload-pack" || !strings.HasPrefix(last.Authorization, "Basic ") {
		t.Errorf("the allowed request is logged as %+v", last)
	}
}

// testCuts goes through all failures of a network and back.
func testCuts(t *testing.T, r *Repo, g *Gate, url string) {
	t.Helper()
	r.Git("ls-remote", url)
	g.Block(Refuse)
	if _, err := r.Try("ls-remote", url); err == nil {
		t.Error("a refused connection went through")
	}
	g.Unblock()
	r.Git("ls-remote", url)

	g.Block(Hang)
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatalf("a hanging server must accept: %v", err)
	}
	defer func() { _ = c.Close() }()
	done := make(chan error, 1)
	go func() {
		_, err := r.Try("ls-remote", url)
		done <- err
	}()
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !err.(net.Error).Timeout() {
		t.Errorf("a hanging server answered %d bytes, %v", n, err)
	}
	select {
	case err := <-done:
		t.Errorf("git came through a network that hangs: %v", err)
		return
	default:
	}
	g.Unblock()
	if err := <-done; err != nil {
		t.Errorf("what hung did not go on: %v", err)
	}
	g.Block(Hang)
	g.Block(Refuse)
	if _, err := r.Try("ls-remote", url); err == nil {
		t.Error("a refused connection went through after a hanging one")
	}
}

func TestHTTPCuts(t *testing.T) {
	r, root, _ := served(t)
	s := ServeHTTP(t, root, HTTPOptions{TLS: true})
	r.Setenv(s.GitEnv()...)
	testCuts(t, r, s.Gate, s.URL("tree.git"))
	s.Close()
	s.Unblock()
	if _, err := r.Try("ls-remote", s.URL("tree.git")); err == nil {
		t.Error("a closed server answers")
	}
}

// A test of a client's timeout must not wait for the server at its end.
func TestHTTPClosesWhileItHangs(t *testing.T) {
	_, root, _ := served(t)
	s := ServeHTTP(t, root, HTTPOptions{})
	s.Block(Hang)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open after Close")
	}
}

func TestHTTPGitEnv(t *testing.T) {
	r, root, head := served(t)
	s := ServeHTTP(t, root, HTTPOptions{TLS: true, ClientCert: true})
	r.Setenv(s.GitEnv()...)
	if got := r.Git("ls-remote", s.URL("tree.git"), "main"); !strings.HasPrefix(got, head) {
		t.Errorf("the server says %q, want %s", got, head)
	}
	if filepath.Dir(s.ClientCert) != filepath.Dir(s.ClientKey) {
		t.Errorf("certificate %s and key %s lie apart", s.ClientCert, s.ClientKey)
	}
}
