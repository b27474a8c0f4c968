package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// model is a host and its records, on which a plan is carried out. It refuses what a real host
// would refuse, or what would destroy something that is not ours.
type model struct {
	in   *plan.HostInput
	inst string
	done map[string]bool // containers whose steps have been carried out
	// tags has the fingerprint of the password that each guest really has.
	tags map[string]string
}

func mustApply(t *testing.T, in plan.Input, p plan.Plan) plan.Input {
	t.Helper()
	out, err := apply(in, p)
	if err != nil {
		t.Fatalf("the plan cannot be carried out: %v\n%s", err, text(p))
	}
	return out
}

// apply carries out a plan and returns the input of the next pass. Inputs stay as they are.
func apply(in plan.Input, p plan.Plan) (plan.Input, error) {
	out := in
	out.Hosts = slices.Clone(in.Hosts)
	for i := range out.Hosts {
		h := &out.Hosts[i]
		h.Owned = slices.Clone(h.Owned)
		h.Actual.Containers = slices.Clone(h.Actual.Containers)
		m := model{in: h, inst: in.Installation, done: map[string]bool{}, tags: map[string]string{}}
		for _, x := range p.Prepare {
			if x.Host == h.Host {
				m.prepare()
			}
		}
		for _, it := range p.Containers() {
			if it.Host != h.Host {
				continue
			}
			if err := m.container(it); err != nil {
				return out, fmt.Errorf("%s: %w", it.Container, err)
			}
		}
	}
	return out, nil
}

// prepare makes everything that the host shall have.
func (m *model) prepare() {
	w := *m.in.Prepare
	w.Changes = nil
	m.in.Prepare = &w
	for _, b := range w.Want.Bridges {
		m.in.Actual.Bridges = append(slices.Clone(m.in.Actual.Bridges), b.Name)
	}
	if m.in.Facts != nil {
		f := *m.in.Facts
		f.LXC = "5.0.2"
		m.in.Facts = &f
	}
}

func (m *model) container(it plan.Item) error {
	for _, need := range it.Steps[0].Needs {
		if !m.done[need] {
			return fmt.Errorf("needs %s, which is not done", need)
		}
	}
	if m.done[it.Container] {
		return fmt.Errorf("its steps are not together")
	}
	for _, s := range it.Steps {
		if err := m.step(s); err != nil {
			return fmt.Errorf("%s: %w", s.Action, err)
		}
	}
	m.done[it.Container] = true
	m.record(it.Steps[len(it.Steps)-1])
	return nil
}

// record is what the store remembers after the last step of a container.
func (m *model) record(s plan.Step) {
	sticky := slices.ContainsFunc(m.in.Owned, func(o plan.Owned) bool {
		return o.Name == s.Container && o.Protect
	})
	m.in.Owned = slices.DeleteFunc(m.in.Owned,
		func(o plan.Owned) bool { return o.Name == s.Container })
	if s.Want == nil {
		return
	}
	o := record(*s.Want)
	o.UID, o.Host = s.UID, m.in.Host
	o.Protect = o.Protect || sticky && s.Want.Protect == spec.Unset
	m.in.Owned = append(m.in.Owned, o)
}

func (m *model) get(name string) *plan.Observed {
	for i := range m.in.Actual.Containers {
		if m.in.Actual.Containers[i].Name == name {
			return &m.in.Actual.Containers[i]
		}
	}
	return nil
}

// ours fails unless both witnesses say that the container is ours.
func (m *model) ours(name string) error {
	o := m.get(name)
	if o == nil {
		return fmt.Errorf("it does not exist")
	}
	if o.Mark == nil || o.Mark.Installation != m.inst || o.Mark.Host != m.in.Host ||
		o.Mark.Name != name {
		return fmt.Errorf("it does not carry our mark")
	}
	for _, w := range m.in.Owned {
		if w.Name == name && w.UID == o.Mark.UID {
			return nil
		}
	}
	return fmt.Errorf("it has no record of this uid")
}

func (m *model) step(s plan.Step) error {
	switch s.Action {
	case plan.Create, plan.Clone:
		return m.make(s)
	case plan.Note, plan.Forget:
		return nil
	}
	if err := m.ours(s.Container); err != nil {
		return err
	}
	o := m.get(s.Container)
	switch s.Action {
	case plan.Stop:
		stop(o)
	case plan.Destroy:
		return m.destroy(s.Container)
	case plan.Password:
		m.tags[s.Container] = s.Want.PasswordTag
	case plan.Configure:
		m.configure(o, s.Want)
	case plan.Start:
		if o.Damage != "" {
			return fmt.Errorf("it is damaged")
		}
		if !slices.Contains(m.in.Actual.Bridges, o.Config.Bridge) {
			return fmt.Errorf("bridge %s does not exist", o.Config.Bridge)
		}
		start(o)
	case plan.Address:
		if o.State != plan.Running || !slices.Contains(o.Addresses, s.Want.IP.String()) {
			return fmt.Errorf("it does not run with its address")
		}
	}
	return nil
}

func (m *model) make(s plan.Step) error {
	if m.get(s.Container) != nil {
		return fmt.Errorf("it exists")
	}
	made := plan.Observed{Name: s.Container, State: plan.Stopped, Backing: s.Want.Backing,
		Mark:   &plan.Mark{Installation: m.inst, Host: m.in.Host, Name: s.Container, UID: s.UID},
		Config: plan.Config{Hostname: s.Container}}
	if s.Action == plan.Clone {
		source := m.get(s.Want.FromContainer)
		if source == nil || source.State != plan.Stopped || source.Damage != "" {
			return fmt.Errorf("its source is not there, stopped and whole")
		}
		made.Config.Raw = source.Config.Raw
		if s.Want.Backing == "overlayfs" {
			made.Lower = source.Name
		}
	}
	delete(m.tags, s.Container)
	m.in.Actual.Containers = append(m.in.Actual.Containers, made)
	known := slices.ContainsFunc(m.in.Owned, func(o plan.Owned) bool { return o.UID == s.UID })
	if !known {
		m.in.Owned = append(m.in.Owned, plan.Owned{UID: s.UID, Host: m.in.Host, Name: s.Container})
	}
	return nil
}

func (m *model) destroy(name string) error {
	for _, o := range m.in.Actual.Containers {
		if o.Lower == name {
			return fmt.Errorf("%s is a snapshot of it", o.Name)
		}
	}
	m.in.Actual.Containers = slices.DeleteFunc(m.in.Actual.Containers,
		func(o plan.Observed) bool { return o.Name == name })
	return nil
}

// configure writes the file and what can change live. Raw keys of the file that are neither
// declared now nor were before stay.
func (m *model) configure(o *plan.Observed, want *plan.Desired) {
	raw := maps.Clone(o.Config.Raw)
	for _, w := range m.in.Owned {
		for key := range raw {
			if w.Name == o.Name && contains(w.Applied["lxc_conf"], key) {
				delete(raw, key)
			}
		}
	}
	maps.DeleteFunc(raw, func(key string, _ []string) bool {
		return slices.ContainsFunc(want.LXCConfUnset,
			func(p string) bool { return strings.HasPrefix(key, p) })
	})
	o.Config = want.Config()
	if raw == nil {
		raw = map[string][]string{}
	}
	maps.Copy(raw, o.Config.Raw)
	o.Config.Raw = raw
	if o.State != plan.Running {
		return
	}
	if o.Live == nil {
		o.Live = &plan.Config{}
	}
	live := *o.Live
	live.Memory, live.CPUSet, live.CPUShare = want.Memory, want.CPUSet, want.CPUShare
	live.Gateway = want.Gateway
	o.Live = &live
	o.Addresses = []string{want.IP.String()}
}

// contains reports whether a recorded text of raw settings has a key.
func contains(applied, key string) bool {
	for line := range strings.Lines(applied) {
		if strings.HasPrefix(line, key+"=") {
			return true
		}
	}
	return false
}
