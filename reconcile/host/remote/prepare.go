package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sourcegraph/jsonrpc2"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// preparer returns the driver as what prepares its machine.
func (s *session) preparer() (preparer, error) {
	p, ok := s.driver.(preparer)
	if !ok {
		return nil, invalid(jsonrpc2.CodeMethodNotFound, "this host cannot be prepared")
	}
	return p, nil
}

func (s *session) check(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := decode[checkRequest](params)
	if err == nil && r.Want != nil {
		err = r.Want.Validate()
	}
	if err != nil {
		return nil, badParams(err)
	}
	p, err := s.preparer()
	if err != nil {
		return nil, err
	}
	var answer checkAnswer
	answer.Facts, answer.Changes, err = p.Check(ctx, r.Want)
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// prepare makes the machine ready. While it does, nothing else does; the end of the connection waits
// for it as for a step.
func (s *session) prepare(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := decode[prepareRequest](params)
	if err == nil {
		err = r.Want.Validate()
	}
	if err != nil {
		return nil, badParams(err)
	}
	p, err := s.preparer()
	if err != nil {
		return nil, err
	}
	const host = ""
	s.mu.Lock()
	taken := s.busy[host]
	s.busy[host] = true
	s.mu.Unlock()
	if taken {
		return nil, badParams(errors.New("the host is being prepared"))
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, host)
	}()
	var answer prepareAnswer
	if answer.Done, err = p.Prepare(ctx, r.Want); err != nil {
		f := faultOf(err, plan.Step{})
		answer.Fault = &f
	}
	return answer, nil
}

// cannotPrepare is the error of an agent that does not know how.
func (h *Host) cannotPrepare() error {
	if slices.Contains(h.agent.Capabilities, methodPrepare) {
		return nil
	}
	return fmt.Errorf("its agent (version %q) cannot prepare a host", clean(h.agent.Version))
}

// Check says what the host can do and lacks; see reconcile.Preparer.
func (h *Host) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	if err := h.cannotPrepare(); err != nil {
		return plan.Facts{}, nil, err
	}
	answer, err := h.peer.call(ctx, methodCheck, checkRequest{Want: want})
	if err == nil {
		var found checkAnswer
		if found, err = decodeAnswer[checkAnswer](answer); err == nil {
			return found.Facts, found.Changes, nil
		}
	}
	return plan.Facts{}, nil, h.explain(err)
}

// Prepare makes the host ready; see reconcile.Preparer.
func (h *Host) Prepare(ctx context.Context, want spec.Preparation) (done []string, err error) {
	if err := h.cannotPrepare(); err != nil {
		return nil, err
	}
	h.forget()
	answer, err := h.peer.call(ctx, methodPrepare, prepareRequest{Want: want})
	if err != nil {
		return nil, h.explain(err)
	}
	found, err := decodeAnswer[prepareAnswer](answer)
	if err != nil {
		return nil, h.explain(err)
	}
	if found.Fault != nil {
		err = found.Fault.err(plan.Step{})
	}
	return found.Done, err
}
