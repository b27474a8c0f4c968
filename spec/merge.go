package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// declaration is what all files say together, still as YAML nodes. It is read-only once made.
type declaration struct {
	networks  map[string]entry
	hosts     map[string]entry
	groups    map[string]entry
	profiles  map[string]entry
	templates map[string]entry
	defaults  []*block // one for each mapping; no key stands in two of them
	targets   []*target
	byHost    map[string]*target
	sealed    map[sealedKey][]*block // what encrypted files add
	vault     *vault
}

// entry is one named thing of a section, and the file in which it is declared.
type entry struct {
	file string
	key  *yaml.Node
	node *yaml.Node
}

func (e entry) position() Position { return positionOf(e.file, e.key) }

// target is one host of targets with the containers that all files declare for it.
type target struct {
	entry      // where the host is named first
	containers []entry
	places     map[string]Position // of the containers; nil while one mapping has them all
}

// targetPrefixes are the dotted keys of the predecessors; what follows is the name of the host,
// which may contain dots itself.
func targetPrefixes() []string {
	return []string{"makina-states.services.cloud.lxc.targets", "makina-states.cloud.lxc.vms",
		"targets"}
}

// targetOfKey reports whether an outermost key declares containers, and of which host; without
// one it declares hosts.
func targetOfKey(name string) (host string, ok bool) {
	for _, prefix := range targetPrefixes() {
		rest, ok := strings.CutPrefix(name, prefix)
		switch {
		case !ok:
		case rest == "":
			return "", true
		case rest[0] == '.' && len(rest) > 1:
			return rest[1:], true
		}
	}
	return "", false
}

// merger puts documents together.
type merger struct {
	*walker
	sink  *sink
	decl  *declaration
	keys  map[string]Position // of the tree's defaults
	count int                 // containers so far

	byName map[string]map[string]entry // containers of a host, made when it is needed
}

func newMerger(w *walker, s *sink) *merger {
	return &merger{walker: w, sink: s, keys: map[string]Position{},
		decl: &declaration{networks: map[string]entry{}, hosts: map[string]entry{},
			groups: map[string]entry{}, profiles: map[string]entry{}, templates: map[string]entry{},
			byHost: map[string]*target{}}}
}

// all merges documents. Those of encrypted files come last: they add to the others.
func (m *merger) all(docs []document) {
	var sealed []document
	for _, doc := range docs {
		if doc.sealed {
			sealed = append(sealed, doc)
			continue
		}
		m.merge(doc)
	}
	m.addSealed(sealed)
}

// merge adds the sections of one document.
func (m *merger) merge(doc document) {
	if doc.root.Kind != yaml.MappingNode {
		m.fail(positionOf(doc.file, doc.root), "", "a document of the tree is "+kindOf(doc.root),
			"write sections such as targets: {HOST: {}}")
		return
	}
	pairs := m.mapping(doc.root)
	for i := 0; i+1 < len(pairs); i += 2 {
		m.section(entry{doc.file, pairs[i], pairs[i+1]})
	}
}

// section takes one outermost key.
func (m *merger) section(e entry) {
	name := e.key.Value
	m.where = e.position()
	if host, ok := targetOfKey(name); ok {
		if host != "" {
			m.targetOf(host, e)
			return
		}
		m.each(e, name, m.target)
		return
	}
	d := m.decl
	switch name {
	case "networks":
		m.each(e, name, m.into(d.networks, "network"))
	case "hosts":
		m.each(e, name, m.into(d.hosts, "host"))
	case "groups":
		m.each(e, name, m.into(d.groups, "group"))
	case "profiles":
		m.each(e, name, m.into(d.profiles, "profile"))
	case "templates":
		m.each(e, name, m.into(d.templates, "template"))
	case "defaults":
		m.defaults(e)
	default:
		m.unknown(e)
	}
}

// each calls take for every entry of a section; a section without a value is empty.
func (m *merger) each(section entry, path string, take func(path string, e entry)) {
	v := resolve(section.node)
	if isNull(v) {
		return
	}
	if v.Kind != yaml.MappingNode {
		m.fail(positionOf(section.file, section.node), path, "is "+kindOf(v),
			"write a mapping of names")
		return
	}
	pairs := m.mapping(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		take(path, entry{section.file, pairs[i], pairs[i+1]})
	}
}

// into returns a function that adds an entry to a section, where its name must be new.
func (m *merger) into(section map[string]entry, what string) func(path string, e entry) {
	return func(path string, e entry) {
		name := e.key.Value
		if first, ok := section[name]; ok {
			m.twice(e, first.position(), path+"."+name,
				fmt.Sprintf("%s %q is declared twice", what, shorten(name)))
			return
		}
		section[name] = e
	}
}

func (m *merger) target(_ string, e entry) { m.targetOf(e.key.Value, e) }

// targetOf adds the containers of one host.
func (m *merger) targetOf(host string, e entry) {
	path := "targets." + host
	if isNull(resolve(e.node)) {
		m.fail(e.position(), path, fmt.Sprintf("host %q has no value", shorten(host)),
			"write {} if no container shall be left on it")
		return
	}
	t := m.decl.byHost[host]
	if t == nil {
		key := *e.key
		key.Value = host
		t = &target{entry: entry{e.file, &key, e.node}}
		m.decl.byHost[host] = t
		m.decl.targets = append(m.decl.targets, t)
	} else if t.places == nil {
		t.places = make(map[string]Position, len(t.containers))
		for _, c := range t.containers {
			t.places[c.key.Value] = c.position()
		}
	}
	m.each(e, path, func(path string, c entry) { m.container(t, path, c) })
}

func (m *merger) container(t *target, path string, c entry) {
	name := c.key.Value
	if m.count++; m.count > MaxContainers {
		m.where = c.position()
		m.stop("the tree has more than %d containers", MaxContainers)
		return
	}
	if first, ok := t.places[name]; ok {
		m.twice(c, first, path+"."+name, fmt.Sprintf("container %q is declared twice on host %q",
			shorten(name), shorten(t.key.Value)))
		return
	}
	if t.places != nil {
		t.places[name] = c.position()
	}
	t.containers = append(t.containers, c)
}

// defaults are merged key by key, so that each file can add its own.
func (m *merger) defaults(e entry) {
	v := resolve(e.node)
	if isNull(v) {
		return
	}
	if v.Kind != yaml.MappingNode {
		m.fail(positionOf(e.file, e.node), "defaults", "is "+kindOf(v),
			"write a mapping of settings")
		return
	}
	pairs := m.mapping(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		k := entry{e.file, pairs[i], pairs[i+1]}
		if first, ok := m.keys[k.key.Value]; ok {
			m.twice(k, first, "defaults."+k.key.Value,
				fmt.Sprintf("default %q is declared twice", shorten(k.key.Value)))
			continue
		}
		m.keys[k.key.Value] = k.position()
	}
	m.decl.defaults = append(m.decl.defaults, &block{node: v, in: InDefaults,
		src: &source{rank: byTreeDefaults, file: e.file, label: "defaults", path: "defaults"}})
}

func (m *merger) unknown(e entry) {
	name := e.key.Value
	if f := table.root[name]; f != nil && f.Status == Rejected {
		m.fail(e.position(), name, fmt.Sprintf("%q is not a section of a tree", name), f.Hint)
		return
	}
	sections := keysIn(table.root, InRoot)
	m.fail(e.position(), name, fmt.Sprintf("unknown section %q", shorten(name)),
		didYouMean(name, append(sections, targetPrefixes()...),
			"write one of "+strings.Join(sections, ", ")))
}

func (m *merger) fail(at Position, path, text, hint string) {
	m.sink.fail(Problem{Position: at, Path: shorten(path), Text: text, Hint: hint})
}

func (m *merger) twice(e entry, first Position, path, text string) {
	m.sink.fail(Problem{Position: e.position(), Also: first, Path: shorten(path), Text: text,
		Hint: "keep one of them"})
}

// sorted returns the names of a section in order.
func sorted(section map[string]entry) []string { return slices.Sorted(maps.Keys(section)) }
