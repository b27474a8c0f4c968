package resolve

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// foreign is a container that uses an address and is not ours.
type foreign struct{ host, name string }

// index collects who claims what: the tree (also of hosts that are not in this pass), the records
// and the observed containers.
func (r *run) index() {
	r.records = make(map[Key]*state.Record, len(r.in.State.Records))
	r.pools = make(map[string]*pool, len(r.in.Tree.Networks))
	r.macs = map[string]*spec.Container{}
	r.macOwner = map[string]*state.Record{}
	for _, n := range r.in.Tree.Networks {
		r.addPool(n)
	}
	for _, h := range r.in.Tree.Hosts {
		for _, c := range h.Containers {
			r.indexDeclared(c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.pools)) {
		r.poolList = append(r.poolList, r.pools[name])
	}
	for i := range r.in.State.Records {
		rec := &r.in.State.Records[i]
		r.records[Key{rec.Host, rec.Name}] = rec
		r.indexRecorded(rec)
		if r.macs[rec.MAC] != nil {
			r.macOwner[rec.MAC] = rec
		}
	}
	for _, host := range slices.Sorted(maps.Keys(r.in.Observed)) {
		r.indexObserved(host, r.in.Observed[host].Containers)
	}
}

func (r *run) addPool(n *spec.Network) *pool {
	p := r.pools[n.Name]
	if p == nil {
		p = newPool(n)
		r.pools[n.Name] = p
	}
	return p
}

// indexDeclared notes what the tree gives to c. Should two containers declare the same, the first
// by host and name has it, so that the order of a map does not decide.
func (r *run) indexDeclared(c *spec.Container) {
	if c.MAC != "" {
		if other := r.macs[c.MAC]; other == nil || before(c, other) {
			r.macs[c.MAC] = c
		}
	}
	if c.Network == nil {
		return
	}
	p := r.addPool(c.Network)
	if c.IP.IsValid() {
		claim := p.claims[c.IP]
		if claim.declared == nil || before(c, claim.declared) {
			claim.declared = c
			p.claims[c.IP] = claim
		}
	}
	if c.Gateway.IsValid() && c.Gateway != p.net.Gateway {
		p.take(c.Gateway)
	}
}

// take keeps an address from being generated.
func (p *pool) take(a netip.Addr) {
	if _, known := p.claims[a]; !known {
		p.claims[a] = claim{}
	}
}

func before(a, b *spec.Container) bool {
	if a.Host != b.Host {
		return a.Host < b.Host
	}
	return a.Name < b.Name
}

// indexRecorded notes the address of a record. The record of a network that the tree does not
// have (renamed, or no longer declared) counts wherever its address lies.
func (r *run) indexRecorded(rec *state.Record) {
	if !rec.IP.IsValid() {
		return
	}
	if p := r.pools[rec.Network]; p != nil {
		p.record(rec)
		return
	}
	for _, p := range r.poolList {
		if p.net.CIDR.Contains(rec.IP) {
			p.record(rec)
		}
	}
}

func (p *pool) record(rec *state.Record) {
	claim := p.claims[rec.IP]
	// The record that names this very network goes before one that only lies in it.
	if claim.recorded == nil ||
		claim.recorded.Network != p.net.Name && rec.Network == p.net.Name {
		claim.recorded = rec
		p.claims[rec.IP] = claim
	}
}

// indexObserved notes every address that a container of the host uses or is configured for.
func (r *run) indexObserved(host string, containers []plan.Observed) {
	pools := r.poolsOf(host)
	for i := range containers {
		o := &containers[i]
		var who int32
		if !r.ours(host, o) {
			r.foreign = append(r.foreign, foreign{host, o.Name})
			who = int32(len(r.foreign))
		}
		r.observe(pools, o.Config.Address.Addr(), who)
		for _, text := range o.Addresses {
			a, err := netip.ParseAddr(text)
			if err == nil && !a.IsLinkLocalUnicast() && !a.IsLoopback() {
				r.observe(pools, a, who)
			}
		}
	}
}

// poolsOf returns the networks that the containers of a host are on.
func (r *run) poolsOf(host string) []*pool {
	h := r.in.Tree.Hosts[host]
	if h == nil {
		return nil
	}
	var pools []*pool
	for _, c := range h.Containers {
		if c.Network == nil {
			continue
		}
		if p := r.pools[c.Network.Name]; !slices.Contains(pools, p) {
			pools = append(pools, p)
		}
	}
	return pools
}

// observe notes an address in the networks of its host, for each host may have a private segment
// with the same addresses. Only an address that fits none of them counts everywhere.
func (r *run) observe(pools []*pool, a netip.Addr, who int32) {
	if !a.IsValid() {
		return
	}
	found := false
	for _, p := range pools {
		if p.net.CIDR.Contains(a) {
			found = true
			p.observe(a, who)
		}
	}
	if found {
		return
	}
	for _, p := range r.poolList {
		if p.net.CIDR.Contains(a) {
			p.observe(a, who)
		}
	}
}

func (p *pool) observe(a netip.Addr, who int32) {
	claim, known := p.claims[a]
	if known && (who == 0 || claim.foreign != 0) {
		return
	}
	claim.foreign = who
	p.claims[a] = claim
}

// ours reports whether both witnesses, mark and record, say that we made the container.
func (r *run) ours(host string, o *plan.Observed) bool {
	rec := r.records[Key{host, o.Name}]
	m := o.Mark
	return rec != nil && m != nil && m.UID == rec.UID && m.Host == host && m.Name == o.Name &&
		m.Installation == r.in.State.Installation
}

// usedMAC returns every MAC that anybody has. Only a run that generates one needs it.
func (r *run) usedMAC() map[string]bool {
	used := make(map[string]bool, len(r.macs)+len(r.in.State.Records))
	for mac := range r.macs {
		used[mac] = true
	}
	for i := range r.in.State.Records {
		used[r.in.State.Records[i].MAC] = true
	}
	for _, actual := range r.in.Observed {
		for i := range actual.Containers {
			used[strings.ToLower(actual.Containers[i].Config.MAC)] = true
		}
	}
	return used
}
