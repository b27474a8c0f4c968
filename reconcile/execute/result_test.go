package execute_test

import (
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestCheckpointsOfANewContainerAreInOrder(t *testing.T) {
	t.Parallel()
	last := ""
	actions := []plan.Action{plan.Stop, plan.Destroy, plan.Create, plan.Configure, plan.Start,
		plan.Password, plan.Address, plan.DNS, plan.Note}
	for _, a := range actions {
		key := execute.Checkpoint(a)
		if key <= last {
			t.Errorf("checkpoint %q of %s sorts before %q: wrong order in reports", key, a, last)
		}
		last = key
	}
	if execute.Checkpoint(plan.Clone) != execute.Checkpoint(plan.Create) {
		t.Error("to be cloned is one way to be created")
	}
	if execute.Checkpoint(plan.Forget) != execute.Checkpoint(plan.Note) {
		t.Error("to be forgotten changes the record only")
	}
}

func TestOutcomeFailed(t *testing.T) {
	t.Parallel()
	with := func(err error, statuses ...execute.Status) (o execute.Outcome) {
		o.Err = err
		for _, s := range statuses {
			o.Steps = append(o.Steps, execute.StepResult{Status: s})
		}
		return o
	}
	cases := map[string]struct {
		o    execute.Outcome
		want bool
	}{
		"all done":     {with(nil, execute.Done, execute.Done), false},
		"one failed":   {with(nil, execute.Done, execute.Failed), true},
		"one skipped":  {with(nil, execute.Done, execute.Skipped), true},
		"not recorded": {with(errDisk, execute.Done), true},
	}
	for what, c := range cases {
		if c.o.Failed() != c.want {
			t.Errorf("%s: failed %v: the exit code would be wrong", what, c.o.Failed())
		}
	}
}
