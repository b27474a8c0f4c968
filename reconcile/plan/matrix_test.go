package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// line renders a plan on one line, for tables of many.
func line(p plan.Plan) string {
	lines := strings.Split(strings.TrimSpace(text(p)), "\n")
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(l, " "+all, " …")
	}
	return strings.Join(lines, " | ")
}

// What becomes of a container that a run was killed on, by what the run had begun (the intent),
// what the record says, and what is on the host. The golden file is the reference: a reader finds
// in it that only what we were making is made anew, and that nothing is forgotten.
func TestEveryIntentAndWhatItLeft(t *testing.T) {
	t.Parallel()
	intents := []string{"", "create", "clone", "destroy", "stop", "configure", "start", "password",
		"address", "dns"}
	records := []struct {
		name string
		edit func(*plan.Owned)
	}{
		{"never finished", func(w *plan.Owned) { w.Applied = nil }},
		{"finished", func(*plan.Owned) {}},
		{"finished otherwise", func(w *plan.Owned) {
			w.Applied["memory"], w.Applied["password"] = "9M", "tag-old"
		}},
		{"finished from another source", func(w *plan.Owned) { w.Applied["from_container"] = "gold" }},
	}
	leftovers := []struct {
		name string
		edit func(*scene)
	}{
		{"runs", func(*scene) {}},
		{"is stopped", func(s *scene) { stop(s.got("web")) }},
		{"is not configured", func(s *scene) {
			stop(s.got("web"))
			s.got("web").Config = plan.Config{Hostname: "web"}
		}},
		{"is half made", func(s *scene) {
			stop(s.got("web"))
			s.got("web").Damage = "no lxc.rootfs.path"
		}},
		{"is gone", func(s *scene) { s.gone("web") }},
		{"is somebody else's", func(s *scene) { s.got("web").Mark = nil }},
	}
	var b strings.Builder
	for _, intent := range intents {
		for _, record := range records {
			fmt.Fprintf(&b, "== intent %q, record: %s\n", intent, record.name)
			for _, left := range leftovers {
				s := onHost(template("base"), template("gold")).has(template("base"), template("gold"))
				s.both(declare("web", memory(1<<30), recreate))
				w := s.own("web")
				w.Intent = intent
				record.edit(w)
				left.edit(s)
				fmt.Fprintf(&b, "%-21s %s\n", left.name, line(plan.Compute(s.Input)))
			}
		}
	}
	golden(t, "crash.txt", b.String())
}

// An orphan goes whatever a run had begun with it, and its record with it or after it.
func TestEveryIntentOfAnOrphan(t *testing.T) {
	t.Parallel()
	for _, intent := range []string{"", "create", "clone", "destroy", "stop", "configure"} {
		for _, finished := range []bool{true, false} {
			for _, damage := range []string{"", "no rootfs"} {
				s := four().has(declare("x", stopped))
				s.own("x").Intent, s.got("x").Damage = intent, damage
				if !finished {
					s.own("x").Applied = nil
				}
				what := fmt.Sprintf("intent %q, finished %v, damage %q", intent, finished, damage)
				expect(t, what, line(plan.Compute(s.Input)), "x: destroy(not_declared) | = 4")
				s.gone("x")
				expect(t, what+", gone", line(plan.Compute(s.Input)), "x: forget(not_declared) | = 4")
			}
		}
	}
}

// A source that cannot be cloned yet is still needed: to destroy it would lose what is declared.
func TestAnOrphanThatIsNeededIsNotDestroyed(t *testing.T) {
	t.Parallel()
	for _, state := range []plan.State{plan.Stopped, plan.Running, plan.Frozen, "starting"} {
		for _, damage := range []string{"", "no rootfs"} {
			s := onHost(declare("new", from("src"))).has(declare("src"))
			s.got("src").State, s.got("src").Damage = state, damage
			s.allow(plan.Allowance{Host: host, Container: "src"})
			want := "src! dependants"
			if state != plan.Stopped || damage != "" {
				want = "new! source\n" + want
			}
			expect(t, fmt.Sprintf("%s, damage %q", state, damage),
				destroysText(plan.Compute(s.Input)), want)
		}
	}
}

// A replacement that was killed after its destroy is no container that somebody took away.
func TestAContainerThatWeRemovedHasNotVanished(t *testing.T) {
	t.Parallel()
	for intent, want := range map[string]string{"": plan.Missing, "configure": plan.Missing,
		"stop": plan.Missing, "destroy": plan.Unfinished, "create": plan.Unfinished,
		"clone": plan.Unfinished} {
		s := onHost(template("base")).has(template("base")).both(declare("web")).gone("web")
		s.own("web").Intent = intent
		if got := plan.Compute(s.Input).Steps[0].Reason.Code; got != want {
			t.Errorf("with the intent %q the reader is told %q, not %q", intent, got, want)
		}
	}
}

// kinds are all that a source can be.
func kinds() []struct {
	name string
	add  func(*scene, ...edit)
} {
	declared := func(s *scene, d plan.Desired) { s.in.Desired = append(s.in.Desired, d) }
	return []struct {
		name string
		add  func(*scene, ...edit)
	}{
		{"nothing", func(*scene, ...edit) {}},
		{"a template to be made", func(s *scene, e ...edit) { declared(s, template("src", e...)) }},
		{"a template", func(s *scene, e ...edit) { s.both(template("src", e...)) }},
		{"a template of which the tree knows nothing", func(s *scene, e ...edit) {
			s.has(template("src", e...))
		}},
		{"a template of somebody else", func(s *scene, e ...edit) {
			declared(s, template("src", e...))
			s.foreign("src")
		}},
		{"a template that vanished", func(s *scene, e ...edit) {
			s.both(template("src", e...)).gone("src")
		}},
		{"a container to be made", func(s *scene, e ...edit) {
			declared(s, declare("src", append([]edit{from("base"), stopped}, e...)...))
		}},
		{"a container", func(s *scene, e ...edit) {
			s.both(declare("src", append([]edit{stopped}, e...)...))
		}},
		{"a container that shall run", func(s *scene, e ...edit) { s.both(declare("src", e...)) }},
		{"a container to be made that shall run", func(s *scene, e ...edit) {
			declared(s, declare("src", e...))
		}},
		{"a container that vanished", func(s *scene, e ...edit) {
			s.both(declare("src", append([]edit{stopped}, e...)...)).gone("src")
		}},
		{"an orphan", func(s *scene, e ...edit) {
			s.has(declare("src", append([]edit{stopped}, e...)...))
		}},
		{"a container of somebody else", func(s *scene, _ ...edit) { s.foreign("src") }},
		{"a declared name that somebody else has", func(s *scene, e ...edit) {
			declared(s, declare("src", append([]edit{stopped}, e...)...))
			s.foreign("src")
		}},
	}
}

// Whether a new container can be cloned, and what comes before it, by what its source is and in
// which state. The golden file is the reference.
func TestEverySourceInEveryState(t *testing.T) {
	t.Parallel()
	states := []struct {
		name string
		edit func(*plan.Observed)
	}{
		{"stopped", func(*plan.Observed) {}},
		{"running", func(o *plan.Observed) { o.State = plan.Running }},
		{"frozen", func(o *plan.Observed) { o.State = plan.Frozen }},
		{"half made", func(o *plan.Observed) { o.Damage = "no rootfs" }},
	}
	var b strings.Builder
	for _, kind := range kinds() {
		fmt.Fprintf(&b, "== %s\n", kind.name)
		for _, state := range states {
			s := onHost(template("base"), declare("new", from("src"))).has(template("base"))
			kind.add(s)
			for i := range s.in.Actual.Containers {
				if o := &s.in.Actual.Containers[i]; o.Name == "src" {
					stop(o)
					state.edit(o)
				}
			}
			p := plan.Compute(s.Input)
			fmt.Fprintf(&b, "%-10s %s\n", state.name, line(p))
			for _, blocked := range p.Blocked {
				fmt.Fprintf(&b, "           %s: %s\n", blocked.Container, blocked.Text)
			}
			if s.gone("src"); kind.name == "nothing" {
				break
			}
		}
	}
	golden(t, "sources.txt", b.String())
}

// The same where the source cannot be made or changed as declared.
func TestEverySourceThatIsInTroubleItself(t *testing.T) {
	t.Parallel()
	troubles := []struct {
		name string
		edit edit
		with func(*scene)
	}{
		{"its backing is not acted on", func(d *plan.Desired) { d.Backing = "lvm" }, nil},
		{"its bridge does not exist", func(d *plan.Desired) { d.Bridge = "br9" }, nil},
		{"its own source does not exist", from("nowhere"), nil},
		{"it is cloned from its clone", from("new"), nil},
		{"it is cloned from itself", from("src"), nil},
		{"it could not be resolved", nil, func(s *scene) {
			s.in.Problems = []plan.Blocked{{Host: host, Container: "src", Code: plan.BlockedAddress,
				Text: "no address is free", Failed: true}}
		}},
		{"it lies outside of the run", nil, func(s *scene) {
			s.Only = func(_, name string) bool { return name == "new" }
		}},
		{"it is protected", protect, nil},
		{"it shall be made anew", func(d *plan.Desired) { d.Recreate = true }, func(s *scene) {
			for i := range s.in.Owned {
				s.in.Owned[i].Applied["backing"] = "overlayfs"
			}
		}},
		{"it is drifted", nil, func(s *scene) {
			for i := range s.in.Actual.Containers {
				s.in.Actual.Containers[i].Config.Autostart = false
			}
		}},
	}
	var b strings.Builder
	for _, trouble := range troubles {
		fmt.Fprintf(&b, "== %s\n", trouble.name)
		for _, kind := range kinds() {
			if strings.Contains(kind.name, "somebody else") || kind.name == "nothing" {
				continue
			}
			s := onHost(template("base"), declare("new", from("src"))).has(template("base"))
			kind.add(s, orNot(trouble.edit))
			if trouble.with != nil {
				trouble.with(s)
			}
			p := plan.Compute(s.Input)
			fmt.Fprintf(&b, "%-42s %s\n", kind.name, line(p))
			if _, err := apply(s.Input, p); err != nil {
				t.Errorf("%s, %s: the plan cannot be carried out: %v", trouble.name, kind.name, err)
			}
		}
	}
	golden(t, "troubles.txt", b.String())
}
