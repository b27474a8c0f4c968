package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reconciler/reconcile/plan"
)

// Limit returns how long one try of an action may take. The figures are far above what a healthy
// host needs: they are there to end what hangs. What a step starts has no further limit of its own.
func Limit(a plan.Action) time.Duration {
	switch a {
	case plan.Create, plan.Clone:
		return 60 * time.Minute // downloads a distribution, or copies a root file system
	case plan.Stop, plan.Destroy, plan.Address:
		return 2 * time.Minute // the guest shuts down or boots
	default:
		return time.Minute
	}
}

// TimeoutError says that a step ran into its Limit.
type TimeoutError struct{ Limit time.Duration }

// Error implements error.
func (e *TimeoutError) Error() string { return "took longer than " + e.Limit.String() }

// Unwrap makes it permanent, and an end by deadline: what hung that long would hang again.
func (e *TimeoutError) Unwrap() []error { return []error{ErrPermanent, context.DeadlineExceeded} }

// Timeout returns a Host whose steps get a context that ends after their Limit, with a
// *TimeoutError as cause and in the error. It waits for h to return: h must heed its context.
// Inside Retry each try has the whole limit.
func Timeout(h Host) Host { return timer{host: h} }

type timer struct{ host Host }

// Do implements Host.
func (t timer) Do(ctx context.Context, s plan.Step, secrets Secrets) (string, error) {
	late := &TimeoutError{Limit: Limit(s.Action)}
	ctx, cancel := context.WithTimeoutCause(ctx, late.Limit, late)
	defer cancel()
	message, err := t.host.Do(ctx, s, secrets)
	if err == nil || context.Cause(ctx) != error(late) || errors.Is(err, late) {
		return message, err
	}
	return message, fmt.Errorf("%w: %w", late, err)
}
