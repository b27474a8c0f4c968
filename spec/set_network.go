package spec

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func setNetwork(c *cursor, n *yaml.Node) {
	if s, ok := c.text(n); ok {
		c.d.network = s
		c.set(n)
	}
}

func setBridge(c *cursor, n *yaml.Node) {
	if s, ok := c.texted(n, checkBridge); ok {
		c.d.Bridge = s
		c.set(n)
	}
}

func setIP(c *cursor, n *yaml.Node) {
	if ip, ok := scalar(c, n, parseIP); ok {
		c.d.IP = ip
		c.set(n)
	}
}

// parseIP reads the address of a container.
func parseIP(s string) (ip netip.Addr, wrong, hint string) {
	ip, wrong, hint = parseIPv4(s)
	switch {
	case strings.Contains(s, "/"):
		wrong, hint = "has a prefix length", "write only the address; the length is netmask"
	case s == "auto" || s == "dhcp" || s == "none":
		hint = "remove the key: an address is generated and kept"
	}
	return ip, wrong, hint
}

func setNetmask(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	length, ok := parseNetmask(s)
	if !ok {
		c.fail(n, c.quote(s)+" is not a netmask",
			"write a prefix length from 0 to 32, or dotted such as 255.255.0.0")
		return
	}
	c.putNetmask(n, length)
}

func setNetmaskFull(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	length, ok := parseNetmask(s)
	if !ok || !strings.Contains(s, ".") {
		c.fail(n, c.quote(s)+" is not a dotted netmask", "write it such as 255.255.0.0")
		return
	}
	c.putNetmask(n, length)
}

// putNetmask stores the length; netmask and netmask_full of one layer must agree.
func (c *cursor) putNetmask(n *yaml.Node, length int) {
	old := c.d.at[keyNetmask]
	if old.rank() == c.src.rank && old.f != c.f && c.d.netmask != length {
		c.fail(n, fmt.Sprintf("netmask and netmask_full contradict each other: /%d and /%d",
			min(length, c.d.netmask), max(length, c.d.netmask)), "keep one of them")
	}
	c.d.netmask = length
	c.set(n)
}

func setGateway(c *cursor, n *yaml.Node) {
	if g, ok := scalar(c, n, parseGateway); ok {
		c.d.Gateway, c.d.noGateway = g.ip, g.none
		c.set(n)
	}
}

// setMAC accepts six bytes with colons or hyphens, in either case.
func setMAC(c *cursor, n *yaml.Node) {
	if mac, ok := scalar(c, n, parseMAC); ok {
		c.d.MAC = mac
		c.set(n)
	}
}

func parseMAC(s string) (mac, wrong, hint string) {
	const use = "write six bytes such as 00:16:3e:12:34:56"
	if len(s) != 17 {
		return "", "is not a MAC", use
	}
	mac = strings.ToLower(s)
	if mac[2] == '-' {
		mac = strings.ReplaceAll(mac, "-", ":")
	}
	for i := range len(mac) {
		hex := isDigit(mac[i]) || 'a' <= mac[i] && mac[i] <= 'f'
		if i%3 == 2 && mac[i] != ':' || i%3 != 2 && !hex {
			return "", "is not a MAC", use
		}
	}
	if first, err := strconv.ParseUint(mac[:2], 16, 8); err != nil || first&1 == 1 {
		return "", "is a multicast MAC", "the first byte of an interface's address is even"
	}
	if mac == "00:00:00:00:00:00" {
		return "", "is no address", "remove the key: a MAC is generated and kept"
	}
	return mac, "", ""
}

// gateway is an address, or the word none.
type gateway struct {
	ip   netip.Addr
	none bool
}

func parseGateway(s string) (g gateway, wrong, hint string) {
	if strings.EqualFold(s, "none") {
		return gateway{none: true}, "", ""
	}
	g.ip, wrong, hint = parseIPv4(s)
	if s == "auto" {
		hint = "remove the key: the gateway of the network is used"
	}
	return g, wrong, hint
}

func parseIPv4(s string) (ip netip.Addr, wrong, hint string) {
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, "is not an IPv4 address", "write it such as 10.5.0.10"
	case !ip.Is4():
		return netip.Addr{}, "is an IPv6 address", "only IPv4 is supported"
	}
	return ip, "", ""
}

// parseNetmask reads a prefix length or a dotted mask.
func parseNetmask(s string) (length int, ok bool) {
	if !strings.Contains(s, ".") {
		length, err := strconv.Atoi(s)
		return length, err == nil && length >= 0 && length <= 32 && isDigit(s[0])
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || !ip.Is4() {
		return 0, false
	}
	b := ip.As4()
	mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	length = bits.LeadingZeros32(^mask)
	return length, bits.TrailingZeros32(mask) == 32-length
}
