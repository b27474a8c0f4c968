package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"reconciler/reconcile/plan"
)

// usualTries is how often a step is tried unless somebody says.
const usualTries = 5

// RetryOptions say how often and how fast Retry tries again.
type RetryOptions struct {
	Tries   int           // optional: at most this many tries of one step; default 5
	Initial time.Duration // optional: about how long it waits before the second try; default 200 ms
	Max     time.Duration // optional: no wait is much longer; default 5 s
}

// Retry returns a Host that does a step again when it failed, with waits that double. It gives up
// after the last try, on an error that wraps ErrPermanent, and when ctx or the context of Run
// ends; then it returns the error of the last try. With a context that has ended already it does
// not try at all and returns the cause.
func Retry(h Host, o RetryOptions) Host {
	if o.Tries < 1 {
		o.Tries = usualTries
	}
	if o.Initial <= 0 {
		o.Initial = 200 * time.Millisecond
	}
	if o.Max <= 0 {
		o.Max = 5 * time.Second
	}
	return retrier{host: h, options: o}
}

type retrier struct {
	host    Host
	options RetryOptions
}

// Do implements Host.
func (r retrier) Do(ctx context.Context, s plan.Step, secrets Secrets) (message string, err error) {
	a, run := attemptOf(ctx), runOf(ctx)
	a.count = 0
	if ended := cmp.Or(context.Cause(ctx), context.Cause(run)); ended != nil {
		return "", fmt.Errorf("not tried: %w", ended)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(run, cancel)()
	try := func() error {
		a.count++
		message, err = r.host.Do(ctx, s, secrets)
		if errors.Is(err, ErrPermanent) {
			return backoff.Permanent(err)
		}
		return err
	}
	notify := func(err error, wait time.Duration) { a.retrying(a.count, wait, err) }
	// Its result is that of the last try, or only that the waiting was cut short: err knows more.
	_ = backoff.RetryNotify(try, backoff.WithContext(r.waits(), waiting), notify)
	return message, err
}

// waits must not end by time: the number of tries is the limit, a single one may take an hour.
func (r retrier) waits() backoff.BackOff {
	return backoff.WithMaxRetries(backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(r.options.Initial),
		backoff.WithMaxInterval(r.options.Max),
		backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0),
	), uint64(r.options.Tries-1))
}
