package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"reconciler/spec"
)

// diff is what differs between a declaration and what is known of its container.
type diff struct {
	changed fieldSet // declared differently from what the record says was carried out
	file    fieldSet // the configuration file differs from the declaration
	live    fieldSet // what really holds differs from the declaration
	same    fieldSet // what really holds is as declared; known of running containers only
	calm    bool     // what differs is no reason for a restart
}

// stale is what differs from the declaration inside the container until it is restarted.
func (p *planner) stale(x *diff) fieldSet {
	if x.calm {
		return 0
	}
	return (x.file | x.live) & p.restart &^ x.same
}

// compare fills the diff of an item whose container exists and is ours. It allocates only for
// differences and raw settings, so that a pass over a fleet that is as declared costs little.
func (p *planner) compare(it *item) {
	d, want := it.want, it.want.config()
	x := &it.diff
	x.changed = p.changed(d, &want, it.own.Applied)
	if d.Template {
		return
	}
	var gone []spec.ConfItem
	if x.changed.has(fLXCConf) {
		gone = p.goneConf(it)
	}
	x.file = fileDiff(d, &want, &it.got.Config, gone)
	if it.got.State == Running {
		x.compareLive(d, &want, it.got, gone)
	}
	for _, key := range d.Unknown {
		if f := p.field(key); f != fieldCount {
			x.changed.add(f, true)
			x.file.add(f, f == fIP || f == fMAC)
		}
	}
}

// changed compares a declaration with the recorded texts.
func (p *planner) changed(d *Desired, c *Config, applied map[string]string) fieldSet {
	var s, set fieldSet
	same, b := 0, p.text
	for f := range recorded(d) {
		if b = appendField(b[:0], d, c, f); len(b) == 0 {
			continue
		}
		set.add(f, true)
		if string(b) == applied[p.key[f]] {
			same++
		} else {
			s.add(f, true)
		}
	}
	p.text = b
	if same == len(applied) {
		return s // the record has nothing else: spares looking up what is not set
	}
	for f := range recorded(d) {
		s.add(f, !set.has(f) && applied[p.key[f]] != "")
	}
	s.add(fLXCConf, applied[keyBegun] != "")
	return s
}

// goneConf returns the raw settings that were carried out, or begun with, and are not declared any
// more.
func (p *planner) goneConf(it *item) []spec.ConfItem {
	ours := slices.Concat(parseConf(it.own.Applied[p.key[fLXCConf]]),
		parseConf(it.own.Applied[keyBegun]))
	return slices.DeleteFunc(ours,
		func(c spec.ConfItem) bool { return slices.Contains(it.want.LXCConf, c) })
}

func fileDiff(d *Desired, want, got *Config, gone []spec.ConfItem) fieldSet {
	var s fieldSet
	s.add(fHostname, got.Hostname != want.Hostname)
	s.add(fBridge, got.Bridge != want.Bridge)
	s.add(fMAC, !strings.EqualFold(got.MAC, want.MAC))
	s.add(fIP, got.Address != want.Address)
	s.add(fGateway, got.Gateway != want.Gateway)
	s.add(fAutostart, got.Autostart != want.Autostart)
	s.add(fMemory, got.Memory != want.Memory)
	s.add(fCPUSet, !sameCPUs(got.CPUSet, want.CPUSet))
	s.add(fCPUShare, got.CPUShare != want.CPUShare)
	s.add(fLXCConf, confDiffers(want.Raw, got.Raw) || anyOf(gone, got.Raw))
	s.add(fLXCConfUnset, len(unsetKeys(d, got.Raw)) > 0)
	return s
}

// compareLive compares with what really holds inside. An empty live value means that the host
// cannot tell, except for a missing memory limit or default route. The host name is never a live
// difference: the guest may set its own.
func (x *diff) compareLive(d *Desired, want *Config, o *Observed, gone []spec.ConfItem) {
	put := func(f field, known, same bool) {
		x.live.add(f, known && !same)
		x.same.add(f, known && same)
	}
	l := o.Live
	put(fIP, d.IP.IsValid(), hasAddress(o.Addresses, d.IP) && !otherLength(l, d))
	if l == nil {
		return
	}
	put(fBridge, l.Bridge != "", l.Bridge == d.Bridge)
	put(fMAC, l.MAC != "", strings.EqualFold(l.MAC, d.MAC))
	put(fGateway, d.Gateway.IsValid(), l.Gateway == d.Gateway)
	put(fMemory, true, sameMemory(d.Memory, l.Memory))
	put(fCPUSet, l.CPUSet != "" && d.CPUSet != "", sameCPUs(l.CPUSet, d.CPUSet))
	put(fCPUShare, l.CPUShare != 0 && d.CPUShare != 0, l.CPUShare == d.CPUShare)
	known := l.Raw != nil
	put(fLXCConf, known, known && !confDiffers(want.Raw, l.Raw) && !anyOf(gone, l.Raw))
	put(fLXCConfUnset, known, known && len(unsetKeys(d, l.Raw)) == 0)
	x.same.add(fHostname, l.Hostname == d.Name)
}

// hasAddress compares texts, without a copy: those of IPv4, the only ones that a tree declares,
// have one form.
func hasAddress(addresses []string, ip netip.Addr) bool {
	var space [48]byte
	text := ip.AppendTo(space[:0])
	return slices.ContainsFunc(addresses, func(a string) bool { return a == string(text) })
}

// otherLength reports whether the declared address holds with another length of its prefix.
func otherLength(l *Config, d *Desired) bool {
	return l != nil && l.Address.Addr() == d.IP && l.Address.Bits() != d.PrefixLen
}

// sameMemory allows for the kernel, which rounds a limit down to whole pages (up to 64 KiB).
func sameMemory(want, live int64) bool {
	const page = 64 << 10
	return want == live || live > 0 && live < want && want-live < page
}

// confDiffers reports whether the values of a declared key do not end with the declared ones, in
// order. Values before them come from the source of the container: liblxc adds them up for a
// list, and lets the last one win otherwise.
func confDiffers(want, raw map[string][]string) bool {
	for key, values := range want {
		got := raw[key]
		if more := len(got) - len(values); more < 0 || !slices.Equal(got[more:], values) {
			return true
		}
	}
	return false
}

// anyOf reports whether one of the settings is still there.
func anyOf(conf []spec.ConfItem, raw map[string][]string) bool {
	return slices.ContainsFunc(conf, func(c spec.ConfItem) bool {
		return slices.Contains(raw[c.Key], c.Value)
	})
}

// unsetKeys returns the keys of raw that lxc_conf_unset takes away, sorted. An entry of it names a
// key or the beginning of keys; what lxc_conf declares stays.
func unsetKeys(d *Desired, raw map[string][]string) []string {
	if len(d.LXCConfUnset) == 0 {
		return nil
	}
	var keys []string
	for key, values := range raw {
		unset := slices.ContainsFunc(d.LXCConfUnset,
			func(unset string) bool { return strings.HasPrefix(key, unset) })
		declared := slices.ContainsFunc(d.LXCConf, func(c spec.ConfItem) bool { return c.Key == key })
		if unset && !declared && len(values) > 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// sameCPUs compares two cpusets as sets: the kernel says 0-2 for 0,1,2.
func sameCPUs(a, b string) bool {
	if a == b || a == "" || b == "" {
		return a == b
	}
	ranges := cpus(a)
	return ranges != nil && slices.Equal(ranges, cpus(b))
}

// cpus returns the ranges of a cpuset, sorted and joined, as pairs of first and last; nil for what
// is not a list of ranges.
func cpus(text string) []int {
	var pairs [][2]int
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			return nil
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(to); err != nil {
				return nil
			}
		}
		pairs = append(pairs, [2]int{first, last})
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return a[0] - b[0] })
	var joined []int
	for _, r := range pairs {
		if n := len(joined); n > 0 && r[0] <= joined[n-1]+1 {
			joined[n-1] = max(joined[n-1], r[1])
			continue
		}
		joined = append(joined, r[0], r[1])
	}
	return joined
}
