package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sourcegraph/jsonrpc2"
)

// session is an agent at work for its one client.
type session struct {
	o     ServeOptions
	peer  *peer
	ready chan struct{} // closed when peer is set

	// alive ends with the connection; steps that run go on.
	alive context.Context
	kill  context.CancelFunc

	mu      sync.Mutex
	closing bool // no call begins any more
	calls   map[jsonrpc2.ID]context.CancelFunc
	busy    map[string]bool // containers of batches; "": the host is being prepared
	locks   map[uint64]func() error
	lastID  uint64 // of a lock
	driver  Driver // nil until it was greeted
	target  Target // what it drives

	orders   map[uint64]*order    // batches that arrive, by call
	uploaded int                  // bytes of them
	carried  map[uint64]*carrying // batches that are carried out, by call

	running sync.WaitGroup // calls
}

func newSession(o ServeOptions) *session {
	s := &session{
		o: o, ready: make(chan struct{}), calls: map[jsonrpc2.ID]context.CancelFunc{},
		busy: map[string]bool{}, locks: map[uint64]func() error{},
		orders: map[uint64]*order{}, carried: map[uint64]*carrying{},
	}
	s.alive, s.kill = context.WithCancel(context.Background())
	return s
}

// method answers a call. Its context ends when the call is cancelled or the connection ends.
type method func(s *session, ctx context.Context, params json.RawMessage) (any, error)

func methodOf(name string) (method, bool) {
	switch name {
	case methodHello:
		return (*session).hello, true
	case methodLock:
		return (*session).lock, true
	case methodUnlock:
		return (*session).unlock, true
	case methodObserve:
		return (*session).observe, true
	case methodCheck:
		return (*session).check, true
	case methodPrepare:
		return (*session).prepare, true
	case methodBatch:
		return (*session).batch, true
	case methodDeaths:
		return (*session).deaths, true
	}
	return nil, false
}

// handle takes a message. It is called for one after the other, and must not wait.
func (s *session) handle(r *jsonrpc2.Request) {
	<-s.ready
	params := json.RawMessage("null")
	if r.Params != nil {
		params = *r.Params
	}
	if r.Notif {
		s.notice(r.Method, params)
		return // nobody waits to hear that others are not known
	}
	m, known := methodOf(r.Method)
	if !known {
		s.answer(r.ID, nil, invalid(jsonrpc2.CodeMethodNotFound, "the method is unknown"))
		return
	}
	ctx, err := s.begin(r)
	if err != nil {
		s.answer(r.ID, nil, err)
		return
	}
	go func() {
		defer s.running.Done()
		result, err := s.contained(ctx, m, params)
		s.finish(r.ID)
		s.answer(r.ID, result, err)
	}()
}

// notice takes what is not answered.
func (s *session) notice(method string, params json.RawMessage) {
	switch method {
	case noticeCancel:
		s.cancel(params)
	case noticeSteps:
		s.take(params)
	case noticeRecorded:
		s.recorded(params)
	}
}

// begin enters a call, unless it comes at a wrong time.
func (s *session) begin(r *jsonrpc2.Request) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, used := s.calls[r.ID]; {
	case s.closing:
		return nil, invalid(jsonrpc2.CodeInvalidRequest, "the connection is ending")
	case used:
		return nil, invalid(jsonrpc2.CodeInvalidRequest, "a call of this id is open")
	case len(s.calls) >= maxCalls:
		return nil, invalid(jsonrpc2.CodeInvalidRequest, "too many calls are open")
	case (s.driver == nil) != (r.Method == methodHello):
		return nil, invalid(jsonrpc2.CodeInvalidRequest, "hello comes first, and once")
	case r.Method == methodHello && len(s.calls) > 0:
		return nil, invalid(jsonrpc2.CodeInvalidRequest, "another hello is open")
	}
	ctx, cancel := context.WithCancel(context.WithValue(s.alive, idKey{}, r.ID))
	s.calls[r.ID] = cancel
	s.running.Add(1)
	return ctx, nil
}

// idKey is the key of the id of a call in its context.
type idKey struct{}

func (s *session) finish(id jsonrpc2.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id]()
	delete(s.calls, id)
}

// cancel ends the context of a call, if it is still open.
func (s *session) cancel(params json.RawMessage) {
	call, err := decode[callID](params)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, open := s.calls[jsonrpc2.ID{Num: call.Call}]; open {
		cancel()
	}
}

// contained turns a panic into an error: a bug that one call meets must not end the others.
func (s *session) contained(
	ctx context.Context, m method, params json.RawMessage,
) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.o.Log.Error("internal error", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	return m(s, ctx, params)
}

// answer sends a result or an error. If it cannot be sent nobody is left to tell.
func (s *session) answer(id jsonrpc2.ID, result any, err error) {
	var encoded json.RawMessage
	if err == nil {
		encoded, err = encode(result)
	}
	if err == nil && len(encoded) > maxAnswer-maxRequest {
		err = invalid(jsonrpc2.CodeInternalError,
			fmt.Sprintf("the answer has %d bytes, which is too large", len(encoded)))
	}
	if err != nil {
		_ = s.peer.conn.ReplyWithError(context.Background(), id, rpcError(err))
		return
	}
	_ = s.peer.conn.Reply(context.Background(), id, encoded)
}

// end waits for the calls, gives the locks back and closes the driver.
func (s *session) end() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.kill()
	s.waitForCalls()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, unlock := range s.locks {
		errs = append(errs, unlock())
	}
	clear(s.locks)
	if c, ok := s.driver.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// waitForCalls waits for every step. It does not wait for ever for other calls, should they not
// heed their context: a lock that one of them may still get ends with this process.
func (s *session) waitForCalls() {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		s.running.Wait()
	}()
	for late := time.After(lastCalls); ; {
		select {
		case <-idle:
			return
		case <-late:
			s.mu.Lock()
			steps := len(s.busy)
			s.mu.Unlock()
			if steps == 0 {
				return
			}
			late = time.After(lastCalls)
		}
	}
}
