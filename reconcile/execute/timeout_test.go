package execute_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// hangs waits for its context and answers with answer, or with the cause if that is nil.
func hangs(answer error) hostFunc {
	return func(ctx context.Context, _ plan.Step) (string, error) {
		<-ctx.Done()
		if answer != nil {
			return "", answer
		}
		return "", context.Cause(ctx)
	}
}

func TestTimeoutEndsWhatHangs(t *testing.T) {
	t.Parallel()
	limits := map[plan.Action]time.Duration{
		plan.Create: time.Hour, plan.Clone: time.Hour, plan.Stop: 2 * time.Minute,
		plan.Destroy: 2 * time.Minute, plan.Address: 2 * time.Minute, plan.Start: time.Minute,
		plan.Configure: time.Minute, plan.Password: time.Minute, plan.DNS: time.Minute,
	}
	for action, limit := range limits {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			s := plan.Step{Host: hostName, Container: "web", Action: action}
			_, err := execute.Timeout(hangs(nil)).Do(t.Context(), s, execute.Secrets{})
			if took := time.Since(begun); took != limit {
				t.Errorf("%s may hang for %s, not %s", action, took, limit)
			}
			check(t, "the reason is told wrong", "took longer than "+limit.String(), err.Error())
			if !errors.Is(err, execute.ErrPermanent) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("programs take it for something else: %v", err)
			}
		})
	}
}

func TestTimeoutKeepsWhatTheHostSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		killed := errors.New("rsync: signal: killed")
		_, err := execute.Timeout(hangs(killed)).Do(t.Context(), clone, execute.Secrets{})
		check(t, "both must be told", "took longer than 1h0m0s: rsync: signal: killed", err.Error())
		if !errors.Is(err, killed) {
			t.Errorf("the error of the host is lost: %v", err)
		}
	})
}

func TestTimeoutBlamesNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := execute.Timeout(hangs(nil)).Do(ctx, clone, execute.Secrets{})
		var late *execute.TimeoutError
		if errors.As(err, &late) || errors.Is(err, execute.ErrPermanent) {
			t.Errorf("the end of another context is taken for our limit: %v", err)
		}
	})
}

func TestTimeoutLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]error{"success": nil, "failure": errDisk} {
		host := hostFunc(func(context.Context, plan.Step) (string, error) { return what, want })
		message, err := execute.Timeout(host).Do(t.Context(), clone, execute.Secrets{})
		if message != what || err != want {
			t.Errorf("%s becomes %q, %v", what, message, err)
		}
	}
}

func TestEachTryHasTheWholeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		host := hostFunc(func(ctx context.Context, _ plan.Step) (string, error) {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != time.Hour {
				t.Errorf("this try may take until %s only", deadline)
			}
			<-time.After(40 * time.Minute) // of the bubble's clock
			return "", errDisk
		})
		r := execute.Run(t.Context(), []plan.Step{clone}, execute.Options{
			Hosts: map[string]execute.Host{
				hostName: execute.Retry(execute.Timeout(host), execute.RetryOptions{Tries: 3}),
			},
		})
		if got := r.Outcomes[0].Steps[0]; got.Attempts != 3 {
			t.Errorf("%d attempts, want 3", got.Attempts)
		}
	})
}
