package gittest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// HTTPOptions say what a server asks for. The zero value is plain http that lets anybody
// fetch and push.
type HTTPOptions struct {
	TLS        bool   // https, with a certificate of an authority made for this server
	Expired    bool   // with TLS: the certificate ended an hour ago
	ClientCert bool   // with TLS: clients must show a certificate of the same authority
	User       string // with Password: basic authentication is required
	Password   string
	Token      string        // bearer authentication is required
	Delay      time.Duration // before each answer
}

// Request is one request that reached a server, whether it was allowed or not.
type Request struct {
	Method        string
	Path          string // with the query
	Authorization string // the whole header, empty for none
	Status        int    // of the answer; 0 while it is not given
}

// HTTPServer serves all repositories below a directory with git-http-backend.
type HTTPServer struct {
	*Gate
	CA         string // file of the authority's certificate, empty without TLS
	ClientCert string // file of a certificate for clients, empty unless required
	ClientKey  string // file of its key

	options HTTPOptions
	backend *cgi.Handler
	server  *http.Server
	busy    sync.WaitGroup
	once    sync.Once

	mu       sync.Mutex
	requests []Request
}

// ServeHTTP starts a server on a free port of 127.0.0.1; it ends with the test.
func ServeHTTP(t testing.TB, root string, o HTTPOptions) *HTTPServer {
	t.Helper()
	env := append(Env(t), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=test")
	git := must(t, exec.Command("git", "--exec-path"))
	s := &HTTPServer{options: o, backend: &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(git), "git-http-backend"), Env: env,
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard}}
	s.server = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Gate = newGate(t, ln.Addr().String())
	if o.TLS {
		ln = tls.NewListener(ln, s.secure(t))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.server.Serve(ln) // always ErrServerClosed
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

func (s *HTTPServer) secure(t testing.TB) *tls.Config {
	t.Helper()
	ca := newAuthority(t)
	s.CA = ca.path("ca.pem")
	until := time.Now().Add(24 * time.Hour)
	if s.options.Expired {
		until = time.Now().Add(-time.Hour)
	}
	server := ca.issue("server", until, x509.ExtKeyUsageServerAuth)
	config := &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS12}
	if s.options.ClientCert {
		ca.issue("client", time.Now().Add(24*time.Hour), x509.ExtKeyUsageClientAuth)
		s.ClientCert, s.ClientKey = ca.path("client.pem"), ca.path("client.key")
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AddCert(ca.cert)
	}
	return config
}

// URL is the address of a repository, given by its path below the root, without credentials.
func (s *HTTPServer) URL(repo string) string {
	scheme := "http://"
	if s.options.TLS {
		scheme = "https://"
	}
	return scheme + s.addr + "/" + repo
}

// GitEnv has the settings with which the git binary trusts the server and shows it a certificate.
func (s *HTTPServer) GitEnv() []string {
	var env []string
	if s.CA != "" {
		env = append(env, "GIT_SSL_CAINFO="+s.CA)
	}
	if s.ClientCert != "" {
		env = append(env, "GIT_SSL_CERT="+s.ClientCert, "GIT_SSL_KEY="+s.ClientKey)
	}
	return env
}

// Requests are those that came so far, in order.
func (s *HTTPServer) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// Close ends the server and waits for what it was doing. A second call does nothing.
func (s *HTTPServer) Close() {
	s.once.Do(func() {
		s.close()
		_ = s.server.Close()
		s.busy.Wait()
	})
}

// ServeHTTP implements http.Handler.
func (s *HTTPServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.busy.Add(1)
	defer s.busy.Done()
	number := s.note(r)
	answer := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() { s.noteStatus(number, answer.status) }()
	if !pause(r.Context(), s.options.Delay) {
		return
	}
	if !s.allowed(r) {
		answer.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
		http.Error(answer, "log in first", http.StatusUnauthorized)
		return
	}
	// CGI cannot take a body of unknown length, as git sends it from 1 MiB up.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(answer, "incomplete request", http.StatusBadRequest)
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.TransferEncoding = nil
	s.backend.ServeHTTP(answer, r)
}

// pause reports false if the client left meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *HTTPServer) allowed(r *http.Request) bool {
	if s.options.Token != "" {
		return r.Header.Get("Authorization") == "Bearer "+s.options.Token
	}
	if s.options.User == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return user == s.options.User && password == s.options.Password
}

func (s *HTTPServer) note(r *http.Request) (number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.RequestURI(),
		Authorization: r.Header.Get("Authorization")})
	return len(s.requests) - 1
}

func (s *HTTPServer) noteStatus(number, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[number].Status = status
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
