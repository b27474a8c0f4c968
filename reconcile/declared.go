package reconcile

import (
	"fmt"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// What stands in a declared plan for what only an installation knows.
const (
	declaredBy    = "declared"
	generatedText = "generated"
	samePassword  = "same"
	otherPassword = "other"
)

// PlanDeclared plans the change from one tree to another, as if everything that base declares had
// been carried out on hosts that have all bridges, images and sources of clones which the trees
// name. Of Options only Hosts, Only and Allow are used; nothing but the trees is looked at. A value
// that base leaves to be generated shows as "generated", one that now leaves to be generated is
// unknown. Windows and suspensions do not count: they say when something is done, not what.
func PlanDeclared(base, now Declaration, o Options) (Pass, error) {
	p := Pass{Declaration: now, Knowledge: report.KnowDeclared, Base: base.Revision}
	d := declared{base: base.Tree, now: now.Tree,
		fleet: &fleet{actual: map[string]plan.Actual{}}}
	if err := d.converge(); err != nil {
		return p, err
	}
	if err := o.checkFilters(now.Tree, d.state); err != nil {
		return p, err
	}
	for _, h := range o.hosts(now.Tree) {
		d.fleet.actual[h.Name] = d.actual(h)
	}
	resolved, err := resolve.Preview(resolveInput(now.Tree, d.fleet, d.state), nil)
	if err != nil {
		return p, fmt.Errorf("cannot complete the tree: %w", err)
	}
	for host, list := range resolved.Desired {
		for i := range list {
			d.complete(host, &list[i])
		}
	}
	in := o.planInput(now.Tree, d.fleet, d.state, resolved)
	in.Warnings = slices.Concat(in.Warnings, newWays(base.Tree, o.hosts(now.Tree)))
	p.Plan = withoutRobbers(plan.Compute(in), d.state.Records)
	p.Observed = d.fleet.actual
	d.mask(&p.Plan)
	return p, nil
}

// declared is the work of one PlanDeclared.
type declared struct {
	base, now *spec.Tree
	fleet     *fleet
	state     state.Snapshot                // as it would be if base were carried out
	worlds    map[string]plan.HostInput     // by host, the same
	made      map[resolve.Key]*plan.Desired // what base would have made
	recorded  map[resolve.Key]*state.Record // of it
}

// actual returns a host as base left it, with the sources that only now names.
func (d *declared) actual(h *spec.Host) plan.Actual {
	a := d.worlds[h.Name].Actual
	a.Host, a.Known, a.Bridges = h.Name, true, d.bridges(h.Name)
	for _, o := range sources(h) {
		there := func(c plan.Observed) bool { return c.Name == o.Name }
		if !slices.ContainsFunc(a.Containers, there) {
			a.Containers = append(slices.Clip(a.Containers), o)
		}
	}
	a.Containers = slices.DeleteFunc(slices.Clone(a.Containers), func(o plan.Observed) bool {
		return o.Mark == nil && (h.Containers[o.Name] != nil || h.Templates[o.Name] != nil)
	})
	return a
}

// complete says of a container what is not known of it, and whether its password changes.
func (d *declared) complete(host string, want *plan.Desired) {
	if want.Template {
		return
	}
	key := resolve.Key{Host: host, Name: want.Name}
	rec := d.recorded[key]
	if slices.Contains(want.Generated, resolve.KeyIP) && (rec == nil || rec.IP != want.IP) {
		want.Unknown = append(slices.Clone(want.Unknown), resolve.KeyIP)
		slices.Sort(want.Unknown)
	}
	if rec == nil {
		return
	}
	before, after := d.base.Hosts[host].Containers[want.Name], d.now.Hosts[host].Containers[want.Name]
	if before != nil && changesPassword(before.Password, after.Password) {
		want.PasswordTag = otherPassword
	}
}

func changesPassword(before, after spec.Secret) bool {
	return !after.IsZero() && !after.Unknown() && before != after
}

// mask takes out of a plan what was made up for it.
func (d *declared) mask(p *plan.Plan) {
	for i := range p.Steps {
		s := &p.Steps[i]
		s.UID = ""
		d.maskChanges(s.Host, s.Container, s.Changes)
	}
	for i := range p.Held {
		h := &p.Held[i]
		d.maskChanges(h.Host, h.Container, h.Changes)
	}
	p.Unmanaged = []plan.Unmanaged{}
}

func (d *declared) maskChanges(host, container string, changes []plan.Change) {
	before := d.made[resolve.Key{Host: host, Name: container}]
	for i := range changes {
		c := &changes[i]
		if before == nil || !slices.Contains(before.Generated, c.Field) {
			continue
		}
		if c.Old != "" {
			c.Old = generatedText
		}
		if c.Generated && c.New != "" {
			c.New = generatedText // it keeps what it has
		}
	}
}
