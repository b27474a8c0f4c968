package reconcile

import (
	"net/netip"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/state"
)

// withoutRobbers blocks every container that would take an address or MAC which its owner was to
// give up in this pass, but does not, since its steps are blocked, held or outside the filter. The
// store would refuse it.
func withoutRobbers(p plan.Plan, records []state.Record) plan.Plan {
	if p.Empty() {
		return p
	}
	stored := ownersOf(records)
	for {
		blocked, found := stored.robbed(p)
		if !found {
			return p
		}
		p = p.Without(blocked)
	}
}

// owners finds who has a value in the store.
type owners struct {
	ips  map[networkIP]*state.Record
	macs map[string]*state.Record
}

type networkIP struct {
	network string
	ip      netip.Addr
}

func ownersOf(records []state.Record) owners {
	o := owners{ips: map[networkIP]*state.Record{}, macs: map[string]*state.Record{}}
	for i := range records {
		r := &records[i]
		if r.IP.IsValid() {
			o.ips[networkIP{r.Network, r.IP}] = r
		}
		if r.MAC != "" {
			o.macs[r.MAC] = r
		}
	}
	return o
}

// robbed finds the first container of a plan that would take what another one keeps.
func (o owners) robbed(p plan.Plan) (plan.Blocked, bool) {
	next := claimsOf(p)
	for i := range p.Steps {
		s := &p.Steps[i]
		if next[resolve.Key{Host: s.Host, Name: s.Container}] != s.Want || s.Want == nil {
			continue
		}
		claim := claimed(s.Want)
		at := networkIP{claim.Network, claim.IP}
		if r := o.ips[at]; r != nil && !own(r, s) && keptBy(r, next).IP == r.IP &&
			keptBy(r, next).Network == r.Network {
			return takenFrom(*s, &state.TakenError{What: "ip", Value: r.IP.String(),
				Network: r.Network, Host: r.Host, Name: r.Name}), true
		}
		if r := o.macs[claim.MAC]; r != nil && !own(r, s) && keptBy(r, next).MAC == r.MAC {
			return takenFrom(*s, &state.TakenError{What: "mac", Value: r.MAC,
				Host: r.Host, Name: r.Name}), true
		}
	}
	return plan.Blocked{}, false
}

func own(r *state.Record, s *plan.Step) bool { return r.Host == s.Host && r.Name == s.Container }

// keptBy returns what the owner of a record has after the pass began.
func keptBy(r *state.Record, next map[resolve.Key]*plan.Desired) state.Record {
	if want := next[resolve.Key{Host: r.Host, Name: r.Name}]; want != nil {
		return claimed(want)
	}
	return *r
}

// takenFrom is the block of a container that would take what another one keeps.
func takenFrom(s plan.Step, taken *state.TakenError) plan.Blocked {
	return plan.Blocked{
		Host: s.Host, Container: s.Container, Action: s.Action, Position: s.Position,
		Code: plan.BlockedAddress, Text: taken.Error() + ", which keeps it for now", Failed: true,
	}
}

// claimsOf returns what is wanted of each container that is worked on.
func claimsOf(p plan.Plan) map[resolve.Key]*plan.Desired {
	next := map[resolve.Key]*plan.Desired{}
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Want != nil && touchesHost(s.Action) {
			next[resolve.Key{Host: s.Host, Name: s.Container}] = s.Want
		}
	}
	return next
}

// claimed is the part of a record that no other may have.
func claimed(d *plan.Desired) state.Record {
	if d.Template {
		return state.Record{}
	}
	r := state.Record{IP: d.IP, MAC: d.MAC}
	if d.Network != nil {
		r.Network = d.Network.Name
	}
	return r
}
