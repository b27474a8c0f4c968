package reconcile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// converge computes the hosts and the state as they would be after base was carried out.
func (d *declared) converge() error {
	observed := map[string]plan.Actual{}
	in := plan.Input{Installation: declaredBy}
	hosts := (&Options{}).hosts(d.base)
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	resolved, err := d.resolveBase(names)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		list := resolved.Desired[h.Name]
		for i := range list {
			give(&list[i])
		}
		observed[h.Name] = plan.Actual{Host: h.Name, Known: true,
			Bridges: d.bridges(h.Name), Containers: sources(h)}
		in.Hosts = append(in.Hosts, plan.HostInput{Host: h.Name, Desired: list,
			Actual: observed[h.Name], Problems: resolved.Problems[h.Name]})
	}
	d.worlds = map[string]plan.HostInput{}
	for _, w := range plan.Converged(in) {
		d.worlds[w.Host] = w
	}
	d.record(resolved)
	return nil
}

// resolveBase completes base. As long as there are others, it generates no address that now
// declares: the run that carried base out generated another one, so the conflict would exist only
// here.
func (d *declared) resolveBase(hosts []string) (resolve.Result, error) {
	in := resolve.Input{Tree: d.base, Hosts: hosts}
	free, err := resolve.Preview(in, nil)
	if err != nil {
		return free, fmt.Errorf("cannot complete the tree that it is compared with: %w", err)
	}
	in.Observed = d.reserved()
	apart, err := resolve.Preview(in, nil)
	if err != nil || problems(apart) > problems(free) {
		return free, err
	}
	return apart, nil
}

func problems(r resolve.Result) (n int) {
	for _, list := range r.Problems {
		n += len(list)
	}
	return n
}

// reserved returns a made-up host that uses the addresses which only now declares.
func (d *declared) reserved() map[string]plan.Actual {
	before := map[netip.Addr]bool{}
	for _, h := range d.base.Hosts {
		for _, c := range h.Containers {
			before[c.IP] = true
		}
	}
	var used []string
	for _, h := range d.now.Hosts {
		for _, c := range h.Containers {
			if c.IP.IsValid() && !before[c.IP] {
				used = append(used, c.IP.String())
			}
		}
	}
	slices.Sort(used)
	return map[string]plan.Actual{"": {Containers: []plan.Observed{{Name: "-", Addresses: used}}}}
}

// give fills in what a run would have generated.
func give(d *plan.Desired) {
	d.UID = d.Host + "/" + d.Name
	d.Unknown = nil
	if d.Template {
		return
	}
	if d.PasswordTag != "" {
		d.PasswordTag = samePassword
	}
	if d.MAC == "" {
		d.MAC = d.UID // no container declares this
	}
}

// bridges returns all that the trees name for a host, sorted.
func (d *declared) bridges(host string) []string {
	var names []string
	for _, t := range []*spec.Tree{d.base, d.now} {
		if h := t.Hosts[host]; h != nil {
			for _, c := range h.Containers {
				names = append(names, c.Bridge)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sources returns containers for the names that others are cloned from and that nobody declares:
// somebody made them by hand.
func sources(h *spec.Host) []plan.Observed {
	var list []plan.Observed
	for _, group := range []map[string]*spec.Container{h.Containers, h.Templates} {
		for _, c := range group {
			from := c.FromContainer
			there := func(o plan.Observed) bool { return o.Name == from }
			if from != "" && h.Containers[from] == nil && h.Templates[from] == nil &&
				!slices.ContainsFunc(list, there) {
				list = append(list, plan.Observed{Name: from, State: plan.Stopped})
			}
		}
	}
	return list
}

// record writes down what base would have made.
func (d *declared) record(r resolve.Result) {
	d.state = state.Snapshot{Installation: declaredBy}
	d.made = map[resolve.Key]*plan.Desired{}
	for host, list := range r.Desired {
		for i := range list {
			d.made[resolve.Key{Host: host, Name: list[i].Name}] = &list[i]
		}
	}
	for _, h := range (&Options{}).hosts(d.base) {
		for _, w := range d.worlds[h.Name].Owned {
			want := d.made[resolve.Key{Host: w.Host, Name: w.Name}]
			rec := state.Record{UID: w.UID, Host: w.Host, Name: w.Name, Template: w.Template,
				Protect: w.Protect, Applied: w.Applied}
			if !w.Template {
				rec.IP, rec.MAC = want.IP, want.MAC
				if want.Network != nil {
					rec.Network = want.Network.Name
				}
			}
			d.state.Records = append(d.state.Records, rec)
		}
	}
	slices.SortFunc(d.state.Records, func(a, b state.Record) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name))
	})
	d.recorded = make(map[resolve.Key]*state.Record, len(d.state.Records))
	for i := range d.state.Records {
		rec := &d.state.Records[i]
		d.recorded[resolve.Key{Host: rec.Host, Name: rec.Name}] = rec
	}
}
