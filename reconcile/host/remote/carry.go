package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/sourcegraph/jsonrpc2"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// carrying is an order that is being carried out. As an execute.Host it is the driver, except that
// some steps must fail.
type carrying struct {
	*order
	session *session
	call    uint64
	awaited map[string]chan error // containers that others need: whether they are recorded
}

// batch carries out an order. Its context ends when it is cancelled or the connection ends: then no
// other step begins.
func (s *session) batch(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := decode[batchRequest](params)
	if err != nil {
		return nil, badParams(err)
	}
	id, numbered := ctx.Value(idKey{}).(jsonrpc2.ID)
	if r.Parallel < 1 || r.Parallel > maxParallel || r.Tries < 1 || !numbered || id.IsString {
		return nil, badParams(errors.New("a batch of no number, or of too many at once"))
	}
	o, err := s.claim(id.Num, r.Steps)
	if err != nil {
		return nil, badParams(err)
	}
	c := &carrying{order: o, session: s, call: id.Num, awaited: map[string]chan error{}}
	for _, step := range o.steps {
		for _, need := range step.Needs {
			c.awaited[need] = make(chan error, 1)
		}
	}
	if err := s.enter(c); err != nil {
		return nil, badParams(err)
	}
	defer s.leave(c)
	execute.Batch{
		Steps: o.steps, Parallel: r.Parallel, Tries: r.Tries, Secrets: c.secrets, Tell: c.tell,
	}.Run(ctx, c)
	return nil, nil
}

// enter takes the containers of a batch, of which no other may have one.
func (s *session) enter(c *carrying) error {
	if !s.occupy(c.seen) {
		return errors.New("a step of this container is running")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carried[c.call] = c
	return nil
}

func (s *session) leave(c *carrying) {
	s.vacate(c.seen)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.carried, c.call)
}

// occupy makes containers busy, or the host itself, and reports whether none of them was.
func (s *session) occupy(names map[string]bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range names {
		if s.busy[name] {
			return false
		}
	}
	maps.Copy(s.busy, names)
	return true
}

// vacate undoes occupy.
func (s *session) vacate(names map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range names {
		delete(s.busy, name)
	}
}

// Do implements execute.Host.
func (c *carrying) Do(
	ctx context.Context, s plan.Step, secrets execute.Secrets,
) (string, error) {
	if why := c.given[keyOf(s)].Fails; why != "" {
		return "", fmt.Errorf("%s: %w", why, execute.ErrPermanent)
	}
	return c.session.driver.Do(ctx, s, secrets)
}

func (c *carrying) secrets(_ context.Context, s plan.Step) (execute.Secrets, error) {
	return c.given[keyOf(s)].Secrets, nil
}

// tell sends an event. What cannot be sent has no reader: the connection is about to end.
func (c *carrying) tell(e execute.Event) error {
	n := progressNotice{
		callID: callID{c.call}, Container: e.Step.Container, Kind: string(e.Kind),
		Attempts: e.Attempt, Wait: e.Wait,
	}
	err := e.Err
	if e.Kind == execute.StepFinished {
		n.Message, n.Attempts, n.Took = short(e.Result.Message), e.Result.Attempts, e.Result.Took
		err = e.Result.Err
	}
	if bug := (*execute.PanicError)(nil); errors.As(err, &bug) {
		c.session.o.Log.Error("internal error", "panic", fmt.Sprint(bug.Value),
			"stack", string(bug.Stack))
	}
	if err != nil {
		n.Fault = new(faultOf(err, e.Step))
	}
	_ = c.session.peer.notify(noticeProgress, n)
	if e.Kind == execute.ContainerFinished {
		return c.await(e.Step.Container)
	}
	return nil
}

// await waits until a container that others need is recorded.
func (c *carrying) await(container string) error {
	recorded := c.awaited[container]
	if recorded == nil {
		return nil
	}
	select {
	case err := <-recorded:
		return err
	case <-c.session.alive.Done():
		return errEnded
	}
}

// recorded takes the news that a container is recorded, or why it is not.
func (s *session) recorded(params json.RawMessage) {
	n, err := decode[recordedNotice](params)
	if err != nil {
		return
	}
	if n.Error != "" {
		err = errors.New(n.Error)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.carried[n.Call]; c != nil && c.awaited[n.Container] != nil {
		select {
		case c.awaited[n.Container] <- err:
		default: // it is told twice
		}
	}
}

// short cuts a text that would fill a message.
func short(text string) string { return strings.Clone(text[:min(len(text), maxText)]) }
