package spec

import (
	"net/netip"
	"strconv"
	"strings"
)

// networkFields say where on the network a container is.
func networkFields() []field {
	const all = inSettings
	return []field{
		{Field: Field{Key: "network", In: all, Kind: KindText, Status: Acted, Class: Restart,
			Default: builtInNetwork, Doc: "entry of networks, or a network address beside netmask"},
			id: keyNetwork, set: setNetwork, get: networkText},
		{Field: Field{Key: "bridge", In: all, Kind: KindText, Status: Acted, Class: Restart,
			Doc: "bridge on the host; without it that of the network"},
			id: keyBridge, set: setBridge, get: func(s *Settings) string { return s.Bridge }},
		{Field: Field{Key: "ip", In: InContainer | InProfile, Kind: KindAddress, Status: Acted,
			Class: Live, Doc: "address; generated if it is missing"},
			id: keyIP, set: setIP, get: func(s *Settings) string { return addrText(s.IP) }},
		{Field: Field{Key: "netmask", In: all, Kind: KindText, Status: Acted, Class: Live,
			Doc: "prefix length (16) or dotted (255.255.0.0); without it that of the network"},
			id: keyNetmask, set: setNetmask, get: netmaskText},
		{Field: Field{Key: "netmask_full", In: all, Kind: KindText, Status: Acted, Class: Live,
			Doc: "the same as netmask, dotted"}, id: keyNetmask, set: setNetmaskFull},
		{Field: Field{Key: "gateway", In: all, Kind: KindText, Status: Acted, Class: Live,
			Doc: "default route, or none; without it that of the network"},
			id: keyGateway, set: setGateway, get: gatewayText},
		{Field: Field{Key: "mac", In: InContainer | InProfile, Kind: KindText, Status: Acted,
			Class: Restart, Doc: "hardware address; generated as 00:16:3e:… if it is missing"},
			id: keyMAC, set: setMAC, get: func(s *Settings) string { return s.MAC }},
	}
}

func networkText(s *Settings) string {
	if s.Network == nil {
		return ""
	}
	return s.Network.Name
}

func netmaskText(s *Settings) string {
	if s.Network == nil {
		return ""
	}
	return strconv.Itoa(s.PrefixLen)
}

func gatewayText(s *Settings) string {
	if s.Network != nil && !s.Gateway.IsValid() {
		return "none"
	}
	return addrText(s.Gateway)
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func addrsText(as []netip.Addr) string {
	texts := make([]string, len(as))
	for i, a := range as {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}
