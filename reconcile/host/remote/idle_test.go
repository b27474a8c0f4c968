package remote

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// idling is a pipe to an agent that takes a batch and never begins with it.
type idling struct {
	*talking
	closed chan struct{}
	end    sync.Once
}

func newIdling() *idling {
	p := &idling{talking: newTalking(nil), closed: make(chan struct{})}
	p.Reader = io.MultiReader(after{p.greeted}, bytes.NewReader(frame(`{"id":1,"result":{"Major":2}}`)),
		after{p.closed})
	return p
}

// Close implements io.Closer.
func (p *idling) Close() error {
	p.end.Do(func() { close(p.closed) })
	return nil
}

// TestAHostThatBeginsNothingIsGivenUp: it must not keep for ever the place of one that works.
func TestAHostThatBeginsNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calm := timing{beat: 24 * time.Hour, patience: 24 * time.Hour, grace: grace}
		h, err := connect(t.Context(), newIdling(), greeting{Major: major, Target: testTarget()}, calm,
			quiet())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		all := []plan.Step{stepOf(want(1), plan.Clone), stepOf(want(1), plan.Start)}
		r := carryOut(t.Context(), h, all, execute.Options{Parallel: 1})
		if took := time.Since(begun); took != idle {
			t.Errorf("it is given up after %s", took)
		}
		s := r.Outcomes[0].Steps[0]
		if s.Status == execute.Done || !strings.Contains(s.Message+errorText(s.Err), "begun no step") {
			t.Errorf("its step is told to be %+v", s)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
