package spec

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"
)

const (
	connectLocal = "local"
	localhost    = "localhost"
)

// builder makes a Tree from documents. It is used once and by one goroutine.
type builder struct {
	walker
	sink  sink
	quiet bool // problems have been reported by an earlier builder
	opts  Options
	decl  *declaration

	networks  map[string]*Network
	hosts     map[string]*hostEntry
	profiles  map[string]*block
	templates map[string]*templateDraft
	sizes     map[string]int64
	names     []string // of networks, sorted

	bases    map[baseKey]*draft
	inlined  map[inlineKey]*Network
	gateways map[*Network][]netip.Prefix
	index    map[string]map[string]entry // see find

	cur     cursor            // the value being read
	scratch draft             // the container being made
	own     source            // of the container being made
	later   map[string]origin // see note; nil: nobody asked
}

// baseKey names a set of layers below a container.
type baseKey struct {
	host    string // only if the name of the host matters
	layer   *block // defaults of the host
	profile string
}

// hostScope is a host while its containers are made.
type hostScope struct {
	*Host
	defaults *block   // of the host; nil: none
	profile  string   // that the defaults name
	names    []string // memory for the domains of containers that have only their name
}

// alone returns the list of one name; all such lists of a host share their memory.
func (h *hostScope) alone(name string) []string {
	h.names = append(h.names, name)
	n := len(h.names)
	return h.names[n-1 : n : n]
}

// Tree merges, completes and validates the documents. The error is of type Problems and names
// everything that is wrong.
func (d *Documents) Tree() (*Tree, error) {
	b := &builder{opts: d.opts}
	b.sink.warnings = slices.Clone(d.warnings)
	m := newMerger(&b.walker, &b.sink)
	m.decl.vault = d.vault
	m.all(d.docs)
	b.decl = m.decl
	b.prepare()
	t := b.tree()
	if b.over != "" {
		b.sink.problems = append(b.sink.problems, Problem{Position: b.overAt, Text: b.over,
			Hint: "is an alias expanded again and again?"})
	}
	if err := b.sink.err(); err != nil {
		return nil, err
	}
	t.Warnings = inFileOrder(b.sink.warnings)
	return t, nil
}

// prepare reads everything but the containers.
func (b *builder) prepare() {
	b.networks, b.hosts = map[string]*Network{}, map[string]*hostEntry{}
	b.profiles, b.templates = map[string]*block{}, map[string]*templateDraft{}
	b.bases, b.inlined = map[baseKey]*draft{}, map[inlineKey]*Network{}
	b.gateways, b.sizes = map[*Network][]netip.Prefix{}, profileSizes()
	b.readNetworks()
	b.names = slices.Sorted(maps.Keys(b.networks))
	d := builtInDraft()
	for _, l := range b.decl.defaults {
		b.apply(&d, l)
	}
	b.readProfiles()
	b.readTemplates()
	b.readHosts()
}

func (b *builder) networkNames() []string { return b.names }

// tree makes all hosts with their containers.
func (b *builder) tree() *Tree {
	t := &Tree{Networks: map[string]*Network{}, Hosts: make(map[string]*Host, len(b.decl.targets)),
		layers: &layers{decl: b.decl, opts: b.opts}, locked: b.decl.vault.locked}
	if len(b.decl.targets) == 0 && len(b.sink.problems) == 0 {
		b.sink.fail(Problem{Text: "the tree declares no host",
			Hint: "write targets: {HOST: {}}; an empty tree never means that all shall go"})
	}
	u := newUnique(b)
	for _, target := range b.decl.targets {
		h := b.scope(target)
		b.containers(h, target, u)
		b.clones(h.Host)
		t.Hosts[h.Name] = h.Host
		if b.over != "" {
			return t
		}
	}
	b.strayHosts()
	t.Groups = b.readGroups()
	u.machines(t)
	b.finishInline()
	for _, h := range t.Hosts {
		b.prepareHost(h)
	}
	for name := range b.decl.networks {
		t.Networks[name] = b.networks[name]
	}
	for n := range u.segments {
		t.Networks[n.Name] = n
	}
	return t
}

// containers makes the containers of one host.
func (b *builder) containers(h *hostScope, target *target, u *unique) {
	slab := make([]Container, len(target.containers))
	for i, e := range target.containers {
		c := &slab[i]
		b.container(h, e, c)
		if c.Network != nil {
			u.add(c)
		}
		h.Containers[c.Name] = c
	}
	u.bridges(h.Host)
}

// scope prepares a host that targets names.
func (b *builder) scope(t *target) *hostScope {
	name := t.key.Value
	h := &hostScope{Host: &Host{Name: name, Connect: connectSSH(name), LXCPath: defaultLXCPath,
		Containers: make(map[string]*Container, len(t.containers)), Position: t.position()},
		names: make([]string, 0, len(t.containers))}
	if name == localhost || name == b.opts.Hostname || name == b.opts.FullName {
		h.Connect = connectLocal
	}
	if e := b.hosts[name]; e != nil {
		h.defaults = e.defaults
		if e.connect != "" {
			h.Connect = e.connect
		}
		if e.lxcpath != "" {
			h.LXCPath = e.lxcpath
		}
	}
	src := &source{file: t.file, path: "targets." + name}
	if wrong, hint := checkHostName(name); wrong != "" {
		b.failAt(t.entry, src, fmt.Sprintf("host %q %s", shorten(name), wrong), hint)
	}
	base := b.base(h, "")
	h.profile, h.Drift, h.Windows = base.Profile, base.Drift, base.Windows
	b.way(h.Host, b.hosts[name], base.hop)
	h.Templates = b.templatesOf(name, base)
	return h
}

// base is a draft with all layers below a container, made once for each combination.
func (b *builder) base(h *hostScope, profile string) *draft {
	k := baseKey{layer: h.defaults, profile: profile}
	if profile != "" && b.profiles[profile] == nil && b.sizes[profile] == 0 {
		k.host = h.Name
	}
	if d := b.bases[k]; d != nil {
		return d
	}
	d := builtInDraft()
	for _, l := range b.decl.defaults {
		b.apply(&d, l)
	}
	if h.defaults != nil {
		b.apply(&d, h.defaults)
	}
	d.unknown = profile != "" && !b.applyProfile(&d, h.Name, profile)
	b.bases[k] = &d
	return &d
}

// container makes one container.
func (b *builder) container(h *hostScope, e entry, out *Container) {
	name := e.key.Value
	b.where = e.position()
	d := b.draft(h, e)
	f := finisher{b: b, host: h, e: e, src: &b.own, d: d}
	if wrong, hint := checkContainerName(name); wrong != "" {
		b.failAt(e, &b.own, fmt.Sprintf("container name %q %s", shorten(name), wrong), hint)
	}
	if t := h.Templates[name]; t != nil {
		b.failAt(e, &b.own, fmt.Sprintf("container %q has the name of a template (%s)", name,
			t.Position), "give one of them another name")
	}
	f.finish()
	*out = Container{Host: h.Name, Name: name, Position: e.position(), Settings: d.Settings}
}

// draft writes all layers of a container over each other, and what encrypted files add to it.
// The result is valid until the next call.
func (b *builder) draft(h *hostScope, e entry) *draft {
	d := b.plainDraft(h, e)
	for _, l := range b.decl.sealed[sealedKey{InContainer, h.Name, e.key.Value}] {
		b.apply(d, l)
	}
	return d
}

func (b *builder) plainDraft(h *hostScope, e entry) *draft {
	b.own = source{rank: byContainer, file: e.file, label: "container", path: "targets." + h.Name,
		container: e.key.Value}
	d := &b.scratch
	v := resolve(e.node)
	if isNull(v) || v.Kind != yaml.MappingNode {
		*d = *b.base(h, h.profile)
		if !isNull(v) {
			b.failAt(e, &b.own, "a container is "+kindOf(v), "write a mapping of settings, or {}")
		}
		return d
	}
	pairs := b.mapping(v)
	profile := h.profile
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := resolve(pairs[i+1]); pairs[i].Value == "profile" && !isNull(v) {
			profile = v.Value
		}
	}
	*d = *b.base(h, profile)
	b.cur = cursor{builder: b, d: d, src: &b.own, mute: b.quiet}
	for i := 0; i+1 < len(pairs); i += 2 {
		b.applyKey(InContainer, pairs[i], pairs[i+1])
	}
	return d
}

// entryBlock is the mapping of an entry; no value at all is the empty mapping.
func (b *builder) entryBlock(e entry, in Place, src *source) *block {
	v := resolve(e.node)
	if v.Kind == yaml.MappingNode {
		return &block{src: src, in: in, node: v}
	}
	if !isNull(v) {
		b.failAt(e, src, "is "+kindOf(v), "write a mapping of settings")
	}
	return &block{src: src, in: in, node: &yaml.Node{Kind: yaml.MappingNode}}
}

// find returns how a container is declared. It is for the rare case that something is wrong
// with it, so its index is made only then.
func (b *builder) find(host, container string) entry {
	if b.index[host] == nil {
		if b.index == nil {
			b.index = map[string]map[string]entry{}
		}
		t := b.decl.byHost[host]
		b.index[host] = make(map[string]entry, len(t.containers))
		for _, e := range t.containers {
			b.index[host][e.key.Value] = e
		}
	}
	return b.index[host][container]
}

// failAt reports a problem at the key of an entry.
func (b *builder) failAt(e entry, src *source, text, hint string) {
	if !b.quiet {
		b.sink.fail(Problem{Position: e.position(), Path: src.pathTo(""), Text: text, Hint: hint})
	}
}
