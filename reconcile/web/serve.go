package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// limits bound what one client can take from the others.
type limits struct {
	header, read, write, idle time.Duration
	connections               int
}

func usualLimits() limits {
	return limits{header: 5 * time.Second, read: 30 * time.Second, write: time.Minute,
		idle: time.Minute, connections: 128}
}

const (
	maxHeader = 16 << 10
	// grace is how long requests may take to end when the daemon does.
	grace = 5 * time.Second
)

// Serve answers requests until ctx ends, and then returns nil after the last answer or a few
// seconds. It closes the listener. The contexts of the requests end with ctx. The log gets what
// net/http complains about.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	return serve(ctx, l, newHTTPServer(h, usualLimits(), log), usualLimits().connections)
}

func newHTTPServer(h http.Handler, by limits, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: by.header,
		ReadTimeout:       by.read,
		WriteTimeout:      by.write,
		IdleTimeout:       by.idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

func serve(ctx context.Context, l net.Listener, s *http.Server, connections int) error {
	s.BaseContext = func(net.Listener) context.Context { return ctx }
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(netutil.LimitListener(l, connections)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("cannot serve on %q: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.Shutdown(limit); err != nil {
		_ = s.Close() // it only says what the listener said before
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve on %q: %w", l.Addr(), err)
	}
	return nil
}
