package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// doubt adds warnings that come from the state that the pass began with, not from the tree. They
// stand behind all others, where they are seen.
func (p *Pass) doubt(o *Options, s state.Snapshot) {
	p.Plan.Warnings = slices.Concat(p.Plan.Warnings, p.leftHosts(o, s), p.otherState(o, s))
}

// otherState warns if another state was meant, most likely: what is declared carries the mark of
// another installation, or anything does and this state remembers nothing.
func (p *Pass) otherState(o *Options, s state.Snapshot) []spec.Problem {
	count, first := 0, ""
	for _, host := range p.HostNames() {
		h := p.Tree.Hosts[host]
		for _, c := range p.Observed[host].Containers {
			declared := h.Containers[c.Name] != nil || h.Templates[c.Name] != nil
			if !ofOther(c, host, s.Installation) || len(s.Records) > 0 && !declared {
				continue
			}
			if count++; first == "" {
				first = host + "/" + c.Name
			}
		}
	}
	if count == 0 {
		return nil
	}
	who := first + " carries"
	if count > 1 {
		who = fmt.Sprintf("%s and %d more carry", first, count-1)
	}
	return []spec.Problem{{
		Text: fmt.Sprintf("%s %s, but %s the mark of another installation: "+
			"most likely another state was meant", o.stateName(), whatIsIn(s), who),
		Hint: "name the right one with --state or RECONCILER_STATE; what carries such a mark is " +
			"left alone, but what a run makes with a wrong state is not managed by the right one",
	}}
}

// ofOther reports whether a container is remembered by the state of another installation: it
// carries its mark, and is no copy.
func ofOther(c plan.Observed, host, installation string) bool {
	return c.Mark != nil && c.Mark.Installation != installation &&
		c.Mark.Host == host && c.Mark.Name == c.Name
}

// stateName names the state in a sentence.
func (o *Options) stateName() string {
	if o.StateName == "" {
		return "the state"
	}
	return "the state " + strconv.Quote(o.StateName)
}

func whatIsIn(s state.Snapshot) string {
	switch n := len(s.Records); {
	case s.Installation == "":
		return "does not exist yet"
	case n == 0 && s.Serial == 0:
		return "is new"
	case n == 0:
		return "has no records"
	case n == 1:
		return "has 1 record"
	default:
		return fmt.Sprintf("has %d records", n)
	}
}

// leftHosts tells of the hosts that the state remembers and the tree does not have any more. A pass
// that is limited to others says nothing of them.
func (p *Pass) leftHosts(o *Options, s state.Snapshot) []spec.Problem {
	if len(o.Hosts)+len(o.Only) > 0 {
		return nil
	}
	left := map[string]int{}
	for i := range s.Records {
		if r := &s.Records[i]; p.Tree.Hosts[r.Host] == nil && !r.Template {
			left[r.Host]++
		}
	}
	var out []spec.Problem
	for _, host := range slices.SortedFunc(maps.Keys(left), cmp.Compare) {
		n := left[host]
		out = append(out, spec.Problem{
			Text: fmt.Sprintf("host %q is not in the tree any more: what is remembered of it is left "+
				"alone, and keeps its addresses (containers: %d)", host, n),
			Hint: fmt.Sprintf("to have its containers destroyed, declare targets: {%s: {}} and say "+
				"--allow-destroy %d; if the machine is gone, say state forget %[1]s; if it was renamed, "+
				"keep the old name and declare hosts.%[1]s.connect", host, n),
		})
	}
	return out
}
