package plan

import (
	"net/netip"
	"strings"

	"reconciler/spec"
)

// Config returns what the configuration of the container shall say. Raw has the declared raw
// keys; keys that Raw does not name are to be left as they are, except those of LXCConfUnset.
func (d Desired) Config() Config {
	c := d.file()
	if len(d.LXCConf) > 0 {
		c.Raw = make(map[string][]string, len(d.LXCConf))
	}
	for _, item := range d.LXCConf {
		c.Raw[item.Key] = append(c.Raw[item.Key], item.Value)
	}
	return c
}

// file is Config without Raw; it allocates nothing.
func (d *Desired) file() Config {
	c := Config{
		Hostname: d.Name, Bridge: d.Bridge, MAC: d.MAC, Gateway: d.Gateway,
		Autostart: d.Autostart, Memory: d.Memory, CPUSet: d.CPUSet, CPUShare: d.CPUShare,
	}
	if d.IP.IsValid() {
		c.Address = netip.PrefixFrom(d.IP, d.PrefixLen)
	}
	return c
}

func byKey(a, b spec.ConfItem) int { return strings.Compare(a.Key, b.Key) }
