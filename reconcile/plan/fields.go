package plan

import "reconciler/spec"

// field is one setting that the program acts on. A new one needs a name in key, a text in
// texts.go, and a line in compare.go if the host can tell its value.
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

// key returns the name of the field in the tree and in the record.
func (f field) key() string {
	return [...]string{
		"from_container", "image", "options", "backing", "snapshot", "protect", "network",
		"bridge", "ip", "gateway", "mac", "domains", "dnsservers", "searchdomains", "password",
		"users", "autostart", "running", "memory", "cpuset", "cpushare", "lxc_conf",
		"lxc_conf_unset", "hostname",
	}[f]
}

// recorded returns how many fields, from the first one, a record holds the text of. A template
// is made and then left alone: only what it is made of applies to it.
func recorded(d *Desired) field {
	if d.Template {
		return fNetwork
	}
	return fHostname
}

// fieldSet is a set of fields.
type fieldSet uint32

// Groups of fields: what one kind of step carries out, and what a reader is told of a new
// container.
const (
	passwordFields = fieldSet(1<<fPassword | 1<<fUsers)
	addressFields  = fieldSet(1<<fIP | 1<<fGateway)
	resolvFields   = fieldSet(1<<fDomains | 1<<fDNSServers | 1<<fSearchDomains)
	createFields   = fieldSet(1<<fFrom | 1<<fImage | 1<<fBacking | 1<<fBridge | 1<<fIP |
		1<<fMAC | 1<<fPassword | 1<<fMemory | 1<<fCPUSet | 1<<fCPUShare |
		1<<fLXCConf | 1<<fLXCConfUnset | 1<<fProtect)
)

func (s fieldSet) has(f field) bool { return s&(1<<f) != 0 }

func (s *fieldSet) add(f field, yes bool) {
	if yes {
		*s |= 1 << f
	}
}

// table is what the tree says of each field, looked up once for a whole plan.
type table struct {
	key               [fieldCount]string
	class             [fieldCount]spec.Class
	restart, recreate fieldSet
}

func newTable() table {
	var t table
	for f := range fieldCount {
		t.key[f], t.class[f] = f.key(), spec.ClassOf(f.key())
	}
	t.class[fHostname] = spec.Restart // it is no key of the tree
	for f, class := range t.class {
		t.restart.add(field(f), class == spec.Restart)
		t.recreate.add(field(f), class == spec.Recreate)
	}
	return t
}

// field returns the field of a key, fieldCount if there is none.
func (t *table) field(key string) field {
	for f := range fieldCount {
		if t.key[f] == key {
			return f
		}
	}
	return fieldCount
}
