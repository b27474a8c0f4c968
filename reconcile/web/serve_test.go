package web

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
)

// silent is a recorder that nobody reads.
type silent struct{}

func (silent) Passed(loop.Report)    {}
func (silent) Observe(execute.Event) {}

// waker is a loop that tells when it is woken.
type waker struct{ woken chan struct{} }

func (w waker) Status() loop.Status { return loop.Status{Started: time.Now()} }
func (w waker) Wake(string)         { w.woken <- struct{}{} }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serveWith serves with limits of a test.
func serveWith(t *testing.T, h http.Handler, by limits) (address string) {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, newHTTPServer(h, by, quiet()), by.connections) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ends with %v", err)
		}
	})
	return l.Addr().String()
}

// say opens a connection and sends a text.
func say(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// Clients that send a byte now and then must not keep others out for long.
func TestASlowClientLosesItsPlace(t *testing.T) {
	t.Parallel()
	by := usualLimits()
	by.header, by.read, by.idle = 100*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	by.connections = 3
	address := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}), by)
	const head = "POST /hooks/git HTTP/1.1\r\nHost: localhost\r\n"
	slow := []net.Conn{
		say(t, address, "POST /ho"),                             // never ends its header
		say(t, address, head+"Content-Length: 1000\r\n\r\nabc"), // never ends its body
		say(t, address, head+"Content-Length: 0\r\n\r\n"),       // never asks again
	}
	c := say(t, address, head+"Connection: close\r\nContent-Length: 0\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil ||
		!strings.Contains(line, "200") {
		t.Fatalf("while others are slow, the answer is %q, %v", line, err)
	}
	for i, c := range slow {
		if _, err := io.Copy(io.Discard, c); err != nil && isTimeout(err) {
			t.Errorf("slow client %d is still connected", i)
		}
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// A pass may take hours: the limits that are right for other requests must not end the wait.
func TestTheWaitForAPassOutlastsTheLimits(t *testing.T) {
	t.Parallel()
	by := usualLimits()
	by.header, by.read, by.write = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	w := waker{make(chan struct{}, 1)}
	o := Options{Loop: w, Watch: NewWatch(silent{}), Log: quiet()}
	address := serveWith(t, Control(o), by)
	c := say(t, address, "POST /api/v1/trigger?wait=1 HTTP/1.1\r\nHost: localhost\r\n"+
		"Connection: close\r\nContent-Length: 0\r\n\r\n")
	<-w.woken
	time.Sleep(10 * by.write)
	o.Watch.Passed(loop.Report{ID: "p", Reasons: []string{loop.Triggered}, Began: time.Now()})
	answer, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(answer), `"id": "p"`) {
		t.Errorf("who waits is told %q, %v", answer, err)
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	t.Parallel()
	address := serveWith(t, http.NotFoundHandler(), usualLimits())
	c := say(t, address, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
	go func() { _, _ = io.CopyN(c, zeros{}, 1<<20) }()
	if line, err := bufio.NewReader(c).ReadString('\n'); err == nil &&
		!strings.Contains(line, "431") {
		t.Errorf("a header of 1 MiB is answered %q", line)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// Who waits and goes away must not be remembered for ever.
func TestWhoStopsWaitingIsForgotten(t *testing.T) {
	t.Parallel()
	w := waker{make(chan struct{}, 1)}
	o := Options{Loop: w, Watch: NewWatch(silent{}), Log: quiet()}
	address := serveWith(t, Control(o), usualLimits())
	c := say(t, address, "POST /api/v1/trigger?wait=1 HTTP/1.1\r\nHost: localhost\r\n"+
		"Content-Length: 0\r\n\r\n")
	<-w.woken
	_ = c.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		o.Watch.mu.Lock()
		left := len(o.Watch.waiting)
		o.Watch.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it is still waited for")
		}
	}
}

func TestAListenerThatBreaksIsAnError(t *testing.T) {
	t.Parallel()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	err = Serve(t.Context(), l, http.NotFoundHandler(), quiet())
	if err == nil || !strings.Contains(err.Error(), "cannot serve on") {
		t.Errorf("the error is %v", err)
	}
}

// Whoever may use the socket need not be asked for a host name: there are no browsers on it.
func TestTheHostDoesNotMatterOnASocket(t *testing.T) {
	t.Parallel()
	for address, want := range map[net.Addr]bool{
		&net.UnixAddr{Name: "/s"}:                false,
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}: true,
		&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}:  false,
		nil:                                      true,
	} {
		ctx := context.Background()
		if address != nil {
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, address)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := overLoopback(r); got != want {
			t.Errorf("a request over %v is protected: %v", address, got)
		}
	}
}
