package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// upload sends the steps, in messages of a limited size. A step that cannot be sent, or of which
// the secret is not known, is sent as one that fails: it must not take the others along. If the
// connection ends, so does the call that follows.
func (t *task) upload(ctx context.Context) {
	secrets := t.secrets(ctx)
	var part bytes.Buffer
	flush := func() {
		if part.Len() > 0 {
			_ = t.peer.send(noticeSteps, fmt.Appendf(nil, `{"Call":%d,"Steps":[%s]}`, t.call, &part))
			part.Reset()
		}
	}
	var sent *plan.Step // whose Want the next one may share
	for i := range t.batch.Steps {
		s := &t.batch.Steps[i]
		again := sent != nil && s.Want != nil && sent.Want == s.Want && sent.Container == s.Container
		data, whole := t.encode(i, secrets[i], again)
		if whole {
			sent = s
		}
		if part.Len()+len(data) > maxPart {
			flush()
		}
		if part.Len() > 0 {
			part.WriteByte(',')
		}
		part.Write(data)
	}
	flush()
}

// maxPart is how many bytes of steps go into one message, if they are no larger each.
const maxPart = maxRequest / 4

// encode is the message of the i-th step. If it is not whole the step will fail.
func (t *task) encode(i int, x secret, again bool) (data json.RawMessage, whole bool) {
	s := t.batch.Steps[i]
	err := x.err
	if err == nil {
		m := messageOf(s, x.Secrets)
		if again {
			m.Want, m.Again = nil, true
		}
		if data, err = encode(m); err == nil && len(data) > maxStep {
			err = refused{fmt.Sprintf("a step of %d bytes is too large", len(data))}
		}
	}
	if err == nil {
		return data, true
	}
	t.at[s.Container].fails(i, err)
	m := stepMessage{Fails: err.Error()}
	m.Host, m.Container, m.UID, m.Action, m.Needs = s.Host, s.Container, s.UID, s.Action, s.Needs
	// Names and a text can be encoded; too many of them end the connection.
	data, _ = encode(m)
	return data, false
}

// maxStep is how many bytes one step may have.
const maxStep = maxRequest / 2

// secret is what a step needs to know, or why nobody knows it.
type secret struct {
	execute.Secrets
	err error
}

// secrets asks for the secrets of all steps, as many at once as there are processors: that is how
// long hashing takes.
func (t *task) secrets(ctx context.Context) []secret {
	all := make([]secret, len(t.batch.Steps))
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	var asking sync.WaitGroup
	for i, s := range t.batch.Steps {
		if s.Action != plan.Password {
			continue
		}
		limit <- struct{}{}
		asking.Go(func() {
			defer func() { <-limit }()
			all[i].Secrets, all[i].err = t.batch.Secrets(ctx, s)
		})
	}
	asking.Wait()
	return all
}
