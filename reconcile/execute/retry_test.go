package execute_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// instantly takes the waiting out of Retry.
var instantly = execute.RetryOptions{Initial: 1, Max: 1}

var clone = plan.Step{Host: hostName, Container: "web", Action: plan.Clone}

// counted fails with err so many times and counts the tries.
type counted struct {
	fails int
	err   error
	tries int
}

func (c *counted) Do(context.Context, plan.Step, execute.Secrets) (string, error) {
	if c.tries++; c.tries <= c.fails {
		return "", fmt.Errorf("try %d: %w", c.tries, c.err)
	}
	return "cloned", nil
}

func TestRetry(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		host    counted
		options execute.RetryOptions
		tries   int
		want    error
	}{
		"a success is not repeated": {counted{}, instantly, 1, nil},
		"what heals succeeds":       {counted{fails: 4, err: errDisk}, instantly, 5, nil},
		"what does not heal ends": {counted{fails: 99, err: errDisk},
			instantly, 5, errDisk},
		"what cannot heal is not repeated": {counted{fails: 9, err: execute.ErrPermanent},
			instantly, 1, execute.ErrPermanent},
		"a timeout is not repeated": {counted{fails: 9, err: &execute.TimeoutError{}},
			instantly, 1, context.DeadlineExceeded},
		"the number of tries can be chosen": {counted{fails: 99, err: errDisk},
			execute.RetryOptions{Tries: 2, Initial: 1}, 2, errDisk},
		"one try is one try": {counted{fails: 99, err: errDisk},
			execute.RetryOptions{Tries: 1}, 1, errDisk},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			retry := execute.Retry(&c.host, c.options)
			message, err := retry.Do(t.Context(), clone, execute.Secrets{})
			if !errors.Is(err, c.want) || (err == nil) != (message == "cloned") {
				t.Errorf("says %q, %v", message, err)
			}
			if c.host.tries != c.tries {
				t.Errorf("%d tries, want %d", c.host.tries, c.tries)
			}
			last := fmt.Sprintf("try %d:", c.tries)
			if err != nil && !strings.HasPrefix(err.Error(), last) {
				t.Errorf("the error is not that of the last try: %v", err)
			}
		})
	}
}

func TestRetryWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		host := &counted{fails: 99, err: errDisk}
		begun := time.Now()
		r := execute.Run(t.Context(), []plan.Step{clone}, execute.Options{
			Hosts: map[string]execute.Host{
				hostName: execute.Retry(host, execute.RetryOptions{Tries: 9}),
			},
		})
		// Half to one and a half of 0.2+0.4+0.8+1.6+3.2+5+5+5 seconds.
		took := time.Since(begun)
		if took < 10600*time.Millisecond || took > 31800*time.Millisecond {
			t.Errorf("nine tries take %s", took)
		}
		if got := r.Outcomes[0].Steps[0]; got.Took != took || got.Attempts != 9 {
			t.Errorf("reported are %d attempts in %s", got.Attempts, got.Took)
		}
	})
}

func TestRetryRefusesAnEndedContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	host := new(counted)
	_, err := execute.Retry(host, instantly).Do(ctx, clone, execute.Secrets{})
	if !errors.Is(err, cause) || host.tries != 0 {
		t.Errorf("%d tries, %v", host.tries, err)
	}
}

func TestRetryStopsWaitingWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		host := &counted{fails: 99, err: errDisk}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := execute.Retry(host, execute.RetryOptions{Initial: time.Hour, Max: time.Hour}).
			Do(ctx, clone, execute.Secrets{})
		if time.Since(begun) != time.Second || host.tries != 1 {
			t.Errorf("%d tries in %s", host.tries, time.Since(begun))
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("why the try failed is lost: %v", err)
		}
	})
}

func TestInterruptEndsTheWaitButNotTheTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		host := hostFunc(func(stepCtx context.Context, _ plan.Step) (string, error) {
			if tries++; tries == 2 {
				cancel()
				<-time.After(time.Minute) // of the bubble's clock: the rest of the step
				if stepCtx.Err() != nil {
					t.Error("the running try was cut off: a half-made clone")
				}
			}
			return "", errDisk
		})
		r := execute.Run(ctx, []plan.Step{clone}, execute.Options{
			Hosts: map[string]execute.Host{hostName: execute.Retry(execute.Timeout(host),
				execute.RetryOptions{Initial: time.Hour, Max: time.Hour})},
		})
		got := r.Outcomes[0].Steps[0]
		if tries != 2 || got.Attempts != 2 {
			t.Errorf("%d tries, %d reported; no other must begin after Ctrl-C", tries, got.Attempts)
		}
		if !errors.Is(got.Err, errDisk) {
			t.Errorf("why the try failed is lost: %v", got.Err)
		}
	})
}

func TestARefusedTryCountsAsNone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	host := new(counted)
	retry := execute.Retry(host, instantly)
	late := hostFunc(func(stepCtx context.Context, s plan.Step) (string, error) {
		cancel() // between the begin of the step and the first try
		return retry.Do(stepCtx, s, execute.Secrets{})
	})
	r := execute.Run(ctx, []plan.Step{clone}, execute.Options{Hosts: hosts(late)})
	got := r.Outcomes[0].Steps[0]
	if got.Status != execute.Failed || got.Attempts != 0 || host.tries != 0 {
		t.Errorf("%s after %d attempts, the host saw %d", got.Status, got.Attempts, host.tries)
	}
	if !errors.Is(got.Err, context.Canceled) {
		t.Errorf("it does not say why: %v", got.Err)
	}
}
