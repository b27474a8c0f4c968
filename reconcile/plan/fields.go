package plan

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"reconciler/spec"
)

// field is one setting that the program acts on.
type field uint8

// The fields. Those before fHostname are recorded (see Desired.Applied).
const (
	fFrom field = iota
	fImage
	fOptions
	fBacking
	fSnapshot
	fProtect
	fNetwork
	fBridge
	fIP
	fGateway
	fMAC
	fDomains
	fDNSServers
	fSearchDomains
	fPassword
	fUsers
	fAutostart
	fRunning
	fMemory
	fCPUSet
	fCPUShare
	fLXCConf
	fLXCConfUnset
	fHostname // follows from the name, so it is compared with the host but not recorded
	fieldCount
)

// recordedFields is the number of fields that a record holds the text of.
const recordedFields = fHostname

// templateFields is how many of them apply to a template: it is made, and then left alone.
const templateFields = fNetwork

// fieldSet is a set of fields.
type fieldSet uint32

// Groups of fields that one kind of step carries out.
const (
	passwordFields = fieldSet(1<<fPassword | 1<<fUsers)
	addressFields  = fieldSet(1<<fIP | 1<<fGateway)
	resolvFields   = fieldSet(1<<fDomains | 1<<fDNSServers | 1<<fSearchDomains)
	createFields   = fieldSet(1<<fFrom | 1<<fImage | 1<<fOptions | 1<<fBacking | 1<<fBridge |
		1<<fIP | 1<<fMAC | 1<<fPassword | 1<<fMemory | 1<<fCPUSet | 1<<fCPUShare)
)

func (s fieldSet) has(f field) bool { return s&(1<<f) != 0 }

func (s *fieldSet) add(f field, yes bool) {
	if yes {
		*s |= 1 << f
	}
}

// classes are the sets of fields of each class, looked up once for a whole plan.
type classes struct {
	key               [fieldCount]string
	of                [fieldCount]spec.Class
	restart, recreate fieldSet
}

func newClasses() classes {
	var c classes
	for f := range fieldCount {
		c.key[f] = f.key()
		c.of[f] = classOf(f)
		c.restart.add(f, c.of[f] == spec.Restart)
		c.recreate.add(f, c.of[f] == spec.Recreate)
	}
	return c
}

// key returns the name of the field in the tree and in the record.
func (f field) key() string {
	names := [...]string{
		"from_container", "image", "options", "backing", "snapshot", "protect", "network",
		"bridge", "ip", "gateway", "mac", "domains", "dnsservers", "searchdomains", "password",
		"users", "autostart", "running", "memory", "cpuset", "cpushare", "lxc_conf",
		"lxc_conf_unset", "hostname",
	}
	return names[f]
}

// Applied returns the canonical text of each setting that is carried out on a container (or
// template), by its key in the tree. What is not set is absent, a password stands as its tag. The
// record holds it after success: a later difference means "the declaration changed".
func (d Desired) Applied() map[string]string {
	texts := make(map[string]string, recordedFields)
	var space [256]byte
	c := d.file()
	for f := range recordedFields {
		if text, ok := appendField(space[:0], &d, &c, f); ok {
			texts[f.key()] = string(text)
		}
	}
	for key, text := range d.Held {
		if text == "" {
			delete(texts, key)
		} else {
			texts[key] = text
		}
	}
	return texts
}

// appendField appends the canonical text of one field to b and says whether the field is set. The
// configuration is that of d.file().
func appendField(b []byte, d *Desired, c *Config, f field) ([]byte, bool) {
	if d.Template && f >= templateFields {
		return b, false
	}
	switch f {
	case fFrom:
		return appendText(b, d.FromContainer)
	case fImage:
		return appendText(b, d.Image)
	case fOptions:
		return appendOptions(b, d.Options)
	case fBacking:
		return appendText(b, d.Backing)
	case fSnapshot:
		return strconv.AppendBool(b, true), d.Snapshot
	case fProtect:
		return strconv.AppendBool(b, d.Protect == spec.On), d.Protect != spec.Unset
	case fDomains:
		return appendWords(b, d.Domains)
	case fDNSServers:
		return appendAddrs(b, d.DNSServers)
	case fSearchDomains:
		return appendWords(b, d.SearchDomains)
	case fPassword:
		return appendText(b, d.PasswordTag)
	case fUsers:
		return appendWords(b, d.Users)
	case fRunning:
		return strconv.AppendBool(b, d.Running), true
	case fLXCConf:
		return appendConf(b, d.LXCConf)
	case fLXCConfUnset:
		return appendSorted(b, d.LXCConfUnset)
	case fNetwork:
		if d.Network == nil {
			return b, false
		}
		return appendText(b, d.Network.Name)
	default:
		return appendConfig(b, c, f)
	}
}

// appendConfig appends the canonical text of a field that a configuration has.
func appendConfig(b []byte, c *Config, f field) ([]byte, bool) {
	switch f {
	case fHostname:
		return appendText(b, c.Hostname)
	case fBridge:
		return appendText(b, c.Bridge)
	case fIP:
		if !c.Address.IsValid() {
			return b, false
		}
		return c.Address.AppendTo(b), true
	case fGateway:
		if !c.Gateway.IsValid() {
			return b, false
		}
		return c.Gateway.AppendTo(b), true
	case fMAC:
		return appendText(b, c.MAC)
	case fAutostart:
		return strconv.AppendBool(b, c.Autostart), true
	case fMemory:
		return appendBytes(b, c.Memory), c.Memory != 0
	case fCPUSet:
		return appendText(b, c.CPUSet)
	case fCPUShare:
		return strconv.AppendInt(b, int64(c.CPUShare), 10), c.CPUShare != 0
	default:
		return b, false
	}
}

func appendText(b []byte, s string) ([]byte, bool) { return append(b, s...), s != "" }

func appendWords(b []byte, words []string) ([]byte, bool) {
	for i, w := range words {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	return b, len(words) > 0
}

// appendSorted is appendWords for a list whose order means nothing.
func appendSorted(b []byte, words []string) ([]byte, bool) {
	if !slices.IsSorted(words) {
		words = slices.Sorted(slices.Values(words))
	}
	return appendWords(b, words)
}

func appendAddrs(b []byte, addrs []netip.Addr) ([]byte, bool) {
	for i, a := range addrs {
		if i > 0 {
			b = append(b, ' ')
		}
		b = a.AppendTo(b)
	}
	return b, len(addrs) > 0
}

// appendOptions appends one line key=value for each option, sorted.
func appendOptions(b []byte, options map[string]string) ([]byte, bool) {
	if len(options) == 0 {
		return b, false
	}
	for i, key := range slices.Sorted(maps.Keys(options)) {
		b = appendLine(b, i, key, options[key])
	}
	return b, true
}

// appendConf appends one line key=value for each raw setting. Between keys the order means
// nothing; between values of one key it does.
func appendConf(b []byte, conf []spec.ConfItem) ([]byte, bool) {
	if !slices.IsSortedFunc(conf, byKey) {
		conf = slices.Clone(conf)
		slices.SortStableFunc(conf, byKey)
	}
	for i, c := range conf {
		b = appendLine(b, i, c.Key, c.Value)
	}
	return b, len(conf) > 0
}

func appendLine(b []byte, i int, key, value string) []byte {
	if i > 0 {
		b = append(b, '\n')
	}
	b = append(b, key...)
	b = append(b, '=')
	return append(b, value...)
}

// appendBytes appends a number of bytes with the largest unit that keeps it whole.
func appendBytes(b []byte, n int64) []byte {
	const units = "KMGT"
	unit := -1
	for n != 0 && n%1024 == 0 && unit < len(units)-1 {
		n /= 1024
		unit++
	}
	b = strconv.AppendInt(b, n, 10)
	if unit >= 0 {
		b = append(b, units[unit])
	}
	return b
}
