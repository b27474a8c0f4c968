package spec

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// layers keeps the merged declaration, so that Settings can say where a value came from without
// a note for each of them.
type layers struct {
	decl *declaration
	opts Options
}

// Setting is one effective setting of a container and where it comes from. Layer is one of
// container, profile NAME, defaults of host NAME, defaults, network NAME, perhaps an encrypted
// file and built in.
type Setting struct {
	Key      string   `json:"key"`
	Value    string   `json:"value"` // *** for a secret, (sensitive) for an unknown one
	Layer    string   `json:"layer"`
	Position Position `json:"position,omitzero"`
	Class    Class    `json:"class,omitempty"`
	Acted    bool     `json:"acted"` // false: known, but nothing acts on it yet
}

const builtInLayer = "built in"

// Settings returns every effective setting of a container, sorted by key: what is declared in
// any layer, and what holds without. What is neither, such as an address to be generated, is
// left out. It reports false if the tree does not declare the container. It may be called from
// several goroutines.
func (t *Tree) Settings(host, container string) ([]Setting, bool) {
	r := t.reader(host)
	if r == nil || r.host.Containers[container] == nil {
		return nil, false
	}
	i := slices.IndexFunc(r.target.containers,
		func(e entry) bool { return e.key.Value == container })
	list := r.settings(r.target.containers[i])
	settings := make([]Setting, len(list))
	for i := range list {
		settings[i] = list[i].Setting
	}
	return settings, true
}

// reader finds the settings of the containers of one host. It is used by one goroutine.
type reader struct {
	b      *builder
	host   *Host
	target *target
	scope  *hostScope
}

// reader returns nil if the tree does not declare the host.
func (t *Tree) reader(host string) *reader {
	h := t.Hosts[host]
	if h == nil || t.layers == nil {
		return nil
	}
	b := &builder{opts: t.layers.opts, decl: t.layers.decl, quiet: true}
	b.prepare()
	target := b.decl.byHost[host]
	return &reader{b: b, host: h, target: target, scope: b.scope(target)}
}

// detail is a setting with what must not be shown of it, or is too long to be.
type detail struct {
	Setting
	secret Secret
	node   *yaml.Node // of what is not acted on yet
	f      *field
}

// settings lists those of one container, sorted by key.
func (r *reader) settings(e entry) []detail {
	b := r.b
	b.later = map[string]origin{}
	b.bases = map[baseKey]*draft{} // once more, to hear of the keys that nothing acts on
	f := finisher{b: b, host: r.scope, e: e, src: &b.own, d: b.draft(r.scope, e)}
	f.finish()
	f.d.Settings = r.host.Containers[e.key.Value].Settings
	list := slices.Concat(f.acted(), f.later())
	slices.SortFunc(list, func(a, b detail) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// acted lists the settings that are acted on.
func (f *finisher) acted() []detail {
	var out []detail
	for _, row := range table.all {
		if row.get == nil {
			continue
		}
		o := f.d.at[row.id]
		s := Setting{Key: row.Key, Value: row.get(&f.d.Settings), Layer: layerOf(o),
			Position: o.position(), Class: row.Class, Acted: true}
		if e, ok := f.b.decl.networks[networkText(&f.d.Settings)]; ok && o.src == nil &&
			(row.id == keyBridge || row.id == keyNetmask || row.id == keyGateway) {
			s.Layer, s.Position = "network "+e.key.Value, e.position()
		}
		if row.id == keyPassword && o.src == nil && f.d.Password.Unknown() {
			s.Layer, s.Position = "perhaps an encrypted file", f.b.decl.vault.closed[0]
		}
		if s.Value == "" && o.src == nil {
			continue
		}
		shown := detail{Setting: s, f: row}
		if row.id == keyPassword {
			shown.secret = f.d.Password
		}
		out = append(out, shown)
	}
	return out
}

// later lists the settings that are not acted on yet.
func (f *finisher) later() []detail {
	var out []detail
	for _, k := range slices.Sorted(maps.Keys(f.b.later)) {
		o := f.b.later[k]
		s := Setting{Key: k, Value: nodeText(o.node, 0), Layer: layerOf(o), Position: o.position()}
		if o.f.Sensitive {
			s.Value = redacted
		}
		out = append(out, detail{Setting: s, node: o.node, f: o.f})
	}
	return out
}

func layerOf(o origin) string {
	if o.src == nil {
		return builtInLayer
	}
	return o.src.label
}

// nodeText is a value on one line, cut where it becomes too long to read.
func nodeText(n *yaml.Node, depth int) string {
	const deepest, longest = 4, 20
	n = resolve(n)
	if n.Kind == yaml.ScalarNode {
		return shorten(n.Value)
	}
	if depth == deepest || len(n.Content) > longest {
		return "…"
	}
	var parts []string
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			parts = append(parts, nodeText(item, depth+1))
		}
		return shorten("[" + strings.Join(parts, ", ") + "]")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		parts = append(parts, n.Content[i].Value+": "+nodeText(n.Content[i+1], depth+1))
	}
	return shorten("{" + strings.Join(parts, ", ") + "}")
}
