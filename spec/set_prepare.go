package spec

import (
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// prepareEntry is what a host is prepared with while it is read.
type prepareEntry struct {
	Preparation
	entry   entry
	src     *source
	bridges []*bridgeEntry // sorted by name
	chosen  bool           // which bridges there are is declared

	sysctlAt *yaml.Node // nil: not declared
}

// bridgeEntry is one declared bridge while it is read.
type bridgeEntry struct {
	PreparedBridge
	entry     entry
	nat       Switch
	noAddress bool // address: none
	addressAt *yaml.Node
}

// readPrepare reads the keys of what a host is prepared with, and of its bridges.
func (b *builder) readPrepare(p *prepareEntry) {
	s := &section{prep: p, cursor: cursor{src: p.src}}
	b.readEntry(s, p.entry, table.prepare, InPrepare)
	for _, d := range p.bridges {
		s := &section{span: d, cursor: cursor{
			src: &source{file: p.src.file, path: p.src.path + ".bridges." + d.Name}}}
		b.readEntry(s, d.entry, table.bridges, InPreparedBridge)
	}
}

func putPrepare(s *section, n *yaml.Node) {
	if isNull(resolve(n)) {
		s.fail(n, "has no value", "write {} for LXC and the bridges of its networks")
		return
	}
	s.host.prepare = &prepareEntry{entry: entry{s.src.file, n, n},
		src: &source{file: s.src.file, path: s.src.path + ".prepare"}}
}

func putPackages(s *section, n *yaml.Node) {
	names, _ := s.texts(n, func(name string) (text, wrong, hint string) {
		wrong, hint = checkPackage(name)
		return name, wrong, hint
	})
	slices.Sort(names)
	s.prep.Packages = slices.Compact(names)
}

// pairs calls take for each key of a mapping whose values are single and whose keys check accepts.
func (s *section) pairs(n *yaml.Node, check func(string) (wrong, hint string),
	take func(key, value string) (wrong, hint string)) {
	items, _ := s.entries(n)
	for i := 0; i+1 < len(items); i += 2 {
		key := items[i].Value
		value, ok := s.text(items[i+1])
		if wrong, hint := check(key); wrong != "" {
			s.fail(items[i], s.quote(key)+" "+wrong, hint)
			continue
		}
		if !ok {
			continue
		}
		if wrong, hint := take(key, value); wrong != "" {
			s.fail(items[i+1], s.quote(value)+" "+wrong, hint)
		}
	}
}

func putSubIDs(s *section, n *yaml.Node) {
	s.prep.SubIDs = map[string]IDRange{}
	s.pairs(n, checkUser, func(user, value string) (wrong, hint string) {
		s.prep.SubIDs[user], wrong, hint = parseIDRange(value)
		return wrong, hint
	})
}

func putSysctl(s *section, n *yaml.Node) {
	s.prep.Sysctl, s.prep.sysctlAt = map[string]string{}, n
	s.pairs(n, checkSysctl, func(key, value string) (wrong, hint string) {
		s.prep.Sysctl[key] = value
		return checkSysctlValue(value)
	})
}

func putDirectories(s *section, n *yaml.Node) {
	s.pairs(n, checkDirectory, func(path, value string) (wrong, hint string) {
		mode, wrong, hint := parseMode(value)
		s.prep.Directories = append(s.prep.Directories, Directory{Path: path, Mode: mode})
		return wrong, hint
	})
	slices.SortFunc(s.prep.Directories, func(a, b Directory) int {
		return strings.Compare(a.Path, b.Path)
	})
}

func putVolumeGroup(s *section, n *yaml.Node) {
	if name, ok := s.texted(n, checkVolumeGroup); ok {
		s.prep.VolumeGroup = name
	}
}

func putBridges(s *section, n *yaml.Node) {
	s.prep.chosen = true
	items, _ := s.entries(n)
	for i := 0; i+1 < len(items); i += 2 {
		name := items[i].Value
		if wrong, hint := checkPreparedBridge(name); wrong != "" {
			s.fail(items[i], s.quote(name)+" "+wrong, hint)
			continue
		}
		s.prep.bridges = append(s.prep.bridges, &bridgeEntry{
			PreparedBridge: PreparedBridge{Name: name},
			entry:          entry{s.src.file, items[i], items[i+1]}})
	}
	slices.SortFunc(s.prep.bridges, func(a, b *bridgeEntry) int {
		return strings.Compare(a.Name, b.Name)
	})
}

func putBridgeAddress(s *section, n *yaml.Node) {
	text, ok := s.text(n)
	if !ok {
		return
	}
	if s.span.noAddress = strings.EqualFold(text, "none"); s.span.noAddress {
		return
	}
	p, err := netip.ParsePrefix(text)
	wrong, hint := "is not an address with a prefix length", "write it such as 10.5.0.1/16, or none"
	if err == nil {
		wrong, hint = checkBridgeAddress(p)
	}
	if wrong != "" {
		s.span.noAddress = true // what follows from it is not another mistake
		s.fail(n, s.quote(text)+" "+wrong, hint)
		return
	}
	s.span.Address, s.span.addressAt = p, n
}

func putNAT(s *section, n *yaml.Node) {
	if on, ok := s.boolean(n); ok && on {
		s.span.nat = On
	} else if ok {
		s.span.nat = Off
	}
}

func putDHCP(s *section, n *yaml.Node) {
	text, ok := s.text(n)
	if !ok || slices.Contains([]string{"off", "no", "false"}, strings.ToLower(text)) {
		return
	}
	first, last, wrong := parseRange(text)
	if wrong != "" {
		s.fail(n, s.quote(text)+" "+wrong, "write it such as 10.5.0.100-10.5.0.199, or off")
		return
	}
	s.span.DHCPFirst, s.span.DHCPLast = first, last
}
