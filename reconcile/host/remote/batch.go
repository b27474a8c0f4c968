package remote

import (
	"context"
	"errors"
	"fmt"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

var _ execute.Batcher = (*Host)(nil)

// Do implements execute.Host, by a batch of one step that is tried once. When ctx ends, a step that
// runs is finished.
func (h *Host) Do(
	ctx context.Context, s plan.Step, secrets execute.Secrets,
) (string, error) {
	var ended bool
	var result execute.StepResult
	err := h.Batch(ctx, execute.Batch{
		Steps: []plan.Step{s}, Parallel: 1, Tries: 1,
		Secrets: func(context.Context, plan.Step) (execute.Secrets, error) { return secrets, nil },
		Tell: func(e execute.Event) error {
			if e.Kind == execute.StepFinished {
				ended, result = true, e.Result
			}
			return nil
		},
	})
	switch {
	case ended:
		return result.Message, result.Err
	case err != nil:
		return "", err
	case ctx.Err() != nil:
		return "", fmt.Errorf("not begun: %w", context.Cause(ctx))
	}
	return "", &badAnswer{errors.New("the step was left out")}
}

// Batch implements execute.Batcher with one call to the agent. At most maxParallel containers are
// worked on at once. An error of the driver still wraps those errors of this package, of package
// execute and of package context that it wraps on the host.
func (h *Host) Batch(ctx context.Context, b execute.Batch) error {
	h.forget()
	t := newTask(h.peer, b)
	ended := make(chan error, 1)
	go func() { ended <- h.carryOut(ctx, t) }()
	var err error
	for open := true; open; {
		select {
		case <-t.wake:
		case err = <-ended:
			open = false // whatever it told came before
		}
		t.look()
	}
	t.end()
	if err != nil {
		return h.explain(err)
	}
	return nil
}

// carryOut asks the agent and waits for its answer.
func (h *Host) carryOut(ctx context.Context, t *task) error {
	enter := func(id uint64) {
		t.call = id
		t.upload(ctx)
		h.mu.Lock()
		h.tasks[id] = t
		h.mu.Unlock()
	}
	r := batchRequest{
		Steps: len(t.batch.Steps), Parallel: min(t.batch.Parallel, maxParallel), Tries: t.batch.Tries,
	}
	q := question{method: methodBatch, params: r, before: enter, patient: true}
	id, _, err := h.peer.ask(ctx, q)
	h.mu.Lock()
	delete(h.tasks, id)
	h.mu.Unlock()
	return err
}

// progress passes on what an agent tells of a batch.
func (h *Host) progress(n progressNotice) {
	h.mu.Lock()
	t := h.tasks[n.Call]
	h.mu.Unlock()
	if t != nil {
		t.hear(n)
	}
}
