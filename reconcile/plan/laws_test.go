package plan_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

func encode(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// law checks a sentence on random inputs and their plans.
func law(t *testing.T, sentence string, check func(*rapid.T, plan.Input, plan.Plan)) {
	t.Run(sentence, func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			in := randomInput(t)
			check(t, in, plan.Compute(in))
		})
	})
}

func hostOf(in plan.Input, name string) plan.HostInput {
	for _, h := range in.Hosts {
		if h.Host == name {
			return h
		}
	}
	return plan.HostInput{}
}

func observed(h plan.HostInput, name string) *plan.Observed {
	for i := range h.Actual.Containers {
		if h.Actual.Containers[i].Name == name {
			return &h.Actual.Containers[i]
		}
	}
	return nil
}

func recorded(h plan.HostInput, name string) *plan.Owned {
	for i := range h.Owned {
		if h.Owned[i].Name == name {
			return &h.Owned[i]
		}
	}
	return nil
}

// witnesses is rule of safety 3, written down a second time and in another way.
func witnesses(h plan.HostInput, name string) bool {
	o, w := observed(h, name), recorded(h, name)
	return o != nil && w != nil && o.Mark != nil && w.UID != "" &&
		*o.Mark == plan.Mark{Installation: installation, Host: h.Host, Name: name, UID: w.UID}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	law(t, "nothing that is not ours is touched", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, it := range p.Containers() {
			h := hostOf(in, it.Host)
			first := it.Steps[0].Action
			exists := observed(h, it.Container) != nil
			switch {
			case first == plan.Forget:
			case !exists && (first == plan.Create || first == plan.Clone):
			case !witnesses(h, it.Container):
				t.Fatalf("%s gets %s\n%s", it.Container, first, text(p))
			}
		}
	})
	law(t, "what is not ours is listed", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, h := range in.Hosts {
			for _, o := range h.Actual.Containers {
				listed := slices.ContainsFunc(p.Unmanaged, func(u plan.Unmanaged) bool {
					return u.Host == h.Host && u.Container == o.Name && u.Text != ""
				})
				if listed == witnesses(h, o.Name) {
					t.Fatalf("%s/%s: listed as unmanaged: %v", h.Host, o.Name, listed)
				}
			}
		}
	})
	law(t, "the guard is never exceeded", checkGuard)
	law(t, "what is protected is not destroyed", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, s := range p.Steps {
			if s.Action == plan.Destroy && protectedNow(hostOf(in, s.Host), s.Container) {
				t.Fatalf("%s/%s is destroyed\n%s", s.Host, s.Container, text(p))
			}
		}
	})
	law(t, "inputs are not changed", func(t *rapid.T, in plan.Input, _ plan.Plan) {
		before := encode(t, []any{in.Hosts, in.Allow, in.Holds})
		plan.Compute(in)
		if after := encode(t, []any{in.Hosts, in.Allow, in.Holds}); after != before {
			t.Fatalf("before %s\nafter  %s", before, after)
		}
	})
	law(t, "the order of the input means nothing", func(t *rapid.T, in plan.Input, p plan.Plan) {
		other := plan.Compute(shuffled(t, in))
		if a, b := encode(t, p), encode(t, other); a != b {
			t.Fatalf("one order:\n%s\nanother:\n%s", text(p), text(other))
		}
	})
}

func TestLawsOfOutput(t *testing.T) {
	t.Parallel()
	law(t, "every step says why", func(t *rapid.T, _ plan.Input, p plan.Plan) {
		for _, s := range p.Steps {
			if s.Reason.Code == "" || s.Reason.Text == "" {
				t.Fatalf("%s of %s has no reason", s.Action, s.Container)
			}
		}
		for _, b := range p.Blocked {
			if b.Code == "" || b.Text == "" {
				t.Fatalf("%s is blocked without a word", b.Container)
			}
		}
		for _, x := range p.Held {
			if x.Code == "" || x.Text == "" || x.Kind == "" {
				t.Fatalf("%s is held without a word: %+v", x.Container, x)
			}
		}
	})
	law(t, "a host that is unreachable gets no steps", func(t *rapid.T, in plan.Input, p plan.Plan) {
		in.Unreachable = []plan.Unreachable{{Host: "h", Text: "no route"}}
		alone := plan.Compute(in)
		for _, s := range alone.Steps {
			if s.Host == "h" {
				t.Fatalf("%s of %s", s.Action, s.Container)
			}
		}
		for _, s := range p.Steps {
			if s.Host == "i" && len(alone.Steps) == 0 {
				t.Fatal("the other host gets none either")
			}
		}
	})
	law(t, "outside of --only nothing changes but needed templates",
		func(t *rapid.T, in plan.Input, _ plan.Plan) {
			name := rapid.SampledFrom(names).Draw(t, "only")
			in.Only = func(h, container string) bool { return h == "h" && container == name }
			for _, it := range plan.Compute(in).Containers() {
				if it.Host != "h" || it.Container != name &&
					(!it.Template || it.Kind != plan.KindCreate && it.Kind != plan.KindReplace) {
					t.Fatalf("%s/%s is touched", it.Host, it.Container)
				}
			}
		})
}

func checkGuard(t *rapid.T, in plan.Input, p plan.Plan) {
	for _, h := range in.Hosts {
		owned, destroyed := 0, 0
		for _, w := range h.Owned {
			if witnesses(h, w.Name) && !w.Template {
				owned++
			}
		}
		limit := max(1, owned/4)
		for _, a := range in.Allow {
			if a.Container == "" {
				limit = max(limit, a.Count)
			}
		}
		for _, s := range p.Steps {
			w := recorded(h, s.Container)
			if s.Host != h.Host || s.Action != plan.Destroy || w.Intent != "" && len(w.Applied) == 0 {
				continue
			}
			if !slices.Contains(in.Allow, plan.Allowance{Host: h.Host, Container: s.Container}) {
				destroyed++
			}
		}
		if destroyed > limit {
			t.Fatalf("%s: %d of %d are destroyed, %d may\n%s", h.Host, destroyed, owned, limit, text(p))
		}
	}
}

// A plan can be carried out on a host that refuses what a real one would refuse, and leads to a
// state that needs no further plan. What was blocked by another container's destroy may follow
// in the passes after it.
func TestPlansConverge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomInput(t)
		first := plan.Compute(in)
		p := first
		for pass := 1; ; pass++ {
			next, err := apply(in, p)
			if err != nil {
				t.Fatalf("pass %d cannot be carried out: %v\n%s", pass, err, text(p))
			}
			in, p = next, plan.Compute(next)
			if p.Empty() {
				return
			}
			waits := slices.ContainsFunc(first.Blocked, func(b plan.Blocked) bool {
				return b.Code == plan.BlockedDependants || b.Code == plan.BlockedSource ||
					b.Code == plan.BlockedGuard
			})
			if !waits || pass == 6 {
				t.Fatalf("after %d passes from\n%sthere remains\n%s", pass, text(first), text(p))
			}
		}
	})
}
