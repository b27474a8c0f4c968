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
	h := t.Hosts[host]
	if h == nil || h.Containers[container] == nil || t.layers == nil {
		return nil, false
	}
	b := &builder{opts: t.layers.opts, decl: t.layers.decl, quiet: true}
	b.prepare()
	target := b.decl.byHost[host]
	i := slices.IndexFunc(target.containers, func(e entry) bool { return e.key.Value == container })
	e := target.containers[i]
	scope := b.scope(target)
	b.later = map[string]origin{}
	b.bases = map[baseKey]*draft{} // once more, to hear of the keys that nothing acts on
	f := finisher{b: b, host: scope, e: e, src: &b.own, d: b.draft(scope, e)}
	f.finish()
	f.d.Settings = h.Containers[container].Settings
	return slices.Concat(f.acted(), f.later()).sorted(), true
}

type settingList []Setting

func (s settingList) sorted() []Setting {
	slices.SortFunc(s, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return s
}

// acted lists the settings that are acted on.
func (f *finisher) acted() settingList {
	var out settingList
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
		if s.Value != "" || o.src != nil {
			out = append(out, s)
		}
	}
	return out
}

// later lists the settings that are not acted on yet.
func (f *finisher) later() settingList {
	var out settingList
	for _, k := range slices.Sorted(maps.Keys(f.b.later)) {
		o := f.b.later[k]
		s := Setting{Key: k, Value: nodeText(o.node, 0), Layer: layerOf(o), Position: o.position()}
		if o.f.Sensitive {
			s.Value = redacted
		}
		out = append(out, s)
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
