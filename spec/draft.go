package spec

import "gopkg.in/yaml.v3"

// rank orders the layers that can set a value: the higher one wins.
type rank uint8

const (
	byBuiltIn rank = iota
	byTreeDefaults
	byHostDefaults
	byProfile
	byContainer
)

// source is where a group of keys is written.
type source struct {
	rank      rank
	file      string
	label     string // what Settings calls it
	path      string // in the tree
	container string // appended to path, so that a path need not be made for every container
}

func (s *source) pathTo(key string) string {
	path := s.path
	if s.container != "" {
		path += "." + s.container
	}
	if key != "" {
		path += "." + key
	}
	return shorten(path)
}

// origin is where one value is written; the zero origin means "built in".
type origin struct {
	node *yaml.Node
	src  *source
	f    *field
}

func (o origin) rank() rank {
	if o.src == nil {
		return byBuiltIn
	}
	return o.src.rank
}

func (o origin) position() Position {
	if o.src == nil {
		return Position{}
	}
	return positionOf(o.src.file, o.node)
}

// block is a mapping of settings and where it stands.
type block struct {
	src    *source
	in     Place
	node   *yaml.Node
	judged bool     // its problems have been reported
	more   []*block // what encrypted files add to it; no key stands in two of them
}

// draft is a set of settings while layer after layer is written over it. What can only be
// understood together, such as network and netmask, is kept as written until finish.
type draft struct {
	Settings
	at        [keyCount]origin
	network   string // name or address as written, empty for none
	netmask   int    // -1: not declared
	noGateway bool   // gateway: none
	scratch   bool   // profile_type ends in -scratch
	sizeOf    int64  // that the profile says
	typeOf    string // that the profile says
	hop       hop    // of the host
	unknown   bool   // there is no such profile
}

// builtInDraft is what holds for a container without any declaration.
func builtInDraft() draft {
	return draft{netmask: -1, Settings: Settings{
		Backing: backingDir, Users: []string{"root"}, Autostart: true, Running: true,
	}}
}
