package web_test

import (
	"net"
	"net/http"
	"testing"

	"reconciler/reconcile/web"
)

// A web site that lets its own name point to 127.0.0.1 could read the status through the browser
// of whoever visits it.
func TestAForeignNameIsRefusedOnLoopback(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Public(d.options())).URL
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9464": 200, "LocalHost": 200, "127.0.0.1": 200,
		"127.0.0.1:1": 200, "[::1]": 200, "[::1]:9464": 200, "10.0.0.1": 200,
		"evil.example.org": 403, "evil.example.org:9464": 403, "127.0.0.1.evil.example.org": 403,
		"localhost.evil.example.org": 403, "127.0.0.1:80:x.org": 403, "2130706433": 403,
	} {
		for _, path := range []string{"/healthz", "/no/such/path", "/hooks/git"} {
			r := request(t, http.MethodGet, url+path, nil)
			r.Host = host
			if got := send(t, r).code; (got == http.StatusForbidden) != (want == http.StatusForbidden) {
				t.Errorf("a request for %s on host %q is answered %d", path, host, got)
			}
		}
	}
}

func TestWhoIsExposedIsTold(t *testing.T) {
	t.Parallel()
	for address, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}: false,
		&net.TCPAddr{IP: net.IPv6loopback}:       false,
		&net.TCPAddr{IP: net.IPv6unspecified}:    true,
		&net.TCPAddr{}:                           true,
		&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}:  true,
		&net.UnixAddr{Name: "/s"}:                false,
	} {
		if got := web.Exposed(address); got != want {
			t.Errorf("%v is exposed: %v", address, got)
		}
	}
}

// Only the socket of root may trigger, and nothing may be changed with a GET.
func TestWhatAPortDoesNotOffer(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	o := d.options()
	o.Secrets = secrets(t, "correct horse battery")
	port, socket := open(t, web.Public(o)).URL, open(t, web.Control(o)).URL
	for _, c := range []struct {
		method, url string
		want        int
	}{
		{http.MethodPost, port + "/api/v1/trigger", http.StatusNotFound},
		{http.MethodGet, socket + "/api/v1/trigger", http.StatusMethodNotAllowed},
		{http.MethodGet, socket + "/hooks/git", http.StatusMethodNotAllowed},
		{http.MethodPost, socket + "/api/v1/status", http.StatusMethodNotAllowed},
		{http.MethodGet, port + "/", http.StatusNotFound},
	} {
		if got := send(t, request(t, c.method, c.url, nil)); got.code != c.want {
			t.Errorf("%s %s is answered %d, want %d", c.method, c.url, got.code, c.want)
		}
	}
	if woken := d.wokenBy(); len(woken) > 0 {
		t.Errorf("the loop was woken by %v", woken)
	}
}
