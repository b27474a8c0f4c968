package spec

import (
	"net/netip"
	"strconv"
)

// Position is a place in the declaration. The zero Position means "nowhere": a built-in value.
type Position struct {
	File   string `json:"file,omitempty"` // slash-separated, relative to the root of the tree
	Line   int    `json:"line,omitempty"` // 1-based
	Column int    `json:"column,omitempty"`
}

// String returns file:line, or "built in" for the zero Position.
func (p Position) String() string {
	if p.File == "" {
		return "built in"
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Tree is the whole declaration, merged and completed with defaults. It is read-only after Parse.
type Tree struct {
	Networks map[string]*Network
	Hosts    map[string]*Host // every host that `targets` names; never one that only `hosts` names
	Groups   map[string]*Group
	Warnings []Problem // what is accepted but deserves a word, in file order

	locked []Position // see Locked
	layers *layers    // where each value came from, for Settings
}

// Network is one layer-2 segment with the addresses that may be given out on it.
type Network struct {
	Name    string // unique in the tree; the key of address uniqueness in the state store
	Bridge  string
	CIDR    netip.Prefix
	Gateway netip.Addr // invalid: containers get no default route
	First   netip.Addr // first and last address that may be generated, both included
	Last    netip.Addr
	Exclude []netip.Prefix // never generated
}

// Host is one machine that runs containers.
type Host struct {
	Name       string
	Connect    string      // "local" or ssh://user@host[:port]
	LXCPath    string      // absolute
	Gateway    *SSHGateway // nil: ssh goes as it is configured
	Agent      string      // path or name of this program there; empty: it is delivered
	Containers map[string]*Container
	Templates  map[string]*Container // the declared templates, completed with this host's defaults
	Prepare    *Preparation          // what the host shall have; nil: nothing is prepared
	Drift      Drift                 // of its defaults; holds for what the host is prepared with
	Windows    []Window              // of its defaults, likewise: when the host may be prepared
	Position   Position
}

// Container is one declared container (or template) with its effective settings.
type Container struct {
	Host     string
	Name     string
	Template bool
	Position Position // of its key in the tree
	Settings
}

// Settings are the effective values of one container. A zero value means "not declared" where
// the comment does not say otherwise.
type Settings struct {
	Profile     string
	ProfileType string

	FromContainer string            // template or container to clone; empty: created from Image
	Image         string            // LXC template script, or empty
	Options       map[string]string // options of the template script
	Backing       string            // dir, overlayfs, lvm, btrfs, zfs, loop
	Size          int64             // bytes; only on block backings
	Snapshot      bool

	Network   *Network // nil only for a template without a network
	Bridge    string
	IP        netip.Addr // invalid: to be generated
	PrefixLen int
	Gateway   netip.Addr // invalid: no default route
	MAC       string     // lower case, colon separated; empty: to be generated

	Domains       []string // the container's name first, the rest sorted
	DNSServers    []netip.Addr
	SearchDomains []string

	Password Secret
	Users    []string // whose password it is; sorted

	Autostart    bool
	Running      bool
	Memory       int64  // bytes; 0: no limit
	CPUSet       string // list format of cpuset.cpus
	CPUShare     int    // cpu.shares, 2…262144; 0: unset
	LXCConf      []ConfItem
	LXCConfUnset []string

	Protect  Switch
	Recreate bool // recreate: allow

	Drift   Drift    // zero: it is corrected
	Windows []Window // when it may be touched; none: at any time. Sorted by text
}

// ConfItem is one raw liblxc configuration line.
type ConfItem struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Switch is a yes/no setting for which "not declared" is a third answer.
type Switch uint8

// The values of a Switch.
const (
	Unset Switch = iota
	On
	Off
)

// Class says what it takes to change a setting of a container that exists.
type Class string

// The classes, from harmless to destructive.
const (
	Live     Class = "live"     // changed on the running container
	Restart  Class = "restart"  // configuration written, container restarted
	Recreate Class = "recreate" // data is lost: refused unless `recreate: allow`
	Once     Class = "once"     // applied at creation and again when its input changes
)
