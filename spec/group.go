package spec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Group is hosts of which a change reaches a few first. A host is in one group at most.
type Group struct {
	Name        string
	Hosts       []string // in the order in which they are changed; at least one, each once
	Canary      int      // so many are changed first and alone
	MaxParallel int      // so many are changed at once; 0: no limit
	MaxFailures int      // so many may fail before no further one begins
	Position    Position // of its key in the tree
}

// maxGroupNumber bounds the numbers of a group: there are fewer hosts than that.
const maxGroupNumber = 1_000_000

// GroupOf returns the group of a host, nil if it is in none.
func (t *Tree) GroupOf(host string) *Group {
	for _, g := range t.Groups {
		if slices.Contains(g.Hosts, host) {
			return g
		}
	}
	return nil
}

// groupEntry is an entry of groups while it is read.
type groupEntry struct {
	Group
	listed []*yaml.Node // names and patterns of hosts, as written
	canary *yaml.Node   // nil: not declared
}

// readGroups reads all entries of groups. What targets does not name is no host of the tree.
func (b *builder) readGroups() map[string]*Group {
	groups := make(map[string]*Group, len(b.decl.groups))
	taken := map[string]*Group{}
	all := slices.Sorted(maps.Keys(b.decl.byHost))
	for _, name := range sorted(b.decl.groups) {
		e := b.decl.groups[name]
		g := &groupEntry{Group: Group{Name: name, Position: e.position()}}
		s := &section{group: g}
		s.src = &source{file: e.file, path: "groups." + name}
		ok := b.readEntry(s, e, table.groups, InGroup)
		s.f = &field{}
		if wrong, hint := checkEntryName(name); wrong != "" {
			s.fail(e.key, fmt.Sprintf("group %q %s", shorten(name), wrong), hint)
		}
		if ok && len(g.listed) == 0 && !s.broken(e, "hosts") {
			s.fail(e.key, fmt.Sprintf("group %q has no hosts", shorten(name)),
				"write them such as hosts: [h1, h2] or hosts: [web-*]")
		}
		s.f = table.groups["hosts"]
		for _, n := range g.listed {
			s.join(n, all, taken)
		}
		s.checkCanary()
		groups[name] = &g.Group
	}
	return groups
}

// join adds the hosts that one item of a list names. Those of a pattern come sorted, and without
// the ones that the list has already.
func (s *section) join(n *yaml.Node, all []string, taken map[string]*Group) {
	text := resolve(n).Value
	if !strings.ContainsAny(text, `*?[\`) {
		if _, found := slices.BinarySearch(all, text); !found {
			s.fail(n, s.quote(text)+" is not a host of the tree",
				didYouMean(text, all, "targets names the hosts; write targets: {HOST: {}}"))
			return
		}
		if taken[text] == &s.group.Group {
			s.fail(n, s.quote(text)+" is in the list already", "keep one of them")
			return
		}
		s.admit(n, text, taken)
		return
	}
	if _, err := path.Match(text, ""); err != nil {
		s.fail(n, s.quote(text)+" is not a pattern", "write it such as web-* or web-[1-4]")
		return
	}
	found := false
	for _, host := range all {
		if match, _ := path.Match(text, host); match {
			found = true
			if taken[host] != &s.group.Group {
				s.admit(n, host, taken)
			}
		}
	}
	if !found {
		s.fail(n, s.quote(text)+" matches no host of the tree", "remove it, or mend it")
	}
}

// admit adds one host, which must be in no other group.
func (s *section) admit(n *yaml.Node, host string, taken map[string]*Group) {
	g := &s.group.Group
	if other := taken[host]; other != nil {
		p := s.problem(n, fmt.Sprintf("host %q is in group %q too", shorten(host), other.Name),
			"a host is in one group at most")
		p.Also = other.Position
		s.sink.fail(p)
		return
	}
	taken[host] = g
	g.Hosts = append(g.Hosts, host)
}

func putGroupHosts(s *section, n *yaml.Node) {
	items, ok := s.list(n)
	for _, item := range items {
		if _, ok := s.text(item); ok {
			s.group.listed = append(s.group.listed, item)
		}
	}
	if ok && len(items) == 0 {
		s.fail(n, "is empty", "write the hosts such as [h1, h2] or [web-*]")
	}
}

func putCanary(s *section, n *yaml.Node) {
	s.group.canary = n
	s.number(n, 0, &s.group.Canary)
}

// checkCanary warns where a change reaches all hosts of a group at once, though some shall be
// first.
func (s *section) checkCanary() {
	g := s.group
	if hosts := len(g.Hosts); hosts > 0 && g.Canary > hosts {
		s.f = table.groups["canary"]
		s.warn(g.canary, fmt.Sprintf("%d hosts shall be changed first, and group %q has %d", g.Canary,
			shorten(g.Name), hosts), fmt.Sprintf("write a number below %d, or remove it", max(hosts, 2)))
	}
}

func putMaxParallel(s *section, n *yaml.Node) { s.number(n, 1, &s.group.MaxParallel) }

func putMaxFailures(s *section, n *yaml.Node) { s.number(n, 0, &s.group.MaxFailures) }

// number reads a number of hosts.
func (s *section) number(n *yaml.Node, least int, into *int) {
	text, ok := s.text(n)
	if !ok {
		return
	}
	v, err := strconv.Atoi(text)
	switch {
	case err != nil || v < 0 || v > maxGroupNumber:
		s.fail(n, s.quote(text)+" is not a number of hosts", fmt.Sprintf("write it such as %d", least+1))
	case v < least:
		s.fail(n, s.quote(text)+" would never change a host",
			fmt.Sprintf("write %d or more, or remove the key for no limit", least))
	default:
		*into = v
	}
}
