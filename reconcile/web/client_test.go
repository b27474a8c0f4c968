package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile/web"
)

// run serves a handler on a real socket until the test, or the returned function, ends it.
func run(t *testing.T, path string, d *daemon, h http.Handler) (end func()) {
	t.Helper()
	l, err := web.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ctx, l, h, d.options().Log) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ends with %v", err)
		}
	})
	t.Cleanup(end)
	return end
}

func TestACommandLineTalksToTheDaemon(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.status = converged()
	path := filepath.Join(socketDir(t), "s")
	end := run(t, path, d, web.Control(d.options()))
	c := web.NewClient(path)
	s, err := c.Status(t.Context())
	if err != nil || s.Revision.ID != "c0ffee" || s.Summary.Create != 1 {
		t.Errorf("the status is %+v, %v", s, err)
	}
	if p, err := c.Trigger(t.Context(), false); err != nil || p != nil {
		t.Errorf("a trigger is answered %v, %v", p, err)
	}
	<-d.woken
	go func() {
		<-d.woken
		d.watch.Passed(triggered("p", time.Now()))
	}()
	if p, err := c.Trigger(t.Context(), true); err != nil || p.ID != "p" || p.Result != "success" {
		t.Errorf("a trigger with wait is answered %+v, %v", p, err)
	}
	end()
	if _, err := c.Status(t.Context()); !errors.Is(err, web.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAMissingDaemonIsNamed(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	for _, path := range []string{stale, filepath.Join(dir, "none")} {
		_, err := web.NewClient(path).Trigger(t.Context(), true)
		if !errors.Is(err, web.ErrNotRunning) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAnswersThatMakeNoSenseAreErrors(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		code       int
		body, want string
	}{
		"another version": {200, `{"format_version":"2.0"}`, `speaks version "2.0"`},
		"no version":      {200, `{}`, `speaks version ""`},
		"no JSON":         {200, `hello`, "no JSON"},
		"an error":        {503, `{"error":"not now"}`, "not now"},
		"a strange error": {502, `<html>`, "502 Bad Gateway"},
	} {
		d := newDaemon()
		path := filepath.Join(socketDir(t), "s")
		run(t, path, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.code)
			_, _ = io.WriteString(w, c.body)
		}))
		_, err := web.NewClient(path).Status(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			errors.Is(err, web.ErrNotRunning) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A newer daemon of the same major version may say more.
func TestAnswersOfANewerDaemonAreRead(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	path := filepath.Join(socketDir(t), "s")
	run(t, path, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"format_version":"1.7","passes":3,"mood":"good"}`)
	}))
	if s, err := web.NewClient(path).Status(t.Context()); err != nil || s.Passes != 3 {
		t.Errorf("the status is %+v, %v", s, err)
	}
}

func TestWhoWaitsCanGiveUp(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	path := filepath.Join(socketDir(t), "s")
	run(t, path, d, web.Control(d.options()))
	reason := errors.New("I have to go")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-d.woken
		cancel(reason)
	}()
	if _, err := web.NewClient(path).Trigger(ctx, true); !errors.Is(err, reason) {
		t.Errorf("who gives up is told %v", err)
	}
}

// A daemon that is told to end must not wait for those who wait for it.
func TestTheEndOfTheDaemonIsToldToWhoWaits(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	path := filepath.Join(socketDir(t), "s")
	end := run(t, path, d, web.Control(d.options()))
	go func() {
		<-d.woken
		end()
	}()
	_, err := web.NewClient(path).Trigger(t.Context(), true)
	if err == nil || !strings.Contains(err.Error(), "the daemon ends") {
		t.Errorf("who waits is told %v", err)
	}
}
