package report

import (
	"fmt"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// manyPlan has n containers on a host for each hundred: of ten on a host one is destroyed, one is
// replaced, one drifted, one is created and six get more memory, three of which differ from all
// others. It has as many blocked and held as destroyed.
func manyPlan(n int) plan.Plan {
	var p plan.Plan
	for i := range n {
		host, name := fmt.Sprintf("host%02d.local", i/100), fmt.Sprintf("c%05d.foo.com", i)
		s := plan.Step{Host: host, Container: name, Position: at(i + 1), Class: spec.Live,
			UID: fmt.Sprintf("%032x", i), Reason: because(plan.Changed, "the declaration changed"),
			Changes: []plan.Change{
				{Field: "memory", Old: "536870912", New: "1073741824", Class: spec.Live}}}
		actions := []plan.Action{plan.Configure}
		switch i % 10 {
		case 0:
			s.Reason, s.Changes = because(plan.Undeclared, "it is no longer declared"), nil
			s.Class, s.Position, actions = "", spec.Position{}, []plan.Action{plan.Stop, plan.Destroy}
			p.Blocked = append(p.Blocked, plan.Blocked{Host: host, Container: "safe-" + name,
				Action: plan.Destroy, Code: plan.BlockedGuard, Text: "too many",
				Unblock: "--allow-destroy " + host + "/safe-" + name})
		case 1:
			s.Reason = because(plan.RecreateAsked, "backing changed and recreate is allowed")
			s.Class, actions = spec.Recreate, []plan.Action{plan.Stop, plan.Destroy, plan.Clone}
			p.Held = append(p.Held, plan.Held{Host: host, Container: "late-" + name,
				Kind: plan.KindChange, Code: plan.HeldWindow, Text: "later", Position: at(i + 1)})
		case 2:
			s.Reason = because(plan.Drift, "somebody changed it on the host")
			s.Changes[0].Drift = true
		case 3:
			s.Reason = because(plan.Declared, "it is declared and does not exist")
			s.Changes, actions = createSteps(name)[0].Changes, []plan.Action{plan.Clone, plan.Start}
		case 4, 5, 6:
			s.Changes[0].Old = fmt.Sprint(i)
		}
		p.Steps = append(p.Steps, stepsOf(s, actions...)...)
	}
	p.Unchanged = n
	return p
}

func gitMeta() Meta {
	m := meta()
	m.Revision, m.Ref = "0123456789abcdef0123456789abcdef01234567", "main"
	m.Author, m.Subject = "Ann <ann@example.com>", "more memory, see #7"
	m.Signer = "ann@example.com"
	return m
}

// options are those of a page of everything.
func options() MarkdownOptions {
	return MarkdownOptions{Meta: gitMeta(), Marker: "prod/eu", PathPrefix: "lxc",
		LinkBase: "https://git.example.com/x/blob/0123456789abcdef0123456789abcdef01234567"}
}
