package report

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func TestKindOfAContainer(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		actions []plan.Action
		want    kind
	}{
		"made by a template":   {[]plan.Action{plan.Create, plan.Configure}, creates},
		"cloned":               {[]plan.Action{plan.Clone, plan.Start}, creates},
		"destroyed":            {[]plan.Action{plan.Stop, plan.Destroy}, destroys},
		"replaced":             {[]plan.Action{plan.Stop, plan.Destroy, plan.Clone}, replaces},
		"only stopped":         {[]plan.Action{plan.Stop}, changes},
		"only its password":    {[]plan.Action{plan.Password}, changes},
		"only its record":      {[]plan.Action{plan.Note}, records},
		"record of a lost one": {[]plan.Action{plan.Forget}, records},
		"changed and recorded": {[]plan.Action{plan.Note, plan.DNS}, changes},
	}
	for name, c := range cases {
		groups := groupsOf(plan.Plan{Steps: stepsOf(plan.Step{}, c.actions...)})
		if got := groups[0].kind; got != c.want {
			t.Errorf("%s is reported as %q", name, got.look().name)
		}
	}
}

func TestGroupsHoldEveryStepInOrder(t *testing.T) {
	t.Parallel()
	actions := []plan.Action{
		plan.Create, plan.Clone, plan.Stop, plan.Destroy, plan.Configure, plan.Start,
		plan.Password, plan.Address, plan.DNS, plan.Note, plan.Forget,
	}
	rapid.Check(t, func(t *rapid.T) {
		p := plan.Plan{}
		type key struct{ host, container string }
		want := map[key][]plan.Action{}
		for _, host := range []string{"b", "a"} {
			for _, name := range []string{"z", "x", "y"} {
				list := rapid.SliceOfN(rapid.SampledFrom(actions), 0, 6).Draw(t, host+name)
				if len(list) == 0 {
					continue
				}
				want[key{host, name}] = list
				p.Steps = append(p.Steps,
					stepsOf(plan.Step{Host: host, Container: name}, list...)...)
			}
		}
		groups := groupsOf(p)
		total := 0
		for _, n := range tallyOf(groups) {
			total += n
		}
		if len(groups) != len(want) || total != len(want) {
			t.Fatalf("%d containers are reported, %d counted, of %d", len(groups), total,
				len(want))
		}
		tally, sum := tallyOf(groups), p.Summary()
		if tally.created() != sum.Create || tally[changes]+tally[records] != sum.Change ||
			tally.destroyed() != sum.Destroy {
			t.Fatalf("the report counts %v, the plan %+v", tally, sum)
		}
		var b bytes.Buffer
		if err := Text(&b, p, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		for k, list := range want {
			line := "steps: " + string(stepNames(stepsOf(plan.Step{}, list...))) + "\n"
			words := strings.ReplaceAll(b.String(), "\n", " ")
			if !strings.Contains(b.String(), line) ||
				!strings.Contains(words, " "+k.host+"/"+k.container+" ") {
				t.Fatalf("%s/%s with %q is not in the plan:\n%s", k.host, k.container, line,
					b.String())
			}
		}
	})
}

func TestWhatLosesDataComesFirst(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Text(&b, fullPlan(), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	order := []string{
		"will be destroyed", "will be replaced", "will be changed", "will be created",
		"only its record changes", "Blocked (", "Unmanaged", "Unreachable", "Warnings", "Plan: ",
	}
	last := -1
	for _, words := range order {
		i := strings.Index(b.String(), words)
		if i <= last {
			t.Errorf("%q is not where a reader looks for it", words)
		}
		last = i
	}
}

func TestAPlanIsReportedTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	var want bytes.Buffer
	if err := Text(&want, p, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	// Hosts change places; the steps of a host keep their order.
	var first, second []plan.Step
	for _, s := range p.Steps {
		if s.Host == h2 {
			first = append(first, s)
		} else {
			second = append(second, s)
		}
	}
	p.Steps = append(first, second...)
	var got bytes.Buffer
	if err := Text(&got, p, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if want.String() != got.String() {
		t.Error("the same plan reads otherwise when its hosts come in another order")
	}
}

func TestClassOfAContainerIsTheMostDemanding(t *testing.T) {
	t.Parallel()
	cases := []struct {
		classes []spec.Class
		want    safe
	}{
		{[]spec.Class{spec.Once, spec.Live}, "(live)"},
		{[]spec.Class{spec.Live, spec.Restart, spec.Once}, "(restarts the container)"},
		{[]spec.Class{spec.Once}, "(once)"},
		{[]spec.Class{"", spec.Recreate, spec.Restart}, "(destroys its data)"},
	}
	for _, c := range cases {
		var p plan.Plan
		for _, class := range c.classes {
			p.Steps = append(p.Steps, plan.Step{
				Host: "h", Container: "c", Action: plan.Configure, Class: class})
		}
		var b bytes.Buffer
		if err := Text(&b, p, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), string("h/c will be changed "+c.want+"\n")) {
			t.Errorf("classes %v: the plan does not say %s:\n%s", c.classes, c.want, b.String())
		}
	}
}

func TestChangesOfAFieldThatWillOnlyBeKnownLater(t *testing.T) {
	t.Parallel()
	cases := []struct {
		kind   kind
		change plan.Change
		want   string
	}{
		{creates, plan.Change{Field: "mac", Unknown: true, Generated: true},
			"+ mac: (known after apply)"},
		{changes, plan.Change{Field: "ip", Old: "10.5.0.2", Unknown: true},
			"~ ip: 10.5.0.2 → (known after apply)"},
		{changes, plan.Change{Field: "memory", Old: "1024"}, "- memory: 1K"},
		{changes, plan.Change{Field: "memory", Old: "512M", New: "1G"}, "~ memory: 512M → 1G"},
		{changes, plan.Change{Field: "cpuset", Old: "0", New: "1024"}, "~ cpuset: 0 → 1024"},
		{creates, plan.Change{Field: "password", Sensitive: true}, "+ password: (sensitive)"},
		{changes, plan.Change{Field: "ip", Old: "a", New: "b", Drift: true},
			"~ ip: a → b  (changed outside the tree)"},
	}
	for _, c := range cases {
		var b bytes.Buffer
		p := newPrinter(&b, TextOptions{})
		p.change(c.kind, c.change)
		if err := p.close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(b.String()); got != c.want {
			t.Errorf("the plan says %q, want %q", got, c.want)
		}
	}
}
