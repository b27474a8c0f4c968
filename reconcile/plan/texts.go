package plan

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"reconciler/spec"
)

// Applied returns the canonical text of each setting that is carried out on a container (or
// template), by its key in the tree. What is not set is absent, a password stands as its tag. The
// record holds it after success: a later difference means "the declaration changed".
func (d Desired) Applied() map[string]string {
	texts := make(map[string]string, fHostname)
	c := d.config()
	for f := range recorded(&d) {
		texts[f.key()] = string(appendField(nil, &d, &c, f))
	}
	maps.Copy(texts, d.Held)
	maps.DeleteFunc(texts, func(_, text string) bool { return text == "" })
	return texts
}

// keyBegun is the key of a record with the raw settings that were about to be written, as lxc_conf
// has those that were carried out.
const keyBegun = "lxc_conf begun"

// Begun returns what a record must say before the configuration of its container is written: what
// it says, and the raw settings that are about to be written. Whatever happens then, a later run
// knows them to be ours, and takes away what is not declared any more.
func (d Desired) Begun(applied map[string]string) map[string]string {
	all := parseConf(applied[keyBegun])
	carriedOut := parseConf(applied[fLXCConf.key()])
	for _, c := range d.LXCConf {
		if !slices.Contains(all, c) && !slices.Contains(carriedOut, c) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return applied
	}
	begun := maps.Clone(applied)
	if begun == nil {
		begun = make(map[string]string, 1)
	}
	begun[keyBegun] = string(appendConf(nil, all))
	return begun
}

// CarriedOut reports whether a record says that its container was once made as declared: it holds
// more than what was begun with.
func CarriedOut(applied map[string]string) bool {
	if _, begun := applied[keyBegun]; begun {
		return len(applied) > 1
	}
	return len(applied) > 0
}

// Config returns what the configuration of the container shall say. Raw has the declared raw
// keys; keys that Raw does not name are to be left as they are, except those of LXCConfUnset.
func (d Desired) Config() Config { return d.config() }

func (d *Desired) config() Config {
	c := Config{
		Hostname: d.Name, Bridge: d.Bridge, MAC: d.MAC, Gateway: d.Gateway,
		Autostart: d.Autostart, Memory: d.Memory, CPUSet: d.CPUSet, CPUShare: d.CPUShare,
		Raw: grouped(d.LXCConf),
	}
	if d.IP.IsValid() {
		c.Address = netip.PrefixFrom(d.IP, d.PrefixLen)
	}
	return c
}

// grouped returns the values of each key, in order; nil for no settings.
func grouped(conf []spec.ConfItem) map[string][]string {
	if len(conf) == 0 {
		return nil
	}
	values := make(map[string][]string, len(conf))
	for _, c := range conf {
		values[c.Key] = append(values[c.Key], c.Value)
	}
	return values
}

// appendField appends the canonical text of one field to b: nothing if it is not set. The
// configuration is that of the declaration.
func appendField(b []byte, d *Desired, c *Config, f field) []byte {
	switch f {
	case fOptions:
		return appendConf(b, optionItems(d.Options))
	case fSnapshot:
		return appendIf(b, d.Snapshot, "true")
	case fProtect:
		return appendIf(appendIf(b, d.Protect == spec.On, "true"), d.Protect == spec.Off, "false")
	case fDomains:
		return appendWords(b, d.Domains)
	case fDNSServers:
		return appendAddrs(b, d.DNSServers)
	case fSearchDomains:
		return appendWords(b, d.SearchDomains)
	case fUsers:
		return appendWords(b, d.Users)
	case fRunning:
		return strconv.AppendBool(b, d.Running)
	case fLXCConf:
		return appendConf(b, d.LXCConf)
	case fLXCConfUnset:
		words := slices.Clone(d.LXCConfUnset)
		slices.Sort(words)
		return appendWords(b, words)
	case fFrom, fImage, fBacking, fPassword, fNetwork:
		return append(b, plainText(d, c, f)...)
	}
	return appendConfig(b, c, f)
}

// appendConfig appends the canonical text of a field that a configuration has.
func appendConfig(b []byte, c *Config, f field) []byte {
	switch f {
	case fIP:
		if c.Address.IsValid() {
			return c.Address.AppendTo(b)
		}
	case fGateway:
		if c.Gateway.IsValid() {
			return c.Gateway.AppendTo(b)
		}
	case fAutostart:
		return strconv.AppendBool(b, c.Autostart)
	case fMemory:
		if c.Memory != 0 {
			return appendBytes(b, c.Memory)
		}
	case fCPUShare:
		if c.CPUShare != 0 {
			return strconv.AppendInt(b, int64(c.CPUShare), 10)
		}
	}
	return append(b, plainConfig(c, f)...)
}

// plainText returns the text of a field that is a text already, so that it need not be copied.
func plainText(d *Desired, c *Config, f field) string {
	switch f {
	case fFrom:
		return d.FromContainer
	case fImage:
		return d.Image
	case fBacking:
		return d.Backing
	case fPassword:
		return d.PasswordTag
	case fNetwork:
		if d.Network != nil {
			return d.Network.Name
		}
	}
	return plainConfig(c, f)
}

func plainConfig(c *Config, f field) string {
	switch f {
	case fHostname:
		return c.Hostname
	case fBridge:
		return c.Bridge
	case fMAC:
		return c.MAC
	case fCPUSet:
		return c.CPUSet
	}
	return ""
}

func appendIf(b []byte, yes bool, text string) []byte {
	if yes {
		return append(b, text...)
	}
	return b
}

func appendWords(b []byte, words []string) []byte {
	for i, w := range words {
		b = append(appendIf(b, i > 0, " "), w...)
	}
	return b
}

func appendAddrs(b []byte, addrs []netip.Addr) []byte {
	for i, a := range addrs {
		b = a.AppendTo(appendIf(b, i > 0, " "))
	}
	return b
}

// appendConf appends one line key=value for each setting. Between keys the order means nothing;
// between values of one key it does.
func appendConf(b []byte, conf []spec.ConfItem) []byte {
	conf = slices.Clone(conf)
	slices.SortStableFunc(conf, func(a, b spec.ConfItem) int { return strings.Compare(a.Key, b.Key) })
	for i, c := range conf {
		b = append(appendIf(b, i > 0, "\n"), c.Key...)
		b = append(append(b, '='), c.Value...)
	}
	return b
}

// parseConf is the reverse of appendConf.
func parseConf(text string) []spec.ConfItem {
	var conf []spec.ConfItem
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		conf = append(conf, spec.ConfItem{Key: key, Value: value})
	}
	return conf
}

func optionItems(options map[string]string) []spec.ConfItem {
	var items []spec.ConfItem
	for key, value := range options {
		items = append(items, spec.ConfItem{Key: key, Value: value})
	}
	return items
}

// appendBytes appends a number of bytes with the largest unit that keeps it whole.
func appendBytes(b []byte, n int64) []byte {
	unit := 0
	for n != 0 && n%1024 == 0 && unit < len("KMGT") {
		n /= 1024
		unit++
	}
	return append(strconv.AppendInt(b, n, 10), "KMGT"[max(0, unit-1):unit]...)
}
