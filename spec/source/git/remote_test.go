package git_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"reconciler/spec/source/git"
	"reconciler/spec/source/git/gittest"
)

const password = "correct horse/+battery"

// secretFile writes a file of credentials.
func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// web is a repository behind gittest's server.
func web(t *testing.T, o gittest.HTTPOptions) (*gittest.HTTPServer, string) {
	t.Helper()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := gittest.ServeHTTP(t, filepath.Dir(r.dir), o)
	return s, s.URL("repo/.git")
}

// login is a way to log in over https, and what it leads to.
type login struct {
	name, url string
	auth      git.Auth
	want      string
	is        error
}

func logins(t *testing.T) []login {
	t.Helper()
	plain, plainURL := web(t, gittest.HTTPOptions{TLS: true})
	expired, expiredURL := web(t, gittest.HTTPOptions{TLS: true, Expired: true})
	mutual, mutualURL := web(t, gittest.HTTPOptions{TLS: true, ClientCert: true})
	basic, basicURL := web(t, gittest.HTTPOptions{TLS: true, User: "ann", Password: password})
	token, tokenURL := web(t, gittest.HTTPOptions{TLS: true, Token: password})
	good, bad := secretFile(t, password+"\n", 0o600), secretFile(t, "wrong "+password, 0o600)
	return []login{
		{"authority", plainURL, git.Auth{CAFile: plain.CA}, "", nil},
		{"no authority", plainURL, git.Auth{}, "certificate of an unknown authority", nil},
		{"other authority", plainURL, git.Auth{CAFile: mutual.CA}, "certificate of an unknown authority",
			nil},
		{"no certificate in the file", plainURL, git.Auth{CAFile: good}, "no certificate in it", nil},
		{"expired", expiredURL, git.Auth{CAFile: expired.CA}, "certificate expired", nil},
		{"client certificate", mutualURL, git.Auth{CAFile: mutual.CA, CertFile: mutual.ClientCert,
			KeyFile: mutual.ClientKey}, "", nil},
		{"no client certificate", mutualURL, git.Auth{CAFile: mutual.CA},
			"does it want a client certificate?", nil},
		{"other key", mutualURL, git.Auth{CAFile: mutual.CA, CertFile: mutual.ClientCert, KeyFile: good},
			"cannot use the client certificate", nil},
		{"password", basicURL, git.Auth{CAFile: basic.CA, Username: "ann", PasswordFile: good}, "", nil},
		{"user in the address", strings.Replace(basicURL, "//", "//ann@", 1), git.Auth{CAFile: basic.CA,
			PasswordFile: good}, "", nil},
		{"wrong password", basicURL, git.Auth{CAFile: basic.CA, Username: "ann", PasswordFile: bad},
			"authentication failed", transport.ErrAuthenticationRequired},
		{"no password", basicURL, git.Auth{CAFile: basic.CA}, "authentication failed",
			transport.ErrAuthenticationRequired},
		{"token", tokenURL, git.Auth{CAFile: token.CA, TokenFile: good}, "", nil},
		{"wrong token", tokenURL, git.Auth{CAFile: token.CA, TokenFile: bad}, "authentication failed",
			transport.ErrAuthenticationRequired},
		{"no such file", tokenURL, git.Auth{CAFile: token.CA, TokenFile: bad + "x"},
			"cannot read the token", os.ErrNotExist},
		{"empty file", tokenURL, git.Auth{CAFile: token.CA, TokenFile: secretFile(t, "", 0o600)},
			"is empty", nil},
		{"no such repository", plainURL + "x", git.Auth{CAFile: plain.CA}, "no such repository",
			transport.ErrRepositoryNotFound},
	}
}

// TestHTTPS: every way to log in works, and every way to fail says what to change, without a
// word of the credentials.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, tt := range logins(t) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := source(t, git.Options{URL: tt.url, Auth: tt.auth}).Fetch(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				wantFiles(t, got, map[string]string{"a.yaml": "1"})
				return
			}
			wantError(t, got, err, tt.want)
			if strings.Contains(err.Error(), password) {
				t.Errorf("the password is in the error: %v", err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v does not wrap %v", err, tt.is)
			}
		})
	}
}

// TestEchoedSecret: a server that repeats what it was sent does not bring it into a log.
func TestEchoedSecret(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := serveTLS(t, func(w http.ResponseWriter, req *http.Request) {
		_, clear, _ := req.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "%s\n%s\n%s", clear, req.Header.Get("Authorization"), strings.Repeat("x", 1<<20))
	})
	file := secretFile(t, password, 0o600)
	got, err := source(t, git.Options{URL: s.url, Auth: git.Auth{CAFile: s.ca, Username: "ann",
		PasswordFile: file}}).Fetch(t.Context())
	wantError(t, got, err, "authentication failed")
	for _, form := range []string{password, "YW5uOmNvcnJlY3Q"} {
		if strings.Contains(err.Error(), form) {
			t.Errorf("%q is in the error: %v", form, err)
		}
	}
	if len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

// TestRedirect: credentials reach the host that they are for, and no other.
func TestRedirect(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var leaked []string
	thief := serveTLS(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if a := req.Header.Get("Authorization"); a != "" {
			leaked = append(leaked, a)
		}
		w.WriteHeader(http.StatusNotFound)
	})
	for _, to := range []string{thief.url, strings.Replace(thief.url, "https", "http", 1)} {
		door := serveTLS(t, func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, to+"/info/refs?service=git-upload-pack", http.StatusFound)
		})
		ca := secretFile(t, readFile(t, door.ca)+readFile(t, thief.ca), 0o600)
		got, err := source(t, git.Options{URL: door.url, Auth: git.Auth{CAFile: ca, Username: "ann",
			PasswordFile: secretFile(t, password, 0o600)}}).Fetch(t.Context())
		wantError(t, got, err, "cannot fetch from")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(leaked) > 0 {
		t.Errorf("another host was shown %q", leaked)
	}
}

// TestSecretMode: files of credentials that others can read are warned about, once.
func TestSecretMode(t *testing.T) {
	t.Parallel()
	s, url := web(t, gittest.HTTPOptions{TLS: true, User: "ann", Password: password})
	file := secretFile(t, password, 0o644)
	var log bytes.Buffer
	src := source(t, git.Options{URL: url, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Auth: git.Auth{CAFile: s.CA, Username: "ann", PasswordFile: file}})
	fetch(t, src)
	fetch(t, src)
	if n := strings.Count(log.String(), "others can read"); n != 1 {
		t.Errorf("%d warnings, want 1: %s", n, log.String())
	}
	if strings.Contains(log.String(), password) || !strings.Contains(log.String(), file) {
		t.Errorf("the log is %s", log.String())
	}
}

// TestDeadServer: a server that is gone, silent, or never ends stops nothing for ever.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	s, url := web(t, gittest.HTTPOptions{})
	cache := filepath.Join(t.TempDir(), "cache")
	src := source(t, git.Options{URL: url, Cache: cache})
	quick := source(t, git.Options{URL: url, Cache: cache, Timeout: 300 * time.Millisecond})
	fetch(t, src)
	s.Block(gittest.Refuse)
	got, err := src.Fetch(t.Context())
	wantError(t, got, err, "connection refused")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v hides its cause", err)
	}
	s.Block(gittest.Hang)
	got, err = quick.Fetch(t.Context())
	wantError(t, got, err, "it took too long: more than 300ms")
	stop := errors.New("the program ends")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
	got, err = src.Fetch(ctx)
	wantError(t, got, err, "the program ends")
	if !errors.Is(err, stop) {
		t.Errorf("%v hides its cause", err)
	}
	s.Unblock()
	fetch(t, src)
}

// TestSilentServer: a server that accepts, or answers by half, and then says nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	known := secretFile(t, "", 0o600)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	key := gittest.NewSSHKey(t, "ed25519", "")
	pub := strings.Fields(readFile(t, key+".pub"))
	line := fmt.Sprintf("[127.0.0.1]:%s %s %s\n", port, pub[0], pub[1])
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []git.Options{
		{URL: "http://" + ln.Addr().String() + "/x"},
		{URL: "https://" + ln.Addr().String() + "/x"},
		{URL: "ssh://git@" + ln.Addr().String() + "/x", Auth: git.Auth{SSHKeyFile: key,
			KnownHostsFile: known}},
	} {
		o.Timeout = 200 * time.Millisecond
		got, err := source(t, o).Fetch(t.Context())
		wantError(t, got, err, "it took too long")
	}
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := serve(t, r)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // before the server waits for its handlers
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		s.instead(func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != method {
				return false
			}
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n"))
			w.(http.Flusher).Flush()
			<-release
			return true
		})
		got, err := source(t, git.Options{URL: s.url, Timeout: 500 * time.Millisecond}).Fetch(t.Context())
		wantError(t, got, err, "it took too long")
	}
}

// TestNoGitServer: what answers but is no git server is told apart.
func TestNoGitServer(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := serve(t, r)
	for _, answer := range []string{"<html>hello</html>", "", strings.Repeat("0005a", 1<<20)} {
		s.instead(func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(answer))
			return true
		})
		got, err := source(t, git.Options{URL: s.url}).Fetch(t.Context())
		wantError(t, got, err, "cannot fetch from", "it does not answer like a git server")
	}
	s.instead(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	got, err := source(t, git.Options{URL: s.url}).Fetch(t.Context())
	wantError(t, got, err, "502")
}

// TestManyAtOnce: sources that share a cache, as several processes do, all read the right files,
// and the repository is fetched once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	s := serve(t, r)
	cache := filepath.Join(t.TempDir(), "cache")
	for round := range 2 {
		var wg sync.WaitGroup
		shared := source(t, git.Options{URL: s.url, Cache: cache})
		for i := range 8 {
			src := shared
			if i%2 == 0 {
				src = source(t, git.Options{URL: s.url, Cache: cache})
			}
			wg.Go(func() {
				got, err := src.Fetch(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				wantFiles(t, got, want)
			})
		}
		wg.Wait()
		if n := s.packs.Load(); n != int32(round+1) {
			t.Errorf("%d packs were fetched for %d commits", n, round+1)
		}
		want["later.yaml"] = "1"
		r.commit("later.yaml", "1")
	}
}
