package execute

import (
	"context"
	"time"
)

// attempt travels with the context of a step, so that Retry can say how often it tried. It belongs
// to the goroutine of the step.
type attempt struct {
	count    int
	retrying func(count int, wait time.Duration, err error)
}

type (
	attemptKey struct{}
	runKey     struct{}
)

// shield returns a context that does not end with that of Run, but carries it: Retry must see the
// end of the run, a running try must not.
func (a *attempt) shield(run context.Context) context.Context {
	ctx := context.WithValue(context.WithoutCancel(run), runKey{}, run)
	return context.WithValue(ctx, attemptKey{}, a)
}

// runOf returns the context of Run that ctx carries; outside of Run it is ctx itself.
func runOf(ctx context.Context) context.Context {
	if run, ok := ctx.Value(runKey{}).(context.Context); ok {
		return run
	}
	return ctx
}

// attemptOf returns the attempt that travels with ctx; outside of Run it is one nobody looks at.
func attemptOf(ctx context.Context) *attempt {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a
	}
	return &attempt{retrying: func(int, time.Duration, error) {}}
}
