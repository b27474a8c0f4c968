package metrics

import (
	"slices"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// containers is a set of containers.
type containers map[[2]string]bool // by host and name

func (c containers) add(host, container string) { c[[2]string{host, container}] = true }

// drifted counts the containers that differ though no declaration changed, those that are left
// alone for now included.
func drifted(p plan.Plan) int {
	found := containers{}
	for i := range p.Steps {
		s := &p.Steps[i]
		switch s.Reason.Code {
		case plan.Drift, plan.Missing, plan.NotRunning:
			found.add(s.Host, s.Container)
		}
		if slices.ContainsFunc(s.Changes, isDrift) {
			found.add(s.Host, s.Container)
		}
	}
	for _, h := range p.Held {
		if h.Code == plan.HeldDrift || slices.ContainsFunc(h.Changes, isDrift) {
			found.add(h.Host, h.Container)
		}
	}
	return len(found)
}

func isDrift(c plan.Change) bool { return c.Drift }

// orphans counts the containers that are ours and not declared, whether they go, are held or are
// blocked. What has vanished from its host is none.
func orphans(p reconcile.Pass) int {
	found := containers{}
	for i := range p.Plan.Steps {
		s := &p.Plan.Steps[i]
		if s.Reason.Code == plan.Undeclared && s.Action != plan.Forget {
			found.add(s.Host, s.Container)
		}
	}
	for _, h := range p.Plan.Held {
		if h.Kind == plan.KindDestroy && !declares(p.Tree, h.Host, h.Container) {
			found.add(h.Host, h.Container)
		}
	}
	for _, b := range p.Plan.Blocked {
		if b.Action == plan.Destroy && !declares(p.Tree, b.Host, b.Container) {
			found.add(b.Host, b.Container)
		}
	}
	return len(found)
}

func declares(t *spec.Tree, host, container string) bool {
	if t == nil || t.Hosts[host] == nil {
		return false
	}
	return t.Hosts[host].Containers[container] != nil
}

// blocked counts the containers of which something is blocked.
func blocked(p plan.Plan) int {
	found := containers{}
	for _, b := range p.Blocked {
		found.add(b.Host, b.Container)
	}
	return len(found)
}

// held counts the containers that are left alone by code. Every code is there.
func held(p plan.Plan) map[string]int {
	counts := map[string]int{
		plan.HeldSuspended: 0, plan.HeldWindow: 0, plan.HeldBackoff: 0, plan.HeldBusy: 0,
		plan.HeldNeeds: 0, plan.HeldRollout: 0, plan.HeldDrift: 0,
	}
	for _, h := range p.Held {
		counts[h.Code]++
	}
	return counts
}
