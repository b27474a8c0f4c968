package spec

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unique finds values that two containers claim.
type unique struct {
	b        *builder
	segments map[*Network]*segment
	macs     map[string]*Container
	used     []*Container // one of each network and bridge of the current host
}

// segment is what is taken on one network.
type segment struct {
	ips     map[uint32]*Container
	domains map[string]*Container
}

func newUnique(b *builder) *unique {
	return &unique{b: b, segments: map[*Network]*segment{}, macs: map[string]*Container{}}
}

// add claims the addresses and names of a container.
func (u *unique) add(c *Container) {
	s := u.segments[c.Network]
	if s == nil {
		s = &segment{ips: map[uint32]*Container{}, domains: map[string]*Container{}}
		u.segments[c.Network] = s
	}
	if c.IP.IsValid() {
		ip := c.IP.As4()
		k := binary.BigEndian.Uint32(ip[:])
		if first := s.ips[k]; first != nil {
			u.clash(keyIP, "ip "+c.IP.String()+" is declared twice on network "+c.Network.Name, first, c)
		} else {
			s.ips[k] = c
		}
	}
	if c.MAC != "" {
		if first := u.macs[c.MAC]; first != nil {
			u.clash(keyMAC, "mac "+c.MAC+" is declared twice", first, c)
		} else {
			u.macs[c.MAC] = c
		}
	}
	for i, d := range c.Domains {
		d = strings.ToLower(d)
		first := s.domains[d]
		switch {
		case first == nil:
			s.domains[d] = c
		case i == 0 && strings.EqualFold(first.Name, c.Name):
			u.clash(keyNone, fmt.Sprintf("container %q is declared twice on network %s",
				shorten(c.Name), c.Network.Name), first, c)
		default:
			u.clash(keyDomains, fmt.Sprintf("domain %q is declared twice on network %s",
				shorten(d), c.Network.Name), first, c)
		}
	}
	u.note(c)
}

// note remembers each network and bridge that the current host uses.
func (u *unique) note(c *Container) {
	for _, o := range u.used {
		if o.Network == c.Network && o.Bridge == c.Bridge {
			return
		}
	}
	u.used = append(u.used, c)
}

// bridges checks that networks which share a bridge of this host do not share addresses.
func (u *unique) bridges(h *Host) {
	for i, a := range u.used {
		for _, b := range u.used[:i] {
			if a.Network != b.Network && a.Bridge == b.Bridge &&
				a.Network.CIDR.Overlaps(b.Network.CIDR) {
				u.clash(keyNetwork, fmt.Sprintf("networks %s and %s share the bridge %s and addresses",
					min(a.Network.Name, b.Network.Name), max(a.Network.Name, b.Network.Name),
					a.Bridge), b, a)
			}
		}
	}
	u.used = u.used[:0]
}

// machines checks that no two hosts are the same directory of the same machine: each would take
// the containers of the other for strangers.
func (u *unique) machines(t *Tree) {
	type machine struct {
		connect, lxcpath string
		gateway          SSHGateway // an address may mean another machine behind each
	}
	seen := map[machine]*Host{}
	for _, name := range slices.Sorted(maps.Keys(t.Hosts)) {
		h := t.Hosts[name]
		k := machine{connect: h.Connect, lxcpath: h.LXCPath}
		if h.Gateway != nil {
			k.gateway = *h.Gateway
		}
		first := seen[k]
		if first == nil {
			seen[k] = h
			continue
		}
		u.b.sink.fail(Problem{Position: h.Position, Also: first.Position,
			Path: shorten("targets." + name),
			Text: fmt.Sprintf("hosts %q and %q are the same directory of the same machine",
				shorten(first.Name), shorten(name)), Hint: "put their containers under one host"})
	}
}

// clash reports that two containers claim the same; the later one in file order is to blame.
func (u *unique) clash(k key, text string, a, b *Container) {
	atA, _ := u.locate(a, k)
	atB, pathB := u.locate(b, k)
	if atA == atB { // written once, in a profile or behind an alias
		atA, atB = a.Position, b.Position
	}
	owner := a
	if comparePositions(atB, atA) < 0 {
		atA, atB, owner = atB, atA, b
		_, pathB = u.locate(a, k)
	}
	hint := "give one of them another"
	if k == keyIP || k == keyMAC {
		hint += ", or remove the key to have one generated"
	}
	u.b.sink.fail(Problem{Position: atB, Also: atA, Path: pathB,
		Text: text, Hint: fmt.Sprintf("%s on %s has it: %s", shorten(owner.Name),
			shorten(owner.Host), hint)})
}

// locate says where the value of a container is written.
func (u *unique) locate(c *Container, k key) (Position, string) {
	path := shorten("targets." + c.Host + "." + c.Name)
	if k == keyNone {
		return c.Position, path
	}
	e := u.b.find(c.Host, c.Name)
	o := u.b.ownOrigin(e, k)
	if o.node == nil {
		return c.Position, path
	}
	return positionOf(e.file, o.node), shorten(path + "." + o.f.Key)
}

// ownOrigin finds where a container itself declares a setting; the zero origin if it does not.
func (b *builder) ownOrigin(e entry, k key) origin {
	pairs := b.mapping(resolve(e.node))
	for i := 0; i+1 < len(pairs); i += 2 {
		if f := table.settings[pairs[i].Value]; f != nil && f.id == k {
			return origin{node: pairs[i+1], f: f}
		}
	}
	return origin{}
}
