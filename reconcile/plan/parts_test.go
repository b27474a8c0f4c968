package plan_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// mixed is a host on which every kind of thing happens: a template and a container are made, one
// is replaced, one changed, one noted, one destroyed, one forgotten, and some are blocked.
func mixed() *scene {
	s := onHost(template("base"), declare("new")).both(declare("changed"), declare("noted"),
		declare("replaced", stopped), declare("same1"), declare("same2"), declare("kept"))
	s.has(declare("gone"), declare("lost"), declare("safe", protect)).gone("lost").foreign("hand")
	for i := range s.in.Desired {
		switch d := &s.in.Desired[i]; d.Name {
		case "changed":
			d.Memory = 1 << 30
		case "noted":
			d.Protect = spec.On
		case "replaced":
			d.Backing, d.Recreate = "overlayfs", true
		case "kept":
			d.Backing = "overlayfs"
		}
	}
	return s.allow(plan.Allowance{Count: 2})
}

// --only, on a host on which much could be done. Nothing else is touched, reported as blocked, or
// counted.
func TestEveryOnly(t *testing.T) {
	t.Parallel()
	const made = "base: create(needed_by)\nnew <base: clone(declared) " + all + "\n"
	const replaced = "replaced <base: destroy(recreate) clone(recreate) configure password dns\n"
	const hand = "hand? stopped: it carries no mark\n"
	for only, want := range map[string]string{
		"":             hand,
		"new":          made + hand,
		"base":         hand,
		"changed":      "changed: configure(changed)\n" + hand,
		"noted":        "noted: note(changed)\n" + hand,
		"replaced":     "base: create(needed_by)\n" + replaced + hand,
		"same1":        hand + "= 1",
		"same1 same2":  hand + "= 2",
		"kept":         "kept! recreate destroy\n" + hand,
		"gone":         "gone: destroy(not_declared)\n" + hand,
		"lost":         "lost: forget(not_declared)\n" + hand,
		"safe":         "safe! protected destroy\n" + hand,
		"hand":         hand,
		"else":         hand,
		"changed same": "changed: configure(changed)\n" + hand,
		"new replaced": made + replaced + hand,
		"gone lost":    "gone: destroy(not_declared)\nlost: forget(not_declared)\n" + hand,
		"kept same1":   "kept! recreate destroy\n" + hand + "= 1",
	} {
		t.Run("only "+only, func(t *testing.T) {
			t.Parallel()
			s := mixed()
			s.Only = func(h, name string) bool {
				return h == host && slices.Contains(strings.Fields(only), name)
			}
			expect(t, "only "+only, text(plan.Compute(s.Input)), want)
		})
	}
}

// The guard sees the whole host, so that many small runs cannot do what one large run may not.
func TestOnlyDoesNotWeakenTheGuard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		only string
		want string
	}{
		{"c000", "c000: destroy"},
		{"c001", "c001: destroy"},
		{"c000 c001", "c000! guard\nc001! guard"},
		{"c000 c002", "c000: destroy"},
		{"", ""},
	} {
		s := crowd(5, 2, 0)
		s.Only = func(_, name string) bool { return strings.Contains(c.only, name) }
		expect(t, "only "+c.only, destroysText(plan.Compute(s.Input)), c.want)
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	block := func(h, name, code string) plan.Blocked {
		return plan.Blocked{Host: h, Container: name, Code: code, Action: plan.Configure, Text: "because"}
	}
	s := onHost(template("base"), declare("a"), declare("b")).has(declare("x", protect))
	base := plan.Compute(s.Input)
	const a, b = "a <base: clone(declared) " + all + "\n", "b <base: clone(declared) " + all + "\n"
	const tmpl, x = "base: create(needed_by)\n", "x! protected destroy\n"
	for _, c := range []struct {
		name   string
		blocks []plan.Blocked
		want   string
	}{
		{"one container", []plan.Blocked{block(host, "a", "address")},
			tmpl + b + "a! address configure\n" + x},
		{"two", []plan.Blocked{block(host, "b", "address"), block(host, "a", "bridge")},
			tmpl + "a! bridge configure\nb! address configure\n" + x},
		{"the same twice is told once", []plan.Blocked{block(host, "a", "address"),
			block(host, "a", "address")}, tmpl + b + "a! address configure\n" + x},
		{"for two reasons both are told, in order", []plan.Blocked{block(host, "a", "bridge"),
			block(host, "a", "address")}, tmpl + b + "a! address configure\na! bridge configure\n" + x},
		{"a template: what needs it says itself what it misses",
			[]plan.Blocked{block(host, "base", "source")}, a + b + "base! source configure\n" + x},
		{"one that has no steps", []plan.Blocked{block(host, "y", "address")},
			tmpl + a + b + x + "y! address configure\n"},
		{"the same name on another host", []plan.Blocked{block("g", "a", "address")},
			tmpl + a + b + "g/a! address configure\n" + x},
		{"nothing", nil, tmpl + a + b + x},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := base
			for _, x := range c.blocks {
				p = p.Without(x)
			}
			expect(t, c.name, text(p), c.want)
			expect(t, "the plan that it was made from is as before", text(base), tmpl+a+b+x)
		})
	}
}

func TestContainersAreThePartsOfAPlan(t *testing.T) {
	t.Parallel()
	p := plan.Compute(mixed().Input)
	var got strings.Builder
	steps := 0
	for _, it := range p.Containers() {
		fmt.Fprintf(&got, "%s %s template=%v steps=%d\n", it.Kind, it.Container, it.Template,
			len(it.Steps))
		for i, s := range it.Steps {
			if !reflect.DeepEqual(s, p.Steps[steps+i]) || s.Container != it.Container || it.Host != s.Host {
				t.Errorf("step %d of %s is not that of the plan", i, it.Container)
			}
		}
		steps += len(it.Steps)
	}
	if steps != len(p.Steps) {
		t.Errorf("%d of %d steps belong to a container", steps, len(p.Steps))
	}
	expect(t, "kinds", got.String(), `
		create base template=true steps=1
		change changed template=false steps=1
		destroy gone template=false steps=1
		change lost template=false steps=1
		create new template=false steps=6
		change noted template=false steps=1
		replace replaced template=false steps=5`)
	want := plan.Summary{Create: 3, Change: 3, Destroy: 2, Replace: 1, Blocked: 2, Unchanged: 2}
	if s := p.Summary(); s != want || p.Empty() {
		t.Errorf("counted %+v, not %+v", s, want)
	}
	if got := (plan.Plan{}).Containers(); len(got) != 0 {
		t.Errorf("an empty plan has parts: %v", got)
	}
	two := plan.Plan{Steps: []plan.Step{{Host: "h", Container: "a", Action: plan.Start},
		{Host: "i", Container: "a", Action: plan.Destroy}}}
	if got := two.Containers(); len(got) != 2 || got[0].Kind != plan.KindChange ||
		got[1].Kind != plan.KindDestroy {
		t.Errorf("the same name on two hosts is one part: %+v", got)
	}
}

// The kind of a part follows from its actions, whatever else is among them.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		actions []plan.Action
		want    plan.Kind
		count   plan.Summary
	}{
		{[]plan.Action{plan.Create}, plan.KindCreate, plan.Summary{Create: 1}},
		{[]plan.Action{plan.Clone, plan.Start}, plan.KindCreate, plan.Summary{Create: 1}},
		{[]plan.Action{plan.Stop, plan.Start}, plan.KindChange, plan.Summary{Change: 1}},
		{[]plan.Action{plan.Note}, plan.KindChange, plan.Summary{Change: 1}},
		{[]plan.Action{plan.Forget}, plan.KindChange, plan.Summary{Change: 1}},
		{[]plan.Action{plan.Destroy}, plan.KindDestroy, plan.Summary{Destroy: 1}},
		{[]plan.Action{plan.Destroy, plan.Create}, plan.KindReplace,
			plan.Summary{Create: 1, Destroy: 1, Replace: 1}},
		{[]plan.Action{plan.Destroy, plan.Clone, plan.DNS}, plan.KindReplace,
			plan.Summary{Create: 1, Destroy: 1, Replace: 1}},
	} {
		var p plan.Plan
		for _, a := range c.actions {
			p.Steps = append(p.Steps, plan.Step{Host: host, Container: "a", Action: a})
		}
		if got := p.Containers()[0].Kind; got != c.want || p.Summary() != c.count {
			t.Errorf("%v are taken for %s, counted %+v", c.actions, got, p.Summary())
		}
	}
}

// The names in the JSON of each part: other programs read them. A value left out means "no".
func TestTheJSONOfEachPart(t *testing.T) {
	t.Parallel()
	here := spec.Position{File: "tree.yaml", Line: 7}
	at, err := json.Marshal(here)
	if err != nil {
		t.Fatal(err)
	}
	d := declare("web")
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"bare step": {plan.Step{Host: "h", Container: "web", Action: plan.Stop},
			`{"host":"h","container":"web","action":"stop","reason":{"code":"","text":""}}`},
		"full step": {plan.Step{Host: "h", Container: "web", Template: true, UID: "u",
			Action: plan.Clone, Class: spec.Recreate, Reason: plan.Reason{Code: "c", Text: "t"},
			Changes: []plan.Change{{Field: "ip", Class: spec.Live}}, Needs: []string{"base"},
			Position: here, Want: &d},
			`{"host":"h","container":"web","template":true,"uid":"u","action":"clone",` +
				`"class":"recreate","reason":{"code":"c","text":"t"},` +
				`"changes":[{"field":"ip","class":"live"}],"needs":["base"],"position":` + string(at) + `}`},
		"full change": {plan.Change{Field: "ip", Old: "a", New: "b", Class: spec.Live,
			Generated: true, Unknown: true, Sensitive: true, Drift: true},
			`{"field":"ip","old":"a","new":"b","class":"live","generated":true,"unknown":true,` +
				`"sensitive":true,"drift":true}`},
		"bare block": {plan.Blocked{Host: "h", Container: "web"},
			`{"host":"h","container":"web","action":"","code":"","text":"","failed":false}`},
		"full block": {plan.Blocked{Host: "h", Container: "web", Action: plan.Destroy, Code: "guard",
			Text: "t", Unblock: "u", Failed: true, Position: here},
			`{"host":"h","container":"web","action":"destroy","code":"guard","text":"t",` +
				`"unblock":"u","failed":true,"position":` + string(at) + `}`},
		"unmanaged": {plan.Unmanaged{Host: "h", Container: "hand", State: plan.Frozen, Text: "t"},
			`{"host":"h","container":"hand","state":"frozen","text":"t"}`},
		"unreachable": {plan.Unreachable{Host: "h", Text: "t"}, `{"host":"h","text":"t"}`},
		"mark": {plan.Mark{Installation: "i", Host: "h", Name: "web", UID: "u"},
			`{"installation":"i","host":"h","name":"web","uid":"u"}`},
		"bare container": {plan.Observed{Name: "web", State: plan.Stopped},
			`{"name":"web","state":"stopped","config":{}}`},
		"full configuration": {func() plan.Config {
			c := declare("web", memory(1), conf("a=1")).Config()
			c.MAC, c.CPUSet, c.CPUShare = "m", "0", 2
			c.Address = c.Address.Masked()
			return c
		}(), `{"hostname":"web","bridge":"br0","mac":"m","address":"10.5.0.0/16",` +
			`"gateway":"10.5.0.1","autostart":true,"memory":1,"cpuset":"0","cpushare":2,` +
			`"raw":{"a":["1"]}}`},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", name, got, err, c.want)
		}
	}
}

// What a program reads back from the JSON of a plan is the plan, but for what a plan does not say.
func TestAPlanSurvivesItsJSON(t *testing.T) {
	t.Parallel()
	p := plan.Compute(mixed().Input)
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back plan.Plan
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	if got, want := story(back), story(p); got != want {
		t.Errorf("read back as\n%s\nwas\n%s", got, want)
	}
	for _, s := range back.Steps {
		if s.Want != nil {
			t.Errorf("the declaration of %s, with its fingerprints, is in the JSON", s.Container)
		}
	}
}
