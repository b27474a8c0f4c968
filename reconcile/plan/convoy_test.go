package plan_test

import (
	"fmt"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// convoy is an input of the hosts h1, h2 … in group web, each with a container web as declared.
type convoy struct{ plan.Input }

func newConvoy(hosts int, g spec.Group) *convoy {
	f := &convoy{}
	f.Installation = installation
	g.Name = "web"
	for i := range hosts {
		name := fmt.Sprintf("h%d", i+1)
		h := plan.HostInput{Host: name, Actual: plan.Actual{Host: name, Bridges: []string{"br0"}}}
		f.Hosts = append(f.Hosts, h)
		g.Hosts = append(g.Hosts, name)
		f.has(i+1, template("base"), declare("web"))
	}
	f.Groups = []spec.Group{g}
	return f
}

// has adds containers that are as declared to a host.
func (f *convoy) has(host int, all ...plan.Desired) *convoy {
	h := &f.Hosts[host-1]
	for _, d := range all {
		d.Host = h.Host
		h.Desired = append(h.Desired, d)
		h.Owned = append(h.Owned, record(d))
		h.Actual.Containers = append(h.Actual.Containers, observe(d))
	}
	return f
}

// wants adds containers that do not exist.
func (f *convoy) wants(host int, all ...plan.Desired) *convoy {
	for _, d := range all {
		d.Host = f.Hosts[host-1].Host
		f.Hosts[host-1].Desired = append(f.Hosts[host-1].Desired, d)
	}
	return f
}

// change declares more memory for container web of some hosts; none stands for all.
func (f *convoy) change(hosts ...int) *convoy {
	for i := range f.Hosts {
		if len(hosts) == 0 || slices.Contains(hosts, i+1) {
			f.desired(i+1, "web").Memory = 1 << 30
		}
	}
	return f
}

func (f *convoy) desired(host int, name string) *plan.Desired {
	list := f.Hosts[host-1].Desired
	return &list[slices.IndexFunc(list, func(d plan.Desired) bool { return d.Name == name })]
}

func (f *convoy) owned(host int, name string) *plan.Owned {
	list := f.Hosts[host-1].Owned
	return &list[slices.IndexFunc(list, func(o plan.Owned) bool { return o.Name == name })]
}

func (f *convoy) observed(host int, name string) *plan.Observed {
	list := f.Hosts[host-1].Actual.Containers
	return &list[slices.IndexFunc(list, func(o plan.Observed) bool { return o.Name == name })]
}

// failed records that the last work on web failed.
func (f *convoy) failed(hosts ...int) *convoy {
	for _, h := range hosts {
		f.owned(h, "web").Failure = "no address"
	}
	return f
}

// died stops container web behind the back of the declaration.
func (f *convoy) died(host int) *convoy {
	stop(f.observed(host, "web"))
	return f
}

func (f *convoy) hold(host int, code string) *convoy {
	f.Holds = append(f.Holds, plan.Hold{Host: f.Hosts[host-1].Host, Container: "web", Code: code,
		Text: "it waits"})
	return f
}

// unreachable takes hosts away.
func (f *convoy) unreachable(hosts ...int) *convoy {
	slices.Sort(hosts)
	for _, h := range slices.Backward(hosts) {
		f.Unreachable = append(f.Unreachable, plan.Unreachable{Host: f.Hosts[h-1].Host, Text: "no route"})
		f.Hosts = slices.Delete(f.Hosts, h-1, h)
	}
	return f
}

// rollouts renders what waits for whom, beside the steps: a step that waits has the group in
// brackets.
//
//	web: canary h1 | rest h2 h3; failed h4; stopped: why
func rollouts(p plan.Plan) string {
	var b strings.Builder
	for _, it := range p.Containers() {
		fmt.Fprintf(&b, "%s/%s:", it.Host, it.Container)
		for _, s := range it.Steps {
			b.WriteString(" " + string(s.Action))
		}
		if g := it.Steps[0].Rollout; g != "" {
			b.WriteString(" [" + g + "]")
		}
		b.WriteString("\n")
	}
	for _, h := range p.Held {
		fmt.Fprintf(&b, "%s/%s= %s\n", h.Host, h.Container, h.Code)
	}
	for _, r := range p.Rollouts {
		var parts []string
		for _, w := range r.Waves {
			parts = append(parts, string(w.Kind)+" "+strings.Join(w.Hosts, " "))
		}
		b.WriteString(r.Group + ": " + strings.Join(parts, " | "))
		for _, x := range r.Failed {
			b.WriteString("; failed " + x.Host)
		}
		if r.Stopped != "" {
			b.WriteString("; stopped: " + r.Stopped)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// configured is the lines of hosts whose container web is changed in turn.
func configured(hosts ...string) string {
	var b strings.Builder
	for _, h := range hosts {
		b.WriteString(h + "/web: configure [web]\n")
	}
	return b.String()
}
