package plan

import "net/netip"

// Actual is the complete observation of one host.
type Actual struct {
	Host       string
	Bridges    []string   // names of the bridges of the host, sorted
	Containers []Observed // sorted by name

	// Others are the names of what else lies beside the containers, such as a directory whose
	// configuration file is gone. Sorted.
	Others []string

	// Known says that a container was made here before: the driver left a file that says so beside
	// the containers. A host that has records but is not Known may be one whose disk is not mounted.
	Known bool

	// Missing is the directory of the containers if it does not exist; nothing else than Bridges is
	// known then. That is no empty host unless preparing it shall make the directory.
	Missing string `json:",omitempty"`
}

// State of a container as liblxc names it, in lower case.
type State string

// The states that matter here; liblxc has more (freezing, aborting, …).
const (
	Running State = "running"
	Stopped State = "stopped"
	Frozen  State = "frozen"
)

// Mark is the ownership mark that we write into a container's configuration. It names its own
// container, so that a copy made by hand does not count.
type Mark struct {
	Installation string `json:"installation"`
	Host         string `json:"host"`
	Name         string `json:"name"`
	UID          string `json:"uid"`
}

// Observed is one container as a host reports it.
type Observed struct {
	Name      string   `json:"name"`
	Mark      *Mark    `json:"mark,omitempty"` // nil: it carries none
	State     State    `json:"state"`
	PID       int      `json:"pid,omitempty"`       // of its init, 0 unless running
	Damage    string   `json:"damage,omitempty"`    // why it must not be started or cloned
	Backing   string   `json:"backing,omitempty"`   // dir, overlayfs, …
	Lower     string   `json:"lower,omitempty"`     // overlayfs: the container it is a snapshot of
	Config    Config   `json:"config"`              // what the configuration file says
	Live      *Config  `json:"live,omitempty"`      // what really holds; nil unless running
	Addresses []string `json:"addresses,omitempty"` // all addresses inside, without prefix length
}

// Config is the part of a container's configuration that can be declared.
type Config struct {
	Hostname  string       `json:"hostname,omitempty"`
	Bridge    string       `json:"bridge,omitempty"`
	MAC       string       `json:"mac,omitempty"`
	Address   netip.Prefix `json:"address,omitzero"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Autostart bool         `json:"autostart,omitempty"`
	Memory    int64        `json:"memory,omitempty"` // bytes, 0: no limit
	CPUSet    string       `json:"cpuset,omitempty"`
	CPUShare  int          `json:"cpushare,omitempty"`
	// Raw has the values of every key of the file itself, in order, that has no field above.
	// Keys that come from an included file are not in it.
	Raw map[string][]string `json:"raw,omitempty"`
}
