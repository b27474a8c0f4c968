package resolve

import (
	"fmt"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// address fills d.IP in. It answers false if c is blocked.
func (r *run) address(c *spec.Container, rec *state.Record, d *plan.Desired) bool {
	if _, blocked := r.blocked[keyOf(c)]; blocked {
		return false
	}
	if c.Network == nil {
		return true
	}
	p := r.pools[c.Network.Name]
	if c.IP.IsValid() {
		return r.declaredAddress(p, c, rec)
	}
	if rec != nil && p.usable(rec.IP) && p.claims[rec.IP].recorded == rec {
		d.IP = rec.IP
		return true
	}
	ip, ok := p.free()
	if !ok {
		r.block(c, fmt.Sprintf("network %s has no free address left in %s-%s",
			p.net.Name, p.net.First, p.net.Last),
			"widen the range of the network, or remove containers from it")
		return false
	}
	d.IP = ip
	return true
}

// declaredAddress checks that nobody else has the address that c declares.
func (r *run) declaredAddress(p *pool, c *spec.Container, rec *state.Record) bool {
	claim := p.claims[c.IP]
	if claim.declared != c {
		r.block(c, fmt.Sprintf("%s is declared for %s too", c.IP, keyOf(claim.declared)),
			"declare another ip for one of them")
		return false
	}
	if o := claim.recorded; o != nil && o != rec {
		moves := func(oc *spec.Container) bool { return !p.keeps(oc, o) }
		if why, unblock := r.held(o, KeyIP, moves); why != "" {
			r.block(c, fmt.Sprintf("%s belongs to %s/%s, %s", c.IP, o.Host, o.Name, why), unblock)
			return false
		}
	}
	// Who has the address in the store stays its owner: a copy of the container, made by
	// hand, carries the same address and must not stop us.
	if claim.foreign == 0 || rec != nil && rec.IP == c.IP {
		return true
	}
	f := r.foreign[claim.foreign-1]
	if f.host == c.Host && f.name == c.Name {
		return true
	}
	r.block(c, fmt.Sprintf("%s is used by %s/%s, which is not managed", c.IP, f.host, f.name),
		"declare another ip, or take the address from that container")
	return false
}

// keeps reports whether the container oc, whose record o has an address of p, will still have it
// after this pass. The address is one that a container can have, for another declares it.
func (p *pool) keeps(oc *spec.Container, o *state.Record) bool {
	if oc.Network == nil || oc.Network.Name != p.net.Name {
		return false
	}
	return !oc.IP.IsValid() || oc.IP == o.IP
}

// macIsOurs checks that nobody else has the MAC that c declares. It answers false if c is blocked.
func (r *run) macIsOurs(c *spec.Container) bool {
	if c.MAC == "" {
		return true
	}
	if other := r.macs[c.MAC]; other != c {
		r.block(c, fmt.Sprintf("mac %s is declared for %s too", c.MAC, keyOf(other)),
			"declare another mac for one of them")
		return false
	}
	o := r.macOwner[c.MAC]
	if o == nil || o.Host == c.Host && o.Name == c.Name {
		return true
	}
	moves := func(oc *spec.Container) bool { return oc.MAC != "" && oc.MAC != o.MAC }
	why, unblock := r.held(o, KeyMAC, moves)
	if why == "" {
		return true
	}
	r.block(c, fmt.Sprintf("mac %s belongs to %s/%s, %s", c.MAC, o.Host, o.Name, why), unblock)
	return false
}

// held says why the owner of a recorded value keeps it in this pass, and what to do about it. An
// empty text means that it gives the value up.
func (r *run) held(
	o *state.Record, what string, moves func(*spec.Container) bool,
) (why, unblock string) {
	var oc *spec.Container
	if h := r.in.Tree.Hosts[o.Host]; h != nil {
		oc = h.Containers[o.Name]
	}
	owner := o.Host + "/" + o.Name
	switch {
	case oc == nil:
		return "which is not declared any more",
			fmt.Sprintf("declare another %s, or run again once %s has been destroyed", what, owner)
	case !moves(oc):
		return "which keeps it",
			fmt.Sprintf("declare another %s here, or another one for %s", what, owner)
	case !r.inPass[o.Host]:
		return "whose host is not part of this run",
			fmt.Sprintf("run again together with host %s, which moves it away", o.Host)
	}
	return "", ""
}

// block leaves c out and, with it, whoever counts on an address or MAC that c would have given up.
func (r *run) block(c *spec.Container, text, unblock string) {
	key := keyOf(c)
	if _, done := r.blocked[key]; done {
		return
	}
	rec := r.records[key]
	r.blocked[key] = plan.Blocked{
		Host: c.Host, Container: c.Name, Action: firstAction(c, rec), Position: c.Position,
		Code: plan.BlockedAddress, Text: text, Unblock: unblock, Failed: true,
	}
	if rec == nil {
		return
	}
	if p := r.pools[rec.Network]; p != nil && rec.IP.IsValid() {
		r.blockHeir(p.claims[rec.IP].declared, c, rec.IP.String())
	}
	if rec.MAC != "" {
		r.blockHeir(r.macs[rec.MAC], c, "mac "+rec.MAC)
	}
}

// blockHeir blocks the container that declares what the blocked owner still has.
func (r *run) blockHeir(heir, owner *spec.Container, what string) {
	if heir == nil || heir == owner || !r.inPass[heir.Host] {
		return
	}
	r.block(heir, fmt.Sprintf("%s belongs to %s, which cannot give it up", what, keyOf(owner)),
		fmt.Sprintf("mend %s first", keyOf(owner)))
}

// firstAction is what would have been done first to a container.
func firstAction(c *spec.Container, rec *state.Record) plan.Action {
	switch {
	case rec != nil:
		return plan.Configure
	case c.FromContainer != "":
		return plan.Clone
	default:
		return plan.Create
	}
}

// dropBlocked takes the blocked containers out of the result and lists their problems.
func (r *run) dropBlocked() {
	for key, b := range r.blocked {
		r.result.Problems[key.Host] = append(r.result.Problems[key.Host], b)
		delete(r.result.Records, key)
	}
	for host, problems := range r.result.Problems {
		slices.SortFunc(problems, func(a, b plan.Blocked) int {
			return strings.Compare(a.Container, b.Container)
		})
		list := r.result.Desired[host]
		r.result.Desired[host] = slices.DeleteFunc(list, func(d plan.Desired) bool {
			_, blocked := r.blocked[Key{host, d.Name}]
			return blocked
		})
	}
}

func keyOf(c *spec.Container) Key { return Key{c.Host, c.Name} }
