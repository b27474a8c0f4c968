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

// prepare makes the machine ready; a second call meanwhile is refused. When the connection ends it
// is told to end, and waited for as a step is.
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
	host := map[string]bool{"": true}
	if !s.occupy(host) {
		return nil, badParams(errors.New("the host is being prepared"))
	}
	defer s.vacate(host)
	var answer prepareAnswer
	if answer.Done, err = p.Prepare(ctx, r.Want); err != nil {
		answer.Fault = new(faultOf(err, plan.Step{}))
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
