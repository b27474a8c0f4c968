package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"reconciler/reconcile/host/remote"
)

// newAgent is the command that a controller runs on this host over ssh.
func newAgent(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "agent",
		Short:  "Serve this host to a controller on standard input (used by reconciler itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		// What it works on comes from the controller: no file or environment of this host counts.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(a)
			if err != nil {
				return err
			}
			return serveAgent(cmd.Context(), stdio{unblocked(a.in), unblocked(a.out)}, log)
		},
	}
}

// serveAgent serves until the controller is gone or ctx ends, and finishes the steps that run.
func serveAgent(ctx context.Context, pipe stdio, log *slog.Logger) error {
	// The signals of a lost connection must not end this process in the middle of a step. They are
	// caught, not ignored: programs that steps run would inherit that they are ignored.
	lost := make(chan os.Signal, 1)
	signal.Notify(lost, syscall.SIGPIPE, syscall.SIGHUP)
	defer signal.Stop(lost)
	// A pipe that cannot be closed has ended already.
	defer context.AfterFunc(ctx, func() { _ = pipe.Close() })()
	return remote.Serve(pipe, remote.ServeOptions{
		Open: func(t remote.Target) (remote.Driver, error) {
			return openLocal(t.Host, t.LXCPath, t.Installation, log)
		},
		Hash:     remote.Self().Hash,
		Version:  version(),
		Hostname: hostname(),
		Log:      log,
	})
}

// stdio is the standard input and output as one pipe.
type stdio struct {
	io.Reader
	io.Writer
}

// Close implements io.Closer.
func (s stdio) Close() error {
	var errs []error
	for _, end := range []any{s.Reader, s.Writer} {
		if c, ok := end.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// unblocked returns the same file, but waited for by Go's runtime, so that closing it ends a read
// or write that waits. A stream that is no file, or for which this cannot be done, is returned as
// it is.
func unblocked[T any](stream T) T {
	f, ok := any(stream).(*os.File)
	if !ok {
		return stream
	}
	fd := f.Fd()
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return stream
	}
	if file, ok := any(os.NewFile(fd, f.Name())).(T); ok {
		return file
	}
	return stream
}
