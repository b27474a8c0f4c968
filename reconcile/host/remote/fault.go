package remote

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sourcegraph/jsonrpc2"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// codeFailed is the code of an error of the driver, as opposed to one of the protocol.
const codeFailed = 1

// fault is what an error was made of.
type fault struct {
	Text      string
	Step      bool `json:",omitempty"` // it was the StepError of the step, with the cause's text
	Permanent bool `json:",omitempty"`
	Cancelled bool `json:",omitempty"` // it wraps context.Canceled
	Late      bool `json:",omitempty"` // it wraps context.DeadlineExceeded
	InUse     bool `json:",omitempty"` // it wraps execute.ErrHostInUse
}

// faultOf takes apart the error of a step.
func faultOf(err error, s plan.Step) fault {
	f := fault{
		Permanent: errors.Is(err, execute.ErrPermanent),
		Cancelled: errors.Is(err, context.Canceled),
		Late:      errors.Is(err, context.DeadlineExceeded),
		InUse:     errors.Is(err, execute.ErrHostInUse),
	}
	step, ok := err.(*execute.StepError)
	if ok && step.Host == s.Host && step.Container == s.Container && step.Action == s.Action {
		f.Step, err = true, step.Err
	}
	f.Text = short(err.Error())
	return f
}

// err is the inverse of faultOf.
func (f fault) err(s plan.Step) error {
	if f.Step {
		return &execute.StepError{
			Host: s.Host, Container: s.Container, Action: s.Action, Err: remoteError{f},
		}
	}
	return remoteError{f}
}

// rpcError is the answer that says what went wrong.
func rpcError(err error) *jsonrpc2.Error {
	if protocol := (*jsonrpc2.Error)(nil); errors.As(err, &protocol) {
		return protocol
	}
	f := faultOf(err, plan.Step{})
	f.Text = escaped(f.Text)
	answer := &jsonrpc2.Error{Code: codeFailed, Message: "it failed"}
	answer.SetError(f)
	return answer
}

// remoteError is an error of the driver on the other side. It wraps those errors that callers look
// for and that the error on the host wrapped.
type remoteError struct{ fault }

// Error implements error.
func (e remoteError) Error() string { return e.Text }

// Unwrap returns the sentinels.
func (e remoteError) Unwrap() (wrapped []error) {
	if e.Permanent {
		wrapped = append(wrapped, execute.ErrPermanent)
	}
	if e.Cancelled {
		wrapped = append(wrapped, context.Canceled)
	}
	if e.Late {
		wrapped = append(wrapped, context.DeadlineExceeded)
	}
	if e.InUse {
		wrapped = append(wrapped, execute.ErrHostInUse)
	}
	return wrapped
}

// errorOf is the inverse of rpcError. An answer that no agent gives becomes an error of the
// protocol.
func errorOf(answer *jsonrpc2.Error) error {
	if answer.Code != codeFailed || answer.Data == nil {
		return refused{text: clean(answer.Message)}
	}
	var f fault
	if err := json.Unmarshal(*answer.Data, &f); err != nil {
		return refused{text: clean(answer.Message)}
	}
	f.Text = unescaped(f.Text)
	return remoteError{f}
}

// refused is what an agent says that did not understand. Asking again does not help.
type refused struct{ text string }

// Error implements error.
func (r refused) Error() string { return "the agent refuses it: " + r.text }

// Unwrap makes it permanent.
func (r refused) Unwrap() error { return execute.ErrPermanent }

// invalid is the answer to a message that is not understood.
func invalid(code int64, text string) error {
	return &jsonrpc2.Error{Code: code, Message: text}
}
