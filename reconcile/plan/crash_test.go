package plan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// killed carries out a plan like the journal of a run does (intents first, a record for each
// finished container), and stops after some steps as if the process was killed.
func killed(m *model, p plan.Plan, steps int) error {
	var mine []plan.Item
	for range p.Prepare {
		if steps--; steps < 0 {
			return nil
		}
		m.prepare()
	}
	for _, it := range p.Containers() {
		if it.Host == m.in.Host {
			mine = append(mine, it)
			m.begin(it)
		}
	}
	m.done = map[string]bool{}
	for _, it := range mine {
		for _, s := range it.Steps {
			if steps--; steps < 0 {
				return nil
			}
			if err := m.step(s); err != nil {
				return err
			}
		}
		m.record(it.Steps[len(it.Steps)-1])
	}
	return nil
}

// begin writes the intent of a container ahead. A lesser one does not replace that of making it.
func (m *model) begin(it plan.Item) {
	first := it.Steps[0]
	if first.Action == plan.Note || first.Action == plan.Forget {
		return
	}
	i := slices.IndexFunc(m.in.Owned, func(o plan.Owned) bool { return o.Name == it.Container })
	if i < 0 {
		i = len(m.in.Owned)
		m.in.Owned = append(m.in.Owned,
			plan.Owned{Host: it.Host, Name: it.Container, Template: it.Template})
	}
	w := &m.in.Owned[i]
	w.UID = first.UID
	if !making(w.Intent) || making(string(first.Action)) {
		w.Intent = string(first.Action)
	}
}

func making(intent string) bool {
	return slices.Contains([]string{"create", "clone", "destroy"}, intent)
}

// A kill at any step converges in later runs, and no guest is left without its password.
func TestAKillAtAnyStepConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomInput(t)
		in.Hosts = in.Hosts[:1]
		h := &in.Hosts[0]
		m := &model{in: h, inst: installation, tags: map[string]string{}}
		for _, w := range h.Owned {
			if !making(w.Intent) {
				m.tags[w.Name] = w.Applied["password"]
			}
		}
		var p plan.Plan
		for pass := range 10 {
			if p = plan.Compute(in); p.Empty() {
				break
			}
			most := len(p.Prepare) + len(p.Steps)
			if pass < 3 {
				most = rapid.IntRange(0, most).Draw(t, "kill")
			}
			if err := killed(m, p, most); err != nil {
				t.Fatalf("pass %d cannot be carried out: %v\n%s", pass, err, text(p))
			}
		}
		if !p.Empty() {
			t.Fatalf("it does not converge:\n%s", text(p))
		}
		checkPasswords(t, m, p)
	})
}

func checkPasswords(t *rapid.T, m *model, p plan.Plan) {
	for _, d := range m.in.Desired {
		blocked := slices.ContainsFunc(p.Blocked,
			func(b plan.Blocked) bool { return b.Container == d.Name })
		held := slices.ContainsFunc(p.Held, func(x plan.Held) bool {
			return x.Container == d.Name && x.Code != plan.HeldDrift
		})
		vanished := d.Drift != spec.DriftCorrect && m.get(d.Name) == nil
		if !d.Template && !blocked && !held && !vanished && m.tags[d.Name] != d.PasswordTag {
			t.Fatalf("the guest of %s has password %q, not %q", d.Name, m.tags[d.Name], d.PasswordTag)
		}
	}
}

// The same on an empty host, killed before each single step of a usual plan.
func TestAKillBeforeEachStepOfANewFleet(t *testing.T) {
	t.Parallel()
	fresh := func() *scene {
		return onHost(template("base"), declare("a"), declare("b", overlay),
			declare("gold", stopped), declare("c", from("gold"), overlay))
	}
	steps := len(plan.Compute(fresh().Input).Steps)
	if steps < 20 {
		t.Fatalf("the plan has only %d steps", steps)
	}
	for kill := range steps + 1 {
		s := fresh()
		m := &model{in: s.in, inst: installation, tags: map[string]string{}}
		for _, most := range []int{kill, steps} {
			if err := killed(m, plan.Compute(s.Input), most); err != nil {
				t.Fatalf("killed before step %d: %v", kill, err)
			}
		}
		p := plan.Compute(s.Input)
		if !p.Empty() || len(p.Blocked) > 0 || p.Unchanged != 4 {
			t.Errorf("killed before step %d, after the next run there remains\n%s", kill, text(p))
		}
		for _, d := range s.in.Desired {
			if m.tags[d.Name] != d.PasswordTag {
				t.Errorf("killed before step %d: %s has no password", kill, d.Name)
			}
		}
	}
}

// A replacement that is killed destroys nothing twice that was finished, and ends as declared.
func TestAKillWhileReplacing(t *testing.T) {
	t.Parallel()
	for kill := range 9 {
		s := changed(from("gold"), recreate)
		s.in.Desired = append(s.in.Desired, template("gold"))
		m := &model{in: s.in, inst: installation, tags: map[string]string{"web": "tag-web"}}
		for _, most := range []int{kill, 99} {
			if err := killed(m, plan.Compute(s.Input), most); err != nil {
				t.Fatalf("killed before step %d: %v", kill, err)
			}
		}
		p := plan.Compute(s.Input)
		if !p.Empty() || p.Unchanged != 1 || m.tags["web"] != "tag-web" {
			t.Errorf("killed before step %d: password %q, and there remains\n%s", kill,
				m.tags["web"], text(p))
		}
		if got := s.own("web").Applied["from_container"]; got != "gold" {
			t.Errorf("killed before step %d: it was not replaced, but is recorded as from %q", kill, got)
		}
	}
}
