package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Converged returns the hosts of in as they are once the plan for them was carried out without a
// failure: with what it makes in Actual.Containers, and the records of that in Owned. The hosts
// have nothing of ours before. What a template script brings along is not known, so it is not
// there. The result has neither Desired nor Problems, and is sorted by host.
func Converged(in Input) []HostInput {
	p := Compute(in)
	out := make([]HostInput, 0, len(in.Hosts))
	for _, h := range in.Hosts {
		made := HostInput{Host: h.Host, Actual: h.Actual}
		made.Actual.Containers = slices.Clone(h.Actual.Containers)
		out = append(out, made)
	}
	slices.SortFunc(out, func(a, b HostInput) int { return strings.Compare(a.Host, b.Host) })
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Action != Create && s.Action != Clone {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, s.Host, func(h HostInput, host string) int {
			return strings.Compare(h.Host, host)
		})
		out[at].make(in.Installation, s.Want)
	}
	for i := range out {
		slices.SortFunc(out[i].Actual.Containers, func(a, b Observed) int {
			return strings.Compare(a.Name, b.Name)
		})
	}
	return out
}

// make adds one container, and its record.
func (h *HostInput) make(installation string, d *Desired) {
	h.Owned = append(h.Owned, Owned{UID: d.UID, Host: h.Host, Name: d.Name, Template: d.Template,
		Protect: protected(&item{want: d}), Applied: d.Applied()})
	o := Observed{Name: d.Name, State: Stopped, Backing: d.Backing,
		Mark:   &Mark{Installation: installation, Host: h.Host, Name: d.Name, UID: d.UID},
		Config: Config{Hostname: d.Name}}
	from := slices.IndexFunc(h.Actual.Containers, func(o Observed) bool {
		return o.Name == d.FromContainer
	})
	if from >= 0 {
		source := &h.Actual.Containers[from]
		o.Config.Raw = source.Config.Raw
		if d.Backing == "overlayfs" {
			o.Lower = cmp.Or(source.Lower, source.Name)
		}
	}
	if !d.Template {
		o.configure(d)
	}
	h.Actual.Containers = append(h.Actual.Containers, o)
}

// configure sets a new container up: what its source brought along stays unless it is to be unset.
func (o *Observed) configure(d *Desired) {
	brought := o.Config.Raw
	o.Config = d.config()
	raw := make(map[string][]string, len(brought)+len(o.Config.Raw))
	maps.Copy(raw, brought)
	for _, key := range unsetKeys(d, raw) {
		delete(raw, key)
	}
	for key, values := range o.Config.Raw {
		raw[key] = slices.Concat(raw[key], values)
	}
	o.Config.Raw = raw
	if !d.Running {
		return
	}
	o.State, o.Live = Running, new(o.Config)
	if d.IP.IsValid() {
		o.Addresses = []string{d.IP.String()}
	}
}
