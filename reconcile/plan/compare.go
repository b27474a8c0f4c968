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
}

// compare fills the diff of an item whose container exists and is ours. It allocates only for
// differences, so that a pass over containers that are as declared costs nothing.
func (p *planner) compare(it *item) {
	d := it.want
	it.diff = diff{changed: p.changed(d, it.own.Applied)}
	if d.Template {
		return
	}
	var gone []spec.ConfItem
	if it.diff.changed.has(fLXCConf) {
		gone = removedConf(d.LXCConf, it.own.Applied[p.key[fLXCConf]])
	}
	it.diff.file = fileDiff(d, &it.got.Config, gone)
	if it.got.State == Running {
		liveDiff(&it.diff, d, it.got, gone)
	}
	for _, key := range d.Unknown {
		f := p.field(key)
		if f == fieldCount {
			continue
		}
		it.diff.changed.add(f, true)
		it.diff.file.add(f, f == fIP || f == fMAC)
	}
}

// field returns the field of a key, fieldCount if there is none.
func (p *planner) field(key string) field {
	for f := range fieldCount {
		if p.key[f] == key {
			return f
		}
	}
	return fieldCount
}

// changed compares a declaration with the recorded texts.
func (p *planner) changed(d *Desired, applied map[string]string) fieldSet {
	var s, unset fieldSet
	n, c := 0, d.file()
	for f := range recordedFields {
		if d.Template && f >= templateFields {
			break
		}
		text, ok := appendField(p.text[:0], d, &c, f)
		p.text = text[:0]
		if !ok {
			unset.add(f, true)
			continue
		}
		n++
		old, had := applied[p.key[f]]
		s.add(f, !had || string(text) != old)
	}
	if s == 0 && n == len(applied) {
		return 0 // the record has nothing else: spares looking up what is not set
	}
	for f := range recordedFields {
		if unset.has(f) {
			_, had := applied[p.key[f]]
			s.add(f, had)
		}
	}
	return s
}

// removedConf returns the raw settings that were carried out and are not declared any more.
func removedConf(conf []spec.ConfItem, applied string) []spec.ConfItem {
	var gone []spec.ConfItem
	for _, pair := range pairs(applied) {
		if item := (spec.ConfItem{Key: pair[0], Value: pair[1]}); !slices.Contains(conf, item) {
			gone = append(gone, item)
		}
	}
	return gone
}

func fileDiff(d *Desired, got *Config, gone []spec.ConfItem) fieldSet {
	want := d.file()
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
	s.add(fLXCConf, confDiffers(d.LXCConf, got.Raw) || anyOf(gone, got.Raw))
	s.add(fLXCConfUnset, len(unsetKeys(d, got.Raw)) > 0)
	return s
}

// liveDiff compares with what really holds inside. An empty live value means that the host cannot
// tell, except for a missing memory limit or default route. The host name is never a live
// difference: the guest may set its own.
func liveDiff(x *diff, d *Desired, o *Observed, gone []spec.ConfItem) {
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
	put(fLXCConf, known, known && !confDiffers(d.LXCConf, l.Raw) && !anyOf(gone, l.Raw))
	put(fLXCConfUnset, known, known && len(unsetKeys(d, l.Raw)) == 0)
	x.same.add(fHostname, l.Hostname == d.Name)
}

func hasAddress(addresses []string, ip netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(text string) bool {
		a, err := netip.ParseAddr(text)
		return err == nil && a.WithZone("") == ip
	})
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
func confDiffers(conf []spec.ConfItem, raw map[string][]string) bool {
	for i, c := range conf {
		if !declares(conf[:i], c.Key) && !endsWith(raw[c.Key], conf[i:], c.Key) {
			return true
		}
	}
	return false
}

func endsWith(values []string, conf []spec.ConfItem, key string) bool {
	at := len(values)
	for _, c := range slices.Backward(conf) {
		if c.Key != key {
			continue
		}
		if at--; at < 0 || values[at] != c.Value {
			return false
		}
	}
	return true
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
	var keys []string
	for _, unset := range d.LXCConfUnset {
		for key, values := range raw {
			if len(values) > 0 && strings.HasPrefix(key, unset) &&
				!declares(d.LXCConf, key) && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func declares(conf []spec.ConfItem, key string) bool {
	return slices.ContainsFunc(conf, func(c spec.ConfItem) bool { return c.Key == key })
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
