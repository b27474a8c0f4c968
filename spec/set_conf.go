package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ownedKeys are lines of the LXC configuration that a setting stands for, or that we write
// ourselves. A key that ends in a dot stands for everything below it.
func ownedKeys() [][2]string {
	const ours = "it follows from the name of the container and its backing"
	const first = "write network, bridge, mac, ip, netmask and gateway"
	return [][2]string{
		{"lxc.net.0.hwaddr", "write mac"},
		{"lxc.net.0.link", "write bridge"},
		{"lxc.net.0.ipv4.address", "write ip and netmask"},
		{"lxc.net.0.ipv4.gateway", "write gateway"},
		{"lxc.net.0.", first},
		{"lxc.net", first},
		{"lxc.net.0", first},
		{"lxc.network.", first + "; LXC 3 dropped lxc.network"},
		{"lxc.uts.name", "the host name of a container is its name"},
		{"lxc.utsname", "the host name of a container is its name"},
		{"lxc.rootfs", ours},
		{"lxc.rootfs.", ours},
		{"lxc.start.auto", "write autostart"},
		{"lxc.log.", "each start writes reconciler.log beside the container's config"},
		{"lxc.include", "write the lines of the file themselves"},
		{"lxc.cgroup.memory.limit_in_bytes", "write memory"},
		{"lxc.cgroup2.memory.max", "write memory"},
		{"lxc.cgroup.cpuset.cpus", "write cpuset"},
		{"lxc.cgroup2.cpuset.cpus", "write cpuset"},
		{"lxc.cgroup.cpu.shares", "write cpushare"},
		{"lxc.cgroup2.cpu.weight", "write cpushare"},
	}
}

// checkConfKey says what is wrong with a raw configuration key.
func checkConfKey(k string) (wrong, hint string) {
	if !strings.HasPrefix(k, "lxc.") || len(k) == len("lxc.") {
		return "is not a key of an LXC configuration", "its keys begin with lxc."
	}
	for i := range len(k) {
		if !isLetter(k[i]) && !isDigit(k[i]) && strings.IndexByte("._-", k[i]) < 0 {
			return "is not a key of an LXC configuration",
				"use letters, digits, dots, hyphens and underscores"
		}
	}
	for _, o := range ownedKeys() {
		if k == o[0] || strings.HasSuffix(o[0], ".") && strings.HasPrefix(k, o[0]) {
			return "is set by the program itself", o[1]
		}
	}
	return "", ""
}

// setLXCConf reads a list of maps with one key each, as salt has it, whose order is kept, or one
// map, whose order means nothing.
func setLXCConf(c *cursor, n *yaml.Node) {
	v := resolve(n)
	var conf []ConfItem
	switch {
	case isNull(v):
	case v.Kind == yaml.MappingNode:
		conf = c.confItems(c.mapping(v))
		slices.SortFunc(conf, func(a, b ConfItem) int { return strings.Compare(a.Key, b.Key) })
	case v.Kind == yaml.SequenceNode && c.spend(len(v.Content)):
		for _, item := range v.Content {
			m := resolve(item)
			if m.Kind != yaml.MappingNode || len(m.Content) != 2 {
				c.fail(item, "is not a map with one key", "write - lxc.KEY: VALUE")
				continue
			}
			conf = append(conf, c.confItems(c.mapping(m))...)
		}
	default:
		c.fail(n, "is "+kindOf(v), "write a mapping or a list of mappings with one key each")
		return
	}
	c.d.LXCConf = conf
	c.set(n)
}

func (c *cursor) confItems(pairs []*yaml.Node) []ConfItem {
	items := make([]ConfItem, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		k := pairs[i]
		if wrong, hint := checkConfKey(k.Value); wrong != "" {
			c.fail(k, c.quote(k.Value)+" "+wrong, hint)
			continue
		}
		v, ok := c.text(pairs[i+1])
		if !ok {
			continue
		}
		if hasControl(v) {
			c.fail(pairs[i+1], "the value of "+c.quote(k.Value)+" has a line break",
				"write one entry for each line")
			continue
		}
		items = append(items, ConfItem{Key: k.Value, Value: v})
	}
	return items
}

// setLXCConfUnset reads keys and prefixes; none may take away a line that we need.
func setLXCConfUnset(c *cursor, n *yaml.Node) {
	keys, ok := c.texts(n, func(s string) (text, wrong, hint string) {
		if wrong, hint = checkConfKey(s); wrong != "" {
			return "", wrong, hint
		}
		for _, o := range ownedKeys() {
			if strings.HasPrefix(o[0], strings.TrimSuffix(s, ".")+".") {
				return "", "would remove what the program itself sets", "name longer keys"
			}
		}
		return s, "", ""
	})
	if ok {
		slices.Sort(keys)
		c.d.LXCConfUnset = slices.Compact(keys)
		c.set(n)
	}
}
