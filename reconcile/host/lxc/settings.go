package lxc

import (
	"net/netip"
	"strconv"
	"strings"

	"reconciler/reconcile/plan"
)

// The keys of a container's configuration that have a field in plan.Config or are always the
// same for a container of ours.
const (
	keyType      = "lxc.net.0.type"
	keyLink      = "lxc.net.0.link"
	keyFlags     = "lxc.net.0.flags"
	keyName      = "lxc.net.0.name"
	keyMAC       = "lxc.net.0.hwaddr"
	keyAddress   = "lxc.net.0.ipv4.address"
	keyGateway   = "lxc.net.0.ipv4.gateway"
	keyHostname  = "lxc.uts.name"
	keyAutostart = "lxc.start.auto"
	keyRootfs    = "lxc.rootfs.path"
	netPrefix    = "lxc.net.0."
)

// sharesPrefix begins the comment that keeps the exact cpu.shares where the host has weights.
const sharesPrefix = commentPrefix + " cpushare="

// config returns what the file says in the terms of the plan. A key of lxc_conf is always raw,
// and so is a value that cannot be understood.
func (c configFile) config(d dialect) plan.Config {
	var out plan.Config
	for _, e := range c.entries {
		if e.key == "" || e.key == keyRootfs {
			continue
		}
		if !e.ours && readField(&out, e, d) {
			continue
		}
		if out.Raw == nil {
			out.Raw = map[string][]string{}
		}
		out.Raw[e.key] = append(out.Raw[e.key], e.value)
	}
	if t := c.last(keyType); t != "" && t != "veth" {
		// It is on no bridge, whatever the file says; with "none" it has the host's own network.
		out.Bridge = ""
	}
	if s := c.noteOfShares(); s != 0 && weight(s) == weight(out.CPUShare) {
		out.CPUShare = s
	}
	return out
}

// readField puts the value of one line into its field. It reports false if there is none or the
// value has another form.
func readField(out *plan.Config, e entry, d dialect) bool {
	switch e.key {
	case keyLink:
		out.Bridge = e.value
	case keyMAC:
		out.MAC = strings.ToLower(e.value)
	case keyHostname:
		out.Hostname = e.value
	case keyAutostart:
		out.Autostart = e.value == "1"
	case keyAddress:
		prefix, ok := parseAddress(e.value)
		out.Address = prefix
		return ok
	case keyGateway:
		addr, err := netip.ParseAddr(e.value)
		out.Gateway = addr
		return err == nil || e.value == ""
	case d.memoryKey():
		size, ok := parseSize(e.value)
		out.Memory = size
		return ok
	case d.cpusetKey():
		out.CPUSet = e.value
	case d.cpuKey():
		n, err := strconv.Atoi(e.value)
		if d.v2 && err == nil {
			n = shares(n)
		}
		out.CPUShare = n
		return err == nil
	default:
		return false
	}
	return true
}

// parseAddress reads the value of lxc.net.0.ipv4.address: an address, perhaps with the length of
// its prefix, perhaps followed by a broadcast address. Without a length liblxc takes that of the
// historical class.
func parseAddress(value string) (netip.Prefix, bool) {
	words := strings.Fields(value)
	if len(words) == 0 {
		return netip.Prefix{}, true
	}
	if prefix, err := netip.ParsePrefix(words[0]); err == nil {
		return prefix, true
	}
	addr, err := netip.ParseAddr(words[0])
	if err != nil || !addr.Is4() {
		return netip.Prefix{}, false
	}
	bits := 24
	switch first := addr.As4()[0]; {
	case first < 128:
		bits = 8
	case first < 192:
		bits = 16
	}
	return netip.PrefixFrom(addr, bits), true
}

func (c configFile) noteOfShares() int {
	for _, e := range c.entries {
		if text, found := strings.CutPrefix(e.text, sharesPrefix); found {
			n, err := strconv.Atoi(text)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

// interfaceName returns the name that the interface has inside.
func (c configFile) interfaceName() string {
	if name := c.last(keyName); name != "" {
		return name
	}
	return "eth0"
}
