//go:build linux && cgo

package lxc

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
)

// live returns what really holds in a running container, and all its addresses. Autostart is
// that of the file, since nothing else has it.
func (h *Host) live(seen *plan.Observed, o observation) (*plan.Config, []string, error) {
	net, err := enter(seen.PID)
	if err != nil {
		return nil, nil, err
	}
	defer net.handle.Close()
	nic, err := net.inspect(o.c.file.interfaceName())
	if err != nil {
		return nil, nil, err
	}
	out := &plan.Config{
		Hostname:  one(o.object.RunningConfigItem(keyHostname)),
		Bridge:    o.links.master[nic.peer],
		MAC:       nic.mac,
		Address:   addressToShow(nic.addresses, seen.Config.Address),
		Gateway:   nic.gateway,
		Autostart: seen.Config.Autostart,
	}
	groups, err := readCgroups(h.dialect, seen.PID)
	if err != nil {
		return nil, nil, err
	}
	if err := groups.limits(out, seen.Config); err != nil {
		return nil, nil, err
	}
	if seen.Mark != nil {
		out.Raw = o.raw(seen.Config.Raw)
	}
	return out, nic.all, nil
}

// raw returns the raw values with which a container of ours runs. Only the keys of lxc_conf are
// asked for, since each question wakes the container's monitor; the others are taken from the
// file. A key that runs as the file says has the very values of the file, without those that an
// included file adds, so that the two can be compared: where they differ the container must be
// restarted. Of a file that liblxc refuses, nothing is known to run as the file says.
func (o observation) raw(file map[string][]string) map[string][]string {
	out := maps.Clone(file)
	for _, e := range o.c.file.entries {
		if !e.ours || !isComparable(e) {
			continue
		}
		running := o.object.RunningConfigItem(e.key)
		if !o.loaded || !slices.Equal(running, o.object.ConfigItem(e.key)) {
			out[e.key] = running
		}
	}
	return out
}

// isComparable reports whether a line can be compared with what runs. The log is set by start, and
// liblxc puts a random digit in the place of each x of a MAC address whenever it loads the file.
func isComparable(e entry) bool {
	isPattern := strings.HasSuffix(e.key, ".hwaddr") && strings.ContainsAny(e.value, "xX")
	return e.key != "" && !strings.HasPrefix(e.key, "lxc.log.") && !isPattern
}

// addressToShow picks the one address of an interface that the plan compares: the configured one
// if the interface has it.
func addressToShow(present []netip.Prefix, configured netip.Prefix) netip.Prefix {
	if len(present) == 0 {
		return netip.Prefix{}
	}
	if slices.Contains(present, configured) {
		return configured
	}
	return present[0]
}

// one returns the value of a key with one value. liblxc's answer for none is one empty text.
func one(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
