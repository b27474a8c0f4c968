package spec

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// sealedKey names a declaration that encrypted files add secrets to: a container by its host, a
// profile, or a host.
type sealedKey struct {
	in   Place
	host string // or profile
	name string // of the container
}

// sealer adds what a document of an encrypted file says to what other files declare. A plan
// without the key must show everything but the secrets, so it may hold nothing else, and declare
// nothing that is not declared elsewhere. Its problems repeat no word of the file.
type sealer struct {
	*merger
	file string
}

// addSealed takes the documents of encrypted files. All others have been merged.
func (m *merger) addSealed(docs []document) {
	for _, doc := range docs {
		s := sealer{m, doc.file}
		s.each(doc.root, s.section)
	}
}

// each calls take for every key of a mapping. No value at all is the empty mapping.
func (s sealer) each(n *yaml.Node, take func(k, v *yaml.Node)) {
	v := resolve(n)
	if isNull(v) {
		return
	}
	if v.Kind != yaml.MappingNode {
		s.fail(n, "", "is "+kindOf(v), "write a mapping")
		return
	}
	s.where = positionOf(s.file, n)
	pairs := s.mapping(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		take(pairs[i], pairs[i+1])
	}
}

func (s sealer) fail(n *yaml.Node, path, text, hint string) {
	s.merger.fail(positionOf(s.file, n), path, text, hint)
}

// section takes one outermost key.
func (s sealer) section(k, v *yaml.Node) {
	if host, ok := targetOfKey(k.Value); ok {
		if host != "" {
			s.target(k, v, host)
			return
		}
		s.each(v, func(k, v *yaml.Node) { s.target(k, v, k.Value) })
		return
	}
	switch k.Value {
	case "profiles":
		s.each(v, s.profile)
	case "hosts":
		s.each(v, s.host)
	case "defaults":
		s.defaults(v)
	default:
		s.misplaced(k)
	}
}

// misplaced is the problem of a key that is no secret.
func (s sealer) misplaced(k *yaml.Node) {
	text, hint := onlySecrets()
	s.fail(k, "", text, strings.Replace(hint, "write it in clear", "write it in a file in clear", 1))
}

// undeclared is the problem of a name that no plain file declares.
func (s sealer) undeclared(k *yaml.Node, what string) {
	s.fail(k, "", "gives secrets to a "+what+" that no file in clear declares",
		"declare it there too, such as NAME: {}: a plan must be able to show it without a key")
}

// target adds to the containers of one host.
func (s sealer) target(k, v *yaml.Node, host string) {
	t := s.decl.byHost[host]
	if t == nil {
		s.undeclared(k, "host")
		return
	}
	s.each(v, func(k, v *yaml.Node) {
		e, ok := s.container(t, k.Value)
		if !ok {
			s.undeclared(k, "container")
			return
		}
		s.add(sealedKey{InContainer, host, k.Value}, v, resolve(e.node), &source{rank: byContainer,
			label: "container", path: "targets." + host, container: k.Value, file: e.file})
	})
}

// container finds a container of a host. The index is made once for each host.
func (s sealer) container(t *target, name string) (entry, bool) {
	host := t.key.Value
	if s.byName[host] == nil {
		index := make(map[string]entry, len(t.containers))
		for _, e := range t.containers {
			index[e.key.Value] = e
		}
		if s.byName == nil {
			s.byName = map[string]map[string]entry{}
		}
		s.byName[host] = index
	}
	e, ok := s.byName[host][name]
	return e, ok
}

// profile adds to one profile.
func (s sealer) profile(k, v *yaml.Node) {
	e, ok := s.decl.profiles[k.Value]
	if !ok {
		s.undeclared(k, "profile")
		return
	}
	s.add(sealedKey{InProfile, k.Value, ""}, v, resolve(e.node), &source{rank: byProfile,
		label: "profile " + k.Value, path: "profiles." + k.Value, file: e.file})
}

// host adds to the defaults of one host.
func (s sealer) host(k, v *yaml.Node) {
	e, ok := s.decl.hosts[k.Value]
	if !ok {
		s.undeclared(k, "host")
		return
	}
	s.each(v, func(inner, v *yaml.Node) {
		if inner.Value != "defaults" {
			s.misplaced(inner)
			return
		}
		s.add(sealedKey{InHost, k.Value, ""}, v, s.hostDefaultsOf(e),
			hostDefaults(e.file, k.Value))
	})
}

// defaults adds to the defaults of the tree, which any number of files may declare.
func (s sealer) defaults(v *yaml.Node) {
	l := &block{node: resolve(v), in: InDefaults,
		src: &source{rank: byTreeDefaults, file: s.file, label: "defaults", path: "defaults"}}
	good := s.secrets(v, func(k *yaml.Node) {
		e := entry{s.file, k, nil}
		if first, ok := s.keys[k.Value]; ok {
			s.twice(e, first, l.src.pathTo(k.Value), `"`+k.Value+`" is declared twice`)
			return
		}
		s.keys[k.Value] = e.position()
	})
	if good {
		s.decl.defaults = append(s.decl.defaults, l)
	}
}

// secrets calls take for each key of a mapping of settings, and reports whether it is one of
// secrets only. What it refuses must not be read further: problems there name keys.
func (s sealer) secrets(v *yaml.Node, take func(k *yaml.Node)) bool {
	good := resolve(v).Kind == yaml.MappingNode
	s.each(v, func(k, _ *yaml.Node) {
		if f := table.settings[k.Value]; f == nil || !f.Sensitive {
			s.misplaced(k)
			good = false
			return
		}
		take(k)
	})
	return good
}

// add notes a mapping of secrets for one declaration. plain is the mapping that a file in clear
// has for it, perhaps nil, and src names that file.
func (s sealer) add(key sealedKey, v, plain *yaml.Node, src *source) {
	plainFile := src.file
	src.file = s.file
	l := &block{node: resolve(v), in: InDefaults, src: src}
	if key.in != InHost {
		l.in = key.in
	}
	good := s.secrets(v, func(k *yaml.Node) {
		if first, ok := s.declared(key, k.Value, plainFile, plain); ok {
			s.twice(entry{s.file, k, nil}, first, src.pathTo(k.Value), `"`+k.Value+`" is declared twice`)
		}
	})
	if good {
		if s.decl.sealed == nil {
			s.decl.sealed = map[sealedKey][]*block{}
		}
		s.decl.sealed[key] = append(s.decl.sealed[key], l)
	}
}

// declared finds where a setting of a declaration stands already.
func (s sealer) declared(key sealedKey, name, file string, plain *yaml.Node) (Position, bool) {
	if plain != nil && plain.Kind == yaml.MappingNode {
		if k := keyOf(s.mapping(plain), name); k != nil {
			return positionOf(file, k), true
		}
	}
	for _, l := range s.decl.sealed[key] {
		if k := keyOf(s.mapping(l.node), name); k != nil {
			return positionOf(l.src.file, k), true
		}
	}
	return Position{}, false
}

func keyOf(pairs []*yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == name {
			return pairs[i]
		}
	}
	return nil
}

// hostDefaultsOf returns the mapping defaults of an entry of hosts, nil for none.
func (s sealer) hostDefaultsOf(e entry) *yaml.Node {
	n := resolve(e.node)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	pairs := s.mapping(n)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == "defaults" {
			return resolve(pairs[i+1])
		}
	}
	return nil
}
