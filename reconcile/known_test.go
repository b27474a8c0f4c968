package reconcile_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// passOf fails unless the walk gets as far as a plan.
func passOf(t *rapid.T, pass reconcile.Pass, err error) reconcile.Pass {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// carryOut makes a tree so, and fails if any step does.
func carryOut(t *rapid.T, w *world, d reconcile.Declaration) reconcile.Pass {
	t.Helper()
	run, err := reconcile.Run(context.Background(), d, w.options())
	pass := passOf(t, run, err)
	if pass.Result == nil {
		return pass
	}
	for _, o := range pass.Result.Outcomes {
		for _, s := range o.Steps {
			if s.Status != execute.Done {
				t.Fatalf("a step that was planned cannot be done: %s/%s %s: %v %s",
					o.Host, o.Container, s.Step.Action, s.Err, s.Message)
			}
		}
	}
	return pass
}

// shown is a plan as far as its reader sees it.
func shown(p plan.Plan) plan.Plan {
	p.Steps = slices.Clone(p.Steps)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.UID, s.Want = "", nil
		s.Changes = slices.Clone(s.Changes)
	}
	p.Held = slices.Clone(p.Held)
	for i := range p.Held {
		p.Held[i].Changes = slices.Clone(p.Held[i].Changes)
	}
	return p
}

// withoutGenerated takes the values out that the tree leaves to be generated, of both sides.
func withoutGenerated(p plan.Plan, base *spec.Tree) plan.Plan {
	p = shown(p)
	for i := range p.Steps {
		s := &p.Steps[i]
		hide(s.Changes, base, s.Host, s.Container)
	}
	for i := range p.Held {
		h := &p.Held[i]
		hide(h.Changes, base, h.Host, h.Container)
	}
	return p
}

func hide(changes []plan.Change, base *spec.Tree, host, container string) {
	var before spec.Container
	if c := base.Hosts[host].Containers[container]; c != nil {
		before = *c
	}
	for i := range changes {
		c := &changes[i]
		generated := c.Field == "ip" && !before.IP.IsValid() || c.Field == "mac" && before.MAC == ""
		if generated && c.Old != "" {
			c.Old = "generated"
		}
		if c.Generated {
			c.New, c.Unknown = "", false
		}
	}
}

func diffPlans(a, b plan.Plan) string {
	return cmp.Diff(a, b, cmpopts.EquateEmpty())
}

// What a reviewer is shown is what happens: the steps of a plan are those that run executes,
// whatever the tree and the hosts are like.
func TestPlanIsWhatRunDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := bareWorld(t)
		carryOut(rt, w, parsed(t, randomTree(rt)))
		drift(rt, w)
		next := parsed(t, randomTree(rt))
		serial, writes := w.snapshot().Serial, w.writes()
		planned, err := reconcile.Plan(context.Background(), next, w.options())
		before := passOf(rt, planned, err)
		if w.snapshot().Serial != serial || w.writes() != writes {
			rt.Fatal("plan wrote something")
		}
		run := carryOut(rt, w, next)
		if diff := diffPlans(known(before.Plan), known(run.Plan)); diff != "" {
			rt.Fatalf("plan showed another plan than run made (-plan +run):\n%s", diff)
		}
		if diff := cmp.Diff(executed(before.Plan.Steps), done(run)); diff != "" {
			rt.Fatalf("other steps were executed than shown (-shown +executed):\n%s", diff)
		}
	})
}

// known takes out of a plan what only the run knows.
func known(p plan.Plan) plan.Plan {
	p = shown(p)
	for i := range p.Steps {
		for j := range p.Steps[i].Changes {
			c := &p.Steps[i].Changes[j]
			if c.Generated || c.Sensitive {
				c.New, c.Unknown = "", false
			}
		}
	}
	return p
}

// executed lists the steps by container.
func executed(steps []plan.Step) map[string][]plan.Action {
	list := map[string][]plan.Action{}
	for _, s := range steps {
		list[s.Host+"/"+s.Container] = append(list[s.Host+"/"+s.Container], s.Action)
	}
	return list
}

func done(p reconcile.Pass) map[string][]plan.Action {
	list := map[string][]plan.Action{}
	if p.Result == nil {
		return list
	}
	for _, o := range p.Result.Outcomes {
		for _, s := range o.Steps {
			list[o.Host+"/"+o.Container] = append(list[o.Host+"/"+o.Container], s.Step.Action)
		}
	}
	return list
}

// A plan without a host says what the plan with the hosts would say, as long as nobody has touched
// them since the last run.
func TestARecordedPlanIsTheFullOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := bareWorld(t)
		carryOut(rt, w, parsed(t, randomTree(rt)))
		if rapid.Bool().Draw(rt, "drift") {
			drift(rt, w)
			carryOut(rt, w, parsed(t, randomTree(rt)))
		}
		next := parsed(t, randomTree(rt))
		planned, err := reconcile.Plan(context.Background(), next, w.options())
		full := passOf(rt, planned, err)
		dials := w.dials.Load()
		recorded, err := reconcile.ReadRecorded(context.Background(), w.store)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := reconcile.PlanRecorded(next, recorded, w.options())
		pass := passOf(rt, got, err)
		if diff := diffPlans(shown(full.Plan), shown(pass.Plan)); diff != "" {
			rt.Fatalf("the recorded plan is another one (-full +recorded):\n%s", diff)
		}
		if pass.ObservedAt.IsZero() || w.dials.Load() != dials {
			rt.Fatalf("observed at %s, %d hosts were asked", pass.ObservedAt, w.dials.Load()-dials)
		}
		exported(rt, w, next, pass.Plan)
	})
}

// exported checks that a plan made of the exported snapshot is the recorded one, but for what an
// export cannot tell.
func exported(t *rapid.T, w *world, next reconcile.Declaration, want plan.Plan) {
	t.Helper()
	recorded, err := reconcile.ReadRecorded(context.Background(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	var file, again bytes.Buffer
	if err := reconcile.Export(&file, recorded); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	read, err := reconcile.ReadExport(&file)
	if err != nil {
		t.Fatalf("what was exported cannot be read: %v", err)
	}
	if err := reconcile.Export(&again, read); err != nil || again.String() != text {
		t.Fatalf("an export that was read is another one (error %v):\n%s",
			err, cmp.Diff(text, again.String()))
	}
	o := w.options()
	o.Sealer, o.Store, o.Dial = nil, nil, nil
	got, err := reconcile.PlanRecorded(next, read, o)
	pass := passOf(t, got, err)
	left := untold(want, untold(pass.Plan, map[reconcile.Target]bool{}))
	if diff := diffPlans(without(want, left), without(pass.Plan, left)); diff != "" {
		t.Fatalf("the plan of an export is another one (-recorded +exported):\n%s", diff)
	}
	for _, r := range recorded.State.Records {
		if tag := r.Applied["password"]; tag != "" && strings.Contains(text, tag) {
			t.Fatalf("the fingerprint of a password is in the export: %s", tag)
		}
	}
}

// untold adds the containers about which an export does not say enough: their password or their
// raw settings change.
func untold(p plan.Plan, to map[reconcile.Target]bool) map[reconcile.Target]bool {
	for _, s := range p.Steps {
		for _, c := range s.Changes {
			if s.Action == plan.Password || strings.HasPrefix(c.Field, "lxc_conf") {
				to[reconcile.Target{Host: s.Host, Container: s.Container}] = true
			}
		}
	}
	return to
}

// without leaves containers out of a plan.
func without(p plan.Plan, left map[reconcile.Target]bool) plan.Plan {
	p = shown(p)
	p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool {
		return left[reconcile.Target{Host: s.Host, Container: s.Container}]
	})
	p.Unchanged, p.Warnings = 0, nil
	return p
}

// A declared plan says what the plan with the hosts would say if the base had been carried out.
func TestADeclaredPlanIsTheFullOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := randomTree(rt), randomTree(rt)
		base, now := parsed(t, a), parsed(t, b)
		w := bareWorld(t)
		carryOut(rt, w, base)
		planned, err := reconcile.Plan(context.Background(), now, w.options())
		full := passOf(rt, planned, err)
		full.Plan.Unmanaged = nil
		got, err := reconcile.PlanDeclared(base, now, reconcile.Options{})
		declared := passOf(rt, got, err)
		if diff := diffPlans(withoutGenerated(full.Plan, base.Tree),
			withoutGenerated(declared.Plan, base.Tree)); diff != "" {
			rt.Fatalf("the declared plan is another one (-full +declared):\n%s\n%s\n%s", diff, a, b)
		}
	})
}
