// Package execute carries out the steps of a plan.
//
// It promises that containers are worked on in parallel up to a limit, that the steps of one
// container run in order and stop at the first failure, that what a step needs has been done before
// it, and that the failure of one container harms only those that need it. A host that is reached
// over the network may take all its steps in one batch, and keeps the same promises. When the
// context ends no new step begins and running ones finish. It never decides what to do.
package execute

import (
	"context"
	"errors"

	"reconciler/reconcile/plan"
)

// Host carries out single steps. Do may be called from several goroutines for different
// containers. It is idempotent: a step that was already done, or was killed half-way, may be done
// again. The message says what was done, in the words of the checkpoint ("Container cloned").
// An error that cannot heal by trying again wraps ErrPermanent.
type Host interface {
	Do(ctx context.Context, step plan.Step, secrets Secrets) (message string, err error)
}

// Secrets is what a step needs to know and a plan must not say.
type Secrets struct {
	PasswordHash string // crypt(5) text for the users of the container, empty for none
}

// String keeps the hash out of logs.
func (Secrets) String() string { return "***" }

// GoString keeps the hash out of logs.
func (Secrets) GoString() string { return "***" }

// ErrPermanent marks an error that trying again cannot heal.
var ErrPermanent = errors.New("trying again will not help")

// ErrHostInUse marks the error of who waited for the lock of a host that another run holds: nothing
// is wrong with the host. The text of the error says who has it.
var ErrHostInUse = errors.New("it is in use")
