package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// guestFields are what the system inside the container is told.
func guestFields() []field {
	const all = inSettings
	return []field{
		{Field: Field{Key: "domains", In: InContainer | InProfile, Kind: KindList, Status: Acted,
			Class: Live, Doc: "further DNS names beside the name of the container"},
			id: keyDomains, set: setDomains,
			get: func(s *Settings) string { return strings.Join(s.Domains, " ") }},
		{Field: Field{Key: "dnsservers", In: all, Kind: KindList, Status: Acted, Class: Once,
			Doc: "addresses of name servers, in order of preference"},
			id: keyDNSServers, set: setDNSServers,
			get: func(s *Settings) string { return addrsText(s.DNSServers) }},
		{Field: Field{Key: "searchdomains", In: all, Kind: KindList, Status: Acted, Class: Once,
			Doc: "domains to search short names in, in order"},
			id: keySearchDomains, set: setSearchDomains,
			get: func(s *Settings) string { return strings.Join(s.SearchDomains, " ") }},
		{Field: Field{Key: "password", In: all, Kind: KindText, Status: Acted, Class: Once,
			Sensitive: true, Doc: "password of the users; generated if it is missing"},
			id: keyPassword, set: setPassword,
			get: func(s *Settings) string { return s.Password.String() }},
		{Field: Field{Key: "users", In: all, Kind: KindList, Status: Acted, Class: Once,
			Default: "root", Doc: "whose password it is"},
			id: keyUsers, set: setUsers,
			get: func(s *Settings) string { return strings.Join(s.Users, " ") }},
	}
}

// runFields say how a container runs.
func runFields() []field {
	const all = inSettings
	return []field{
		{Field: Field{Key: "autostart", In: all, Kind: KindBool, Status: Acted, Class: Live,
			Default: "true", Doc: "starts with the host"}, id: keyAutostart, set: setAutostart,
			get: func(s *Settings) string { return strconv.FormatBool(s.Autostart) }},
		{Field: Field{Key: "running", In: all, Kind: KindBool, Status: Acted, Class: Live,
			Default: "true", Doc: "false: exists, but is kept stopped"},
			id: keyRunning, set: setRunning,
			get: func(s *Settings) string { return strconv.FormatBool(s.Running) }},
		{Field: Field{Key: "memory", In: all, Kind: KindSize, Status: Acted, Class: Live,
			Doc: "limit of memory, such as 512M; 0: none"}, id: keyMemory, set: setMemory,
			get: func(s *Settings) string { return sizeText(s.Memory) }},
		{Field: Field{Key: "cpuset", In: all, Kind: KindText, Status: Acted, Class: Live,
			Doc: "processors, such as 0-3,5"}, id: keyCPUSet, set: setCPUSet,
			get: func(s *Settings) string { return s.CPUSet }},
		{Field: Field{Key: "cpushare", In: all, Kind: KindInt, Status: Acted, Class: Live,
			Doc: "weight against other containers, 2 to 262144; 0: unset"},
			id: keyCPUShare, set: setCPUShare, get: cpuShareText},
		{Field: Field{Key: "lxc_conf", In: all | InTemplate, Kind: KindConf, Status: Acted,
			Class: Restart, Doc: "raw lines of the LXC configuration"},
			id: keyLXCConf, set: setLXCConf, get: confText},
		{Field: Field{Key: "lxc_conf_unset", In: all, Kind: KindList, Status: Acted,
			Class: Restart, Doc: "keys or prefixes to remove from the LXC configuration"},
			id: keyLXCConfUnset, set: setLXCConfUnset,
			get: func(s *Settings) string { return strings.Join(s.LXCConfUnset, " ") }},
		{Field: Field{Key: "protect", In: all, Kind: KindBool, Status: Acted, Class: Live,
			Doc: "true: never destroyed, also after the declaration is gone"},
			id: keyProtect, set: setProtect, get: protectText},
	}
}

func cpuShareText(s *Settings) string {
	if s.CPUShare == 0 {
		return ""
	}
	return strconv.Itoa(s.CPUShare)
}

func confText(s *Settings) string {
	lines := make([]string, len(s.LXCConf))
	for i, c := range s.LXCConf {
		lines[i] = c.Key + "=" + c.Value
	}
	return strings.Join(lines, "; ")
}

func protectText(s *Settings) string {
	switch s.Protect {
	case On:
		return "true"
	case Off:
		return "false"
	}
	return ""
}

// mapText is a map on one line, sorted.
func mapText(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, " ")
}
