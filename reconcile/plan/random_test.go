package plan_test

import (
	"net/netip"
	"slices"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// names are few, so that declarations, records and containers meet often.
var names = []string{"a", "b", "c", "d", "e", "f", "g"}

// randomInput draws two hosts in every state that people and crashes can leave behind.
func randomInput(t *rapid.T) plan.Input {
	in := plan.Input{Installation: installation}
	for _, h := range []string{"h", "i"} {
		in.Hosts = append(in.Hosts, randomHost(t, h))
	}
	if rapid.Bool().Draw(t, "allow") {
		in.Allow = append(in.Allow,
			plan.Allowance{Host: "h", Container: rapid.SampledFrom(names).Draw(t, "allowed")},
			plan.Allowance{Count: rapid.IntRange(0, 4).Draw(t, "count")})
	}
	if rapid.Bool().Draw(t, "held") {
		in.Holds = randomHolds(t)
	}
	return in
}

// randomHolds draws holds of containers, templates, names that nobody has, and whole hosts.
func randomHolds(t *rapid.T) []plan.Hold {
	held := append([]string{"base", "gold", "nobody"}, names...)
	if rapid.IntRange(0, 9).Draw(t, "wide") == 0 {
		held = append(held, "")
	}
	var holds []plan.Hold
	for range rapid.IntRange(1, 4).Draw(t, "holds") {
		code := rapid.SampledFrom([]string{plan.HeldWindow, plan.HeldBackoff, plan.HeldSuspended})
		holds = append(holds, plan.Hold{Host: rapid.SampledFrom([]string{"h", "i", ""}).Draw(t, "host"),
			Container: rapid.SampledFrom(held).Draw(t, "name"), Code: code.Draw(t, "code"), Text: "waits"})
	}
	return holds
}

func randomHost(t *rapid.T, name string) plan.HostInput {
	h := plan.HostInput{Host: name,
		Actual: plan.Actual{Host: name, Bridges: []string{"br0", "br1"}}}
	for _, n := range []string{"base", "gold"} {
		randomPlace(t, &h, template(n), template(n))
	}
	for _, n := range names {
		randomPlace(t, &h, randomContainer(t, n), randomContainer(t, n))
	}
	randomAbilities(t, &h)
	return h
}

// randomAbilities draws what is known of a host, and what it is to be prepared with.
func randomAbilities(t *rapid.T, h *plan.HostInput) {
	if rapid.Bool().Draw(t, "facts") {
		h.Facts = &plan.Facts{LXC: rapid.SampledFrom([]string{"", "5.0.2", "6.0.4"}).Draw(t, "lxc"),
			Memory: rapid.SampledFrom([]int64{0, 512 << 20, 4 << 30}).Draw(t, "memory")}
	}
	if !rapid.Bool().Draw(t, "prepare") {
		return
	}
	h.Prepare = &plan.Preparing{Drift: rapid.SampledFrom([]spec.Drift{spec.DriftCorrect,
		spec.DriftCorrect, spec.DriftReport, spec.DriftIgnore}).Draw(t, "host drift")}
	h.Prepare.Want.Bridges = []spec.PreparedBridge{{Name: "br9"}}
	for _, what := range []string{"package lxc", "bridge br9", "sysctl net.ipv4.ip_forward"} {
		if rapid.Bool().Draw(t, what) {
			h.Prepare.Changes = append(h.Prepare.Changes, plan.HostChange{What: what, New: "1"})
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "host window") == 0 {
		h.Prepare.Hold = &plan.Hold{Code: plan.HeldWindow, Text: "opens at 22:00"}
	}
}

// randomContainer draws a declaration, mostly a usual one.
func randomContainer(t *rapid.T, name string) plan.Desired {
	d := declare(name)
	edits := map[string]edit{
		"memory": memory(1 << 30), "mac": func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" },
		"ip":       func(d *plan.Desired) { d.IP = d.IP.Next() },
		"bridge":   func(d *plan.Desired) { d.Bridge = "br1" },
		"nobridge": func(d *plan.Desired) { d.Bridge = "br9" },
		"stopped":  stopped, "overlay": overlay, "protect": protect, "unprotect": unprotect,
		"recreate": recreate, "recreate2": recreate, "conf": conf("lxc.b=1", "lxc.a=2"),
		"conf2": conf("lxc.b=2"), "gold": from("gold"), "other": from("b"), "nothing": from("z"),
		"unset":    func(d *plan.Desired) { d.LXCConfUnset = []string{"lxc.foreign"} },
		"password": func(d *plan.Desired) { d.PasswordTag = "tag-2" },
		"lvm":      func(d *plan.Desired) { d.Backing = "lvm" },
		"domains":  func(d *plan.Desired) { d.Domains = append(d.Domains, "www") },
		"ip of c":  func(d *plan.Desired) { d.IP = declare("c").IP },
	}
	keys := []string{"memory", "mac", "ip", "bridge", "nobridge", "stopped", "overlay", "protect",
		"unprotect", "recreate", "recreate2", "conf", "conf2", "gold", "other", "nothing", "unset",
		"password", "lvm", "domains", "ip of c"}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "edits") {
		edits[rapid.SampledFrom(keys).Draw(t, "edit")](&d)
	}
	d.Drift = rapid.SampledFrom([]spec.Drift{spec.DriftCorrect, spec.DriftCorrect, spec.DriftReport,
		spec.DriftIgnore}).Draw(t, "drift")
	return d
}

// randomPlace declares, records and observes a name, or not, and damages what it likes.
func randomPlace(t *rapid.T, h *plan.HostInput, now, before plan.Desired) {
	now.Host, before.Host = h.Host, h.Host
	if rapid.IntRange(0, 3).Draw(t, "declared") > 0 {
		h.Desired = append(h.Desired, now)
	}
	if rapid.IntRange(0, 3).Draw(t, "same") > 0 {
		before = now
		before.Held = nil
	}
	w, o := record(before), observe(before)
	switch rapid.IntRange(0, 9).Draw(t, "record") {
	case 0:
		w.Applied, w.Intent = nil, "clone"
	case 1:
		w.Intent = rapid.SampledFrom([]string{"configure", "clone", "destroy"}).Draw(t, "intent")
	case 2:
		w.UID = "uid-other"
	case 3:
		w.Protect = !w.Protect
	}
	randomHands(t, &o)
	switch rapid.IntRange(0, 7).Draw(t, "exists") {
	case 0, 1: // neither
	case 2:
		h.Owned = append(h.Owned, w)
	case 3:
		h.Actual.Containers = append(h.Actual.Containers, o)
	default:
		h.Owned = append(h.Owned, w)
		h.Actual.Containers = append(h.Actual.Containers, o)
	}
}

// randomHands changes a container as somebody on the host might.
func randomHands(t *rapid.T, o *plan.Observed) {
	mark := *o.Mark
	o.Mark = &mark
	switch rapid.IntRange(0, 24).Draw(t, "hands") {
	case 0:
		o.Mark = nil
	case 1:
		o.Mark.Name = "copy"
	case 2:
		o.Mark.Installation = "other"
	case 3:
		o.Damage = "no lxc.rootfs.path"
	case 4:
		stop(o)
	case 5:
		start(o)
	case 6:
		o.State, o.Live = plan.Frozen, nil
	case 7:
		o.Config.MAC = "00:16:3e:ff:ff:ff"
	case 8:
		o.Addresses = nil
	case 9:
		o.Config.Raw = map[string][]string{"lxc.foreign": {"1"}, "lxc.a": {"0"}}
	case 10:
		o.Config.Autostart = false
	case 11:
		if lower := rapid.SampledFrom(names).Draw(t, "lower"); lower < o.Name {
			o.Lower = lower
		}
	case 12:
		if o.Live != nil {
			o.Live.MAC, o.Live.Memory = "00:16:3e:ff:ff:fe", 4096
		}
	case 13:
		o.Config.Address = netip.MustParsePrefix("10.5.250.1/16")
	}
}

// shuffled returns the same input in another order.
func shuffled(t *rapid.T, in plan.Input) plan.Input {
	out := in
	out.Hosts = rapid.Permutation(in.Hosts).Draw(t, "hosts")
	out.Allow = rapid.Permutation(in.Allow).Draw(t, "allow")
	out.Groups = rapid.Permutation(in.Groups).Draw(t, "group order")
	out.Holds = rapid.Permutation(in.Holds).Draw(t, "holds")
	for i := range out.Hosts {
		h := &out.Hosts[i]
		h.Desired = permute(t, h.Desired)
		h.Owned = permute(t, h.Owned)
		h.Actual.Containers = permute(t, h.Actual.Containers)
		h.Actual.Bridges = permute(t, h.Actual.Bridges)
	}
	return out
}

func permute[T any](t *rapid.T, list []T) []T {
	return slices.Clone(rapid.Permutation(list).Draw(t, "order"))
}

// protectedNow says what a reader of the tree and of the record would call protected.
func protectedNow(h plan.HostInput, name string) bool {
	for _, d := range h.Desired {
		if d.Name == name && d.Protect != spec.Unset {
			return d.Protect == spec.On
		}
	}
	for _, w := range h.Owned {
		if w.Name == name && w.Protect {
			return true
		}
	}
	return false
}
