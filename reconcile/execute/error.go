package execute

import (
	"errors"
	"fmt"

	"reconciler/reconcile/plan"
)

// StepError says which step of which container failed. Its text has all of them; Err says why.
type StepError struct {
	Host      string
	Container string
	Action    plan.Action
	Err       error
}

// Error implements error.
func (e *StepError) Error() string {
	return fmt.Sprintf("cannot %s container %q (%s): %v", verb(e.Action),
		e.Host+"/"+e.Container, Checkpoint(e.Action), e.Err)
}

// Unwrap returns why.
func (e *StepError) Unwrap() error { return e.Err }

// describe adds what err is about, unless the host has done that already.
func describe(s plan.Step, err error) error {
	if known := (*StepError)(nil); errors.As(err, &known) {
		return err
	}
	return &StepError{Host: s.Host, Container: s.Container, Action: s.Action, Err: err}
}

func verb(a plan.Action) string {
	switch a {
	case plan.Password:
		return "set the password of"
	case plan.Address:
		return "verify the address of"
	case plan.DNS:
		return "set the DNS of"
	default:
		return string(a)
	}
}

// LostError says that a Batcher was lost in the middle of a step.
type LostError struct {
	Host string
	Err  error
}

// Error implements error.
func (e *LostError) Error() string { return fmt.Sprintf("host %q: %v", e.Host, e.Err) }

// Unwrap returns why.
func (e *LostError) Unwrap() error { return e.Err }

// Permanent reports whether nothing but a change can heal an error: it wraps ErrPermanent. A host
// that was lost may be found again, whatever its connection said at its end.
func Permanent(err error) bool {
	return errors.Is(err, ErrPermanent) && !errors.As(err, new(*LostError))
}

// PanicError is what a host, a secret source or a journal panicked with.
type PanicError struct {
	Value any
	Stack []byte // as runtime/debug formats it; not in the text of the error
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }
