package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/jsonrpc2"
)

// peer is one end of a connection that knows whether the other one is alive.
type peer struct {
	conn   *jsonrpc2.Conn
	stream *stream
	timing timing
	calls  atomic.Uint64

	once  sync.Once
	cause error // why it was given up; read after conn has ended
}

// newPeer speaks over a pipe, which it closes at the end. Calls and notifications of the other side
// go to handle, one after the other.
func newPeer(
	pipe io.ReadWriteCloser, most int, t timing, handle func(*jsonrpc2.Request),
) *peer {
	p := &peer{stream: newStream(pipe, most), timing: t}
	ready := make(chan struct{})
	p.conn = jsonrpc2.NewConn(context.Background(), p.stream, handler(func(r *jsonrpc2.Request) {
		<-ready // what is handled uses conn
		handle(r)
	}), jsonrpc2.SetLogger(silence{}))
	close(ready)
	p.every(p.ping)
	p.every(p.listen)
	return p
}

type handler func(*jsonrpc2.Request)

// Handle implements jsonrpc2.Handler.
func (h handler) Handle(_ context.Context, _ *jsonrpc2.Conn, r *jsonrpc2.Request) { h(r) }

// silence is a logger: what ends a connection is returned to those who use it.
type silence struct{}

// Printf implements jsonrpc2.Logger.
func (silence) Printf(string, ...any) {}

// every calls f again and again, a beat after it has returned, until the connection ends. Between
// the beats this takes no goroutine: there may be a thousand peers.
func (p *peer) every(f func()) {
	time.AfterFunc(p.timing.beat, func() {
		select {
		case <-p.ended():
		default:
			f()
			p.every(f)
		}
	})
}

// ping says that we are alive. It may block for as long as the other side does not read.
func (p *peer) ping() {
	// If it fails the connection ends, and all learn it.
	_ = p.conn.Notify(context.Background(), noticePing, nil)
}

// listen gives the other side up when it is silent.
func (p *peer) listen() {
	if silent := p.stream.silent(); silent > p.timing.patience {
		p.giveUp(fmt.Errorf("nothing was heard of the other side for %s", silent.Round(time.Second)))
	}
}

// giveUp ends the connection; the first cause is kept.
func (p *peer) giveUp(cause error) {
	p.once.Do(func() { p.cause = cause })
	// It is closed already if this fails.
	_ = p.conn.Close()
}

// ended is closed when the connection is.
func (p *peer) ended() <-chan struct{} { return p.conn.DisconnectNotify() }

// why is the cause of the end, nil if the other side just went away.
func (p *peer) why() error {
	<-p.ended()
	p.once.Do(func() { p.cause = p.stream.err() })
	return p.cause
}

// errEnded is what calls return that were cut off. Callers add why.
var errEnded = errors.New("the connection has ended")

// question is a call that is about to be made.
type question struct {
	method string
	params any
	before func(id uint64) // called with its id before it is sent; optional
	// patient: after it was cancelled the other side may take any time to answer.
	patient bool
}

// call asks the other side and waits for its answer, also when ctx ends: then the other side is
// told, and has a while to answer. If it does not, it is given up.
func (p *peer) call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	_, result, err := p.ask(ctx, question{method: method, params: params})
	return result, err
}

// ask is call for those who want more.
func (p *peer) ask(
	ctx context.Context, q question,
) (id uint64, result json.RawMessage, err error) {
	id = p.calls.Add(1)
	encoded, err := encode(q.params)
	if err != nil {
		return id, nil, err
	}
	if len(encoded) > maxRequest/2 {
		return id, nil, refused{fmt.Sprintf("a request of %d bytes is too large", len(encoded))}
	}
	if q.before != nil {
		q.before(id)
	}
	if !q.patient {
		defer afterContext(ctx, p.timing.grace, func() {
			p.giveUp(fmt.Errorf("a call that was cancelled was not answered within %s",
				p.timing.grace))
		})()
	}
	result, err = p.dispatch(ctx, id, q.method, encoded)
	return id, result, err
}

// dispatch sends a call and waits for its answer.
func (p *peer) dispatch(
	ctx context.Context, id uint64, method string, encoded json.RawMessage,
) (json.RawMessage, error) {
	call, err := p.conn.DispatchCall(context.Background(), method, encoded,
		jsonrpc2.PickID(jsonrpc2.ID{Num: id}))
	if err != nil {
		return nil, errEnded
	}
	defer context.AfterFunc(ctx, func() {
		// If it fails the connection ends, and so does the call.
		_ = p.notify(noticeCancel, callID{id})
	})()
	var result json.RawMessage
	if err = call.Wait(context.Background(), &result); errors.Is(err, jsonrpc2.ErrClosed) {
		return nil, errEnded
	}
	return result, err
}

// afterContext calls f a while after ctx has ended, unless stop is called first.
func afterContext(ctx context.Context, d time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	end := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-done:
		}
	})
	return func() {
		end()
		close(done)
	}
}

// notify tells the other side something.
func (p *peer) notify(method string, params any) error {
	encoded, err := encode(params)
	if err != nil {
		return err
	}
	return p.send(method, encoded)
}

// send is notify for what is encoded.
func (p *peer) send(method string, encoded json.RawMessage) error {
	return p.conn.Notify(context.Background(), method, encoded)
}
