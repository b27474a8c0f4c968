package lxc

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// field is one key whose value we own outside of lxc_conf.
type field struct {
	key   string
	value string // empty: the key must not be there
}

// wanted is everything that a configuration file must say.
type wanted struct {
	fields []field
	notes  []string // comments of ours, the mark among them
	conf   []spec.ConfItem
	unset  []string
}

// wantedOf translates a declaration into the dialect of a host.
func wantedOf(want *plan.Desired, mark plan.Mark, d dialect) (wanted, error) {
	w := wanted{notes: []string{formatMark(mark)}, unset: want.LXCConfUnset}
	w.fields = append(netFields(want),
		field{keyHostname, want.Name}, field{keyAutostart, digit(want.Autostart)})
	w.fields = append(w.fields, limitFields(want, d)...)
	if d.v2 && want.CPUShare != 0 {
		w.notes = append(w.notes, sharesPrefix+strconv.Itoa(want.CPUShare))
	}
	for _, item := range want.LXCConf {
		if !strings.HasPrefix(item.Key, "lxc.") || strings.ContainsAny(item.Key+item.Value, "\n\r\x00") {
			return wanted{}, fmt.Errorf("lxc_conf %q is not a configuration line", item.Key)
		}
		if strings.HasPrefix(item.Key, "lxc.rootfs.") {
			return wanted{}, fmt.Errorf("lxc_conf must not set %q", item.Key)
		}
		if w.value(item.Key) == "" {
			w.conf = append(w.conf, item)
		}
	}
	return w, nil
}

// netFields returns the keys of the first interface. A template without a network keeps what its
// script made.
func netFields(want *plan.Desired) []field {
	if want.Bridge == "" {
		return nil
	}
	fields := []field{{keyType, "veth"}, {keyLink, want.Bridge}, {keyFlags, "up"}}
	if want.MAC != "" {
		fields = append(fields, field{keyMAC, want.MAC})
	}
	var address, gateway string
	if prefix := addressOf(want); prefix.IsValid() {
		address = prefix.String()
	}
	if want.Gateway.IsValid() && address != "" {
		gateway = want.Gateway.String()
	}
	return append(fields, field{keyAddress, address}, field{keyGateway, gateway})
}

// addressOf returns the declared address, invalid if there is none.
func addressOf(want *plan.Desired) netip.Prefix {
	if !want.IP.IsValid() || want.PrefixLen == 0 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(want.IP, want.PrefixLen)
}

func limitFields(want *plan.Desired, d dialect) []field {
	fields := make([]field, 0, 6)
	other := dialect{v2: !d.v2}
	for _, k := range []string{other.memoryKey(), other.cpusetKey(), other.cpuKey()} {
		fields = append(fields, field{k, ""})
	}
	var memory, cpu string
	if want.Memory != 0 {
		memory = strconv.FormatInt(want.Memory, 10)
	}
	if want.CPUShare != 0 {
		cpu = d.cpuValue(want.CPUShare)
	}
	return append(fields,
		field{d.memoryKey(), memory}, field{d.cpusetKey(), want.CPUSet}, field{d.cpuKey(), cpu})
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// value returns the value of a field, "" if it has none.
func (w wanted) value(key string) string {
	for _, f := range w.fields {
		if f.key == key {
			return f.value
		}
	}
	return ""
}

// edit returns the file with everything wanted in it, each key that is ours exactly once. Other
// lines stay, in their order. Editing twice is editing once.
func (c configFile) edit(w wanted) configFile {
	kept := configFile{entries: make([]entry, 0, len(c.entries)+len(w.fields))}
	for _, e := range c.entries {
		if !w.drops(e) {
			e.ours = false
			kept.entries = append(kept.entries, e)
		}
	}
	for _, f := range w.fields {
		kept.set(f)
	}
	for _, note := range w.notes {
		kept.entries = append(kept.entries, entry{text: note})
	}
	if len(w.conf) == 0 {
		return kept
	}
	kept.entries = append(kept.entries, entry{text: blockBegin})
	for _, item := range w.conf {
		e := setting(item.Key, item.Value)
		e.ours = true
		kept.entries = append(kept.entries, e)
	}
	kept.entries = append(kept.entries, entry{text: blockEnd})
	return kept
}

// drops reports whether a line goes before the wanted ones are put in. The path of the root is
// never dropped, whatever is asked: without it the container would run on the host's.
func (w wanted) drops(e entry) bool {
	switch {
	case strings.HasPrefix(e.text, commentPrefix):
		return true
	case e.key == "" || strings.HasPrefix(e.key, "lxc.rootfs."):
		return false
	case e.ours:
		return true
	case w.value(e.key) != "":
		return false
	}
	for _, item := range w.conf {
		if e.key == item.Key && (!isList(e.key) || e.value == item.Value) {
			return true
		}
	}
	for _, prefix := range w.unset {
		if prefix != "" && strings.HasPrefix(e.key, prefix) {
			return true
		}
	}
	return false
}

// set makes the field's line the only one of its key: in the place of the first, or beside its
// relatives, or at the end.
func (c *configFile) set(f field) {
	out := make([]entry, 0, len(c.entries)+1)
	placed := f.value == ""
	for _, e := range c.entries {
		if e.key != f.key {
			out = append(out, e)
			continue
		}
		if placed {
			continue
		}
		if e.value != f.value {
			e = setting(f.key, f.value)
		}
		out, placed = append(out, e), true
	}
	c.entries = out
	if !placed {
		c.insert(setting(f.key, f.value))
	}
}

// insert puts a line where it belongs: a key of the interface after the others of it (its type
// before them, since liblxc needs it first), everything else at the end.
func (c *configFile) insert(e entry) {
	at := len(c.entries)
	if strings.HasPrefix(e.key, netPrefix) {
		for i, other := range c.entries {
			if !strings.HasPrefix(other.key, netPrefix) {
				continue
			}
			if e.key == keyType {
				at = i
				break
			}
			at = i + 1
		}
	}
	c.entries = slices.Insert(c.entries, at, e)
}

// isList reports whether liblxc adds up the values of a key, instead of taking the last.
func isList(key string) bool {
	switch key {
	case "lxc.mount.entry", "lxc.mount.auto", "lxc.cap.drop", "lxc.cap.keep", "lxc.group",
		"lxc.idmap", "lxc.include", "lxc.apparmor.raw", "lxc.environment":
		return true
	}
	for _, prefix := range []string{
		"lxc.hook.", "lxc.environment.", "lxc.cgroup.devices.", "lxc.cgroup2.devices.",
	} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return strings.HasPrefix(key, "lxc.net.") &&
		(strings.HasSuffix(key, ".ipv4.address") || strings.HasSuffix(key, ".ipv6.address"))
}

// inherit returns the file of a clone without the marks of the source. What the source had by
// lxc_conf stays, as anybody's lines.
func (c configFile) inherit() configFile {
	var out configFile
	for _, e := range c.entries {
		if !strings.HasPrefix(e.text, commentPrefix) {
			e.ours = false
			out.entries = append(out.entries, e)
		}
	}
	return out
}
