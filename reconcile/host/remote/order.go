package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// order is a batch whose steps arrive at the agent. The call that follows them begins it.
type order struct {
	steps []plan.Step
	given map[stepKey]stepMessage // by step: a secret, or why it must fail
	seen  map[string]bool         // containers that have steps
	size  int                     // bytes that arrived
	err   error                   // what was wrong with them
}

// stepKey names a step of a batch: nothing is done twice to a container in one plan.
type stepKey struct {
	container string
	action    plan.Action
}

func keyOf(s plan.Step) stepKey { return stepKey{s.Container, s.Action} }

// take adds steps to an order. It is called for one message after the other.
func (s *session) take(params json.RawMessage) {
	n, err := decode[stepsNotice](params)
	if err != nil && json.Unmarshal(params, &n.callID) != nil {
		return // the call will miss them
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[n.Call]
	if o == nil && s.driver != nil && len(s.orders) < maxCalls {
		o = &order{given: map[stepKey]stepMessage{}, seen: map[string]bool{}}
		s.orders[n.Call] = o
	}
	switch {
	case o == nil || o.err != nil:
	case err != nil:
		o.err = err
	case s.uploaded+len(params) > maxUpload:
		o.err = fmt.Errorf("more than %d bytes of steps", maxUpload)
	default:
		s.uploaded += len(params)
		o.size += len(params)
		o.err = o.add(n.Steps, s.target.Host)
	}
}

// claim returns the order of a call, which is to have so many steps.
func (s *session) claim(call uint64, steps int) (*order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[call]
	delete(s.orders, call)
	if o == nil {
		return nil, errors.New("a batch without steps")
	}
	s.uploaded -= o.size
	switch {
	case o.err != nil:
	case len(o.steps) == 0:
		o.err = errors.New("a batch without steps")
	case len(o.steps) != steps:
		o.err = fmt.Errorf("%d of %d steps arrived", len(o.steps), steps)
	}
	return o, o.err
}

// add reads steps, which follow those before them.
func (o *order) add(messages []stepMessage, host string) error {
	for _, m := range messages {
		var last plan.Step
		if len(o.steps) > 0 {
			last = o.steps[len(o.steps)-1]
		}
		s, err := m.step()
		if err != nil {
			return err
		}
		if m.Again {
			if m.Want != nil || last.Want == nil || last.Container != s.Container {
				return errors.New("a step wants the same as none")
			}
			s.Want = last.Want
		}
		if err := checkStep(s, host); err != nil {
			return err
		}
		if s.Container != last.Container && o.seen[s.Container] {
			return fmt.Errorf("container %q comes twice", s.Container)
		}
		o.seen[s.Container] = true
		o.steps = append(o.steps, s)
		if m.Fails != "" || m.Secrets != (execute.Secrets{}) {
			o.given[keyOf(s)] = stepMessage{Fails: m.Fails, Secrets: m.Secrets}
		}
	}
	return nil
}

// checkStep refuses a step that is for somebody else, or that nobody knows.
func checkStep(s plan.Step, host string) error {
	switch {
	case s.Host != host:
		return fmt.Errorf("a step is for host %q, not for %q", s.Host, host)
	case s.Container == "":
		return errors.New("a step is for no container")
	case !slices.Contains(actions(), s.Action):
		return fmt.Errorf("action %q is unknown", s.Action)
	}
	return nil
}

// actions are what an agent does.
func actions() []plan.Action {
	return []plan.Action{
		plan.Create, plan.Clone, plan.Stop, plan.Destroy, plan.Configure, plan.Start, plan.Password,
		plan.Address, plan.DNS, plan.Note, plan.Forget,
	}
}
