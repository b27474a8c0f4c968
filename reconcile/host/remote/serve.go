package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Ready is the line that an agent writes before its first message. Whatever a login shell writes
// comes before it.
const Ready = "reconciler-agent: ready"

// Driver is what an agent serves: a host, as reconcile.Host has it. One that is an io.Closer is
// closed at the end. One that has a method Deaths, as lxc.Host has it, is asked for deaths, and one
// that is a reconcile.Preparer can be prepared.
type Driver interface {
	execute.Host
	Observe(ctx context.Context) (plan.Actual, error)
	Lock(ctx context.Context, by string) (unlock func() error, err error)
}

// deathWatcher is a driver that tells when containers end.
type deathWatcher interface {
	Deaths(ctx context.Context, running map[string]int, died func(container string)) error
}

// preparer is a driver that can prepare its machine, as reconcile.Preparer has it.
type preparer interface {
	Check(ctx context.Context, want *spec.Preparation) (plan.Facts, []plan.HostChange, error)
	Prepare(ctx context.Context, want spec.Preparation) (done []string, err error)
}

// ServeOptions say what an agent serves.
type ServeOptions struct {
	Open     func(Target) (Driver, error) // required; the target is checked
	Hash     func() (string, error)       // required: SHA-256 of this program, in hex
	Version  string                       // of this program
	Hostname string
	Log      *slog.Logger // required

	timing timing // zero: the usual one
}

// lastCalls is how long the end waits for what is no step and was told to end.
const lastCalls = time.Minute

// Serve is the agent: it writes Ready to pipe and answers the messages that arrive there until it
// ends or its peer is silent. Then it finishes the steps that run, each within execute.Limit, gives
// back the lock, and returns. The error says what the peer did wrong, or what could not be given
// back; nil if the peer just went away. The pipe is closed; a read that blocks on it may outlive
// Serve.
func Serve(pipe io.ReadWriteCloser, o ServeOptions) error {
	if o.timing == (timing{}) {
		o.timing = usual()
	}
	if _, err := io.WriteString(pipe, Ready+"\n"); err != nil {
		return errors.Join(fmt.Errorf("cannot greet: %w", err), pipe.Close())
	}
	s := newSession(o)
	s.peer = newPeer(pipe, maxRequest, o.timing, s.handle)
	close(s.ready)
	<-s.peer.ended()
	err := s.peer.why()
	if err != nil {
		err = fmt.Errorf("cannot go on serving: %w", err)
	}
	return errors.Join(err, s.end())
}
