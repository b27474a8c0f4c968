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
		h, err := connect(t.Context(), newIdling(), greeting{Major: major, Target: testTarget()}, calm)
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

// TestAHostThatTalksTooLongIsGivenUp: what many of them say must fit into memory.
func TestAHostThatTalksTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	name := want(1).Name
	progress := func(kind, more string) []byte {
		return frame(`{"method":"progress","params":{"Call":2,"Container":"` + name +
			`","Kind":"` + kind + `"` + more + `}}`)
	}
	for _, c := range []struct {
		length int
		taken  bool
	}{{maxText, true}, {maxText + 1, false}} {
		text := strings.Repeat("x", c.length)
		says := bytes.Join([][]byte{progress("started", ""),
			progress("finished", `,"Attempts":1,"Message":"`+text+`"`),
			progress("container finished", ""), frame(`{"id":2,"result":null}`)}, nil)
		h, err := connect(t.Context(), newTalking(says), greeting{Major: major, Target: testTarget()},
			slow())
		if err != nil {
			t.Fatal(err)
		}
		r := carryOut(t.Context(), h, []plan.Step{stepOf(want(1), plan.Clone)},
			execute.Options{Parallel: 1})
		if done := r.Outcomes[0].Steps[0].Status == execute.Done; done != c.taken {
			t.Errorf("that a text of %d bytes is taken is %t", c.length, done)
		}
		_ = h.Close()
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
