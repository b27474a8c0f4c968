package spec

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// Place says where in a tree a key may stand. Places are combined with |.
type Place uint16

// The places.
const (
	InContainer      Place = 1 << iota // targets.HOST.CONTAINER
	InProfile                          // profiles.NAME
	InDefaults                         // defaults, and defaults of an entry of hosts
	InTemplate                         // templates.NAME
	InHost                             // hosts.NAME
	InNetwork                          // networks.NAME
	InRoot                             // outermost level of a file
	InPrepare                          // hosts.NAME.prepare
	InPreparedBridge                   // hosts.NAME.prepare.bridges.BRIDGE
	InGroup                            // groups.NAME

	inSettings = InContainer | InProfile | InDefaults
)

// Status says what becomes of a key.
type Status string

// The statuses.
const (
	Acted    Status = "acted on"
	Later    Status = "not acted on yet" // accepted with a warning
	Rejected Status = "rejected"         // an error that says what to write instead
)

// Kind is the shape of a value.
type Kind string

// The kinds.
const (
	KindText    Kind = "text"
	KindBool    Kind = "yes/no"
	KindInt     Kind = "number"
	KindSize    Kind = "size"    // bytes, or with a unit: 512M, 10g
	KindAddress Kind = "address" // IPv4
	KindList    Kind = "list"    // of texts
	KindMap     Kind = "map"     // of texts
	KindConf    Kind = "conf"    // map of texts, or a list of maps with one key
	KindSection Kind = "section" // map of named entries
	KindAny     Kind = "any"
)

// Field describes one key of a tree.
type Field struct {
	Key       string
	In        Place
	Kind      Kind
	Class     Class // empty for what is not acted on, and for keys that are no setting
	Status    Status
	Doc       string   // one line
	Default   string   // what holds without the key, empty for nothing
	Values    []string // the only values there are, nil for no such limit
	Hint      string   // of a key that is not acted on: what to write instead, if that is known
	Sensitive bool     // the value is a secret
}

// Fields returns every key of a tree, sorted by key and place. The result is a copy.
func Fields() []Field {
	out := make([]Field, 0, len(table.all))
	for _, f := range table.all {
		c := f.Field
		c.Values = slices.Clone(c.Values)
		out = append(out, c)
	}
	return out
}

// ClassOf returns the class of a setting of a container, and "" for a key that is none or is
// not acted on.
func ClassOf(key string) Class {
	if f := table.settings[key]; f != nil {
		return f.Class
	}
	return ""
}

// key is the number of a setting that is acted on.
type key uint8

const (
	keyNone key = iota
	keyProfile
	keyProfileType
	keyFromContainer
	keyImage
	keyOptions
	keyBacking
	keySize
	keySnapshot
	keyNetwork
	keyBridge
	keyIP
	keyNetmask
	keyGateway
	keyMAC
	keyDomains
	keyDNSServers
	keySearchDomains
	keyPassword
	keyUsers
	keyAutostart
	keyRunning
	keyMemory
	keyCPUSet
	keyCPUShare
	keyLXCConf
	keyLXCConfUnset
	keyProtect
	keyRecreate
	keyDrift
	keyWindows
	keyCount
)

// field is a row of the table: what a key is, and what the program does with it.
type field struct {
	Field
	id  key
	set func(*cursor, *yaml.Node)  // reads the value into the draft; nil: not acted on
	get func(*Settings) string     // canonical text of the effective value; nil for no setting
	put func(*section, *yaml.Node) // of hosts, networks and groups: reads the value of an entry
}

// fieldTable holds every key, and for each place an index by name.
type fieldTable struct {
	all      []*field
	settings map[string]*field // of containers, profiles, defaults and templates
	hosts    map[string]*field
	networks map[string]*field
	groups   map[string]*field
	root     map[string]*field
	prepare  map[string]*field // of what a host is prepared with
	bridges  map[string]*field // of one bridge of it
}

// table is never changed after it was made.
var table = newTable()

func newTable() *fieldTable {
	t := &fieldTable{settings: map[string]*field{}, hosts: map[string]*field{},
		networks: map[string]*field{}, groups: map[string]*field{}, root: map[string]*field{},
		prepare: map[string]*field{}, bridges: map[string]*field{}}
	groups := [][]field{sectionFields(), hostFields(), sshFields(), networkEntryFields(),
		groupFields(), prepareFields(), preparedBridgeFields(), creationFields(),
		networkFields(), guestFields(), runFields(), controlFields(), laterFields(),
		laterHostFields(), rejectedFields(), rejectedRootFields()}
	for _, g := range groups {
		for i := range g {
			t.add(&g[i])
		}
	}
	slices.SortFunc(t.all, func(a, b *field) int {
		if a.Key != b.Key {
			if a.Key < b.Key {
				return -1
			}
			return 1
		}
		return int(a.In) - int(b.In)
	})
	return t
}

func (t *fieldTable) add(f *field) {
	t.all = append(t.all, f)
	if f.In&(inSettings|InTemplate) != 0 {
		t.settings[f.Key] = f
	}
	if f.In&InHost != 0 {
		t.hosts[f.Key] = f
	}
	if f.In&InNetwork != 0 {
		t.networks[f.Key] = f
	}
	if f.In&InGroup != 0 {
		t.groups[f.Key] = f
	}
	if f.In&InRoot != 0 {
		t.root[f.Key] = f
	}
	if f.In&InPrepare != 0 {
		t.prepare[f.Key] = f
	}
	if f.In&InPreparedBridge != 0 {
		t.bridges[f.Key] = f
	}
}

// keysIn lists the keys that may be written at a place, for suggestions.
func keysIn(index map[string]*field, in Place) []string {
	var keys []string
	for k, f := range index {
		if f.In&in != 0 && f.Status != Rejected {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
