package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Layer is one place that says what a setting shall be.
type Layer struct {
	Name     string   `json:"layer"` // as Setting.Layer
	Value    string   `json:"value"` // *** for a secret, (sensitive) for an unknown one
	Position Position `json:"position,omitzero"`
	LastLine int      `json:"last_line,omitempty"` // of the value in its file
	Wins     bool     `json:"wins"`                // this is what holds
	rank     rank
}

// Explanation is everything that a tree says about one setting of a container. At most one layer
// wins. None does where what is declared has no effect beside other settings, such as an image
// beside from_container.
type Explanation struct {
	Key    string  `json:"key"`
	Class  Class   `json:"class,omitempty"`
	Acted  bool    `json:"acted"` // false: known, but nothing acts on it yet
	Layers []Layer `json:"layers"`
}

// Explain returns for every setting of a container that is declared in any layer or holds without,
// sorted by key, all layers that say something about it, the closest first. The one that wins is
// the one that Settings names, with the same value; those of the others are as they would be alone.
// It reports false if the tree does not declare the container. It may be called from several
// goroutines.
func (t *Tree) Explain(host, container string) ([]Explanation, bool) {
	r := t.reader(host)
	if r == nil || r.host.Containers[container] == nil {
		return nil, false
	}
	i := slices.IndexFunc(r.target.containers,
		func(e entry) bool { return e.key.Value == container })
	x := explainer{reader: r, e: r.target.containers[i]}
	effective := r.settings(x.e)
	x.own, x.d = r.b.own, r.b.scratch
	said := x.said()
	var out []Explanation
	for _, row := range table.all {
		if row.In&inSettings == 0 || row.get == nil && row.Status != Later {
			continue
		}
		layers := said[row.Key]
		i := slices.IndexFunc(effective, func(s detail) bool { return s.Key == row.Key })
		if i >= 0 {
			layers = win(layers, effective[i].Setting, x.d.at[row.id])
		}
		if layers = x.addDefaults(row, layers); len(layers) > 0 {
			slices.SortStableFunc(layers, func(a, b Layer) int { return cmp.Compare(b.rank, a.rank) })
			out = append(out, Explanation{Key: row.Key, Class: row.Class, Acted: row.Status == Acted,
				Layers: layers})
		}
	}
	return out, true
}

// explainer looks at the layers of one container.
type explainer struct {
	*reader
	e   entry
	own source // of the container
	d   draft  // what became of all layers
}

// said asks every layer on its own what it says, by key.
func (x *explainer) said() map[string][]Layer {
	out := map[string][]Layer{}
	for _, l := range x.blocks() {
		x.b.later = map[string]origin{}
		d := builtInDraft()
		x.b.apply(&d, l)
		for _, row := range table.all {
			if o := d.at[row.id]; row.get != nil && o.src != nil {
				out[row.Key] = append(out[row.Key], newLayer(o, row.get(&d.Settings)))
			}
		}
		for k, o := range x.b.later {
			out[k] = append(out[k], newLayer(o, ""))
		}
	}
	return out
}

// blocks lists the layers that settings of the container are declared in. What an encrypted file
// adds to a layer is one of its own.
func (x *explainer) blocks() []*block {
	decl := x.b.decl
	out := slices.Clone(decl.defaults)
	add := func(l *block) {
		alone := *l
		alone.more = nil
		out = append(append(out, &alone), l.more...)
	}
	if x.scope.defaults != nil {
		add(x.scope.defaults)
	}
	if profile := x.b.profiles[x.d.Profile]; profile != nil {
		add(profile)
	}
	if v := resolve(x.e.node); v.Kind == yaml.MappingNode {
		add(&block{src: &x.own, in: InContainer, node: v})
	}
	return append(out, decl.sealed[sealedKey{InContainer, x.host.Name, x.e.key.Value}]...)
}

// newLayer is what one layer says; text is the value as it would be alone, where that is known.
func newLayer(o origin, text string) Layer {
	switch {
	case o.f.Sensitive && text == "":
		text = redacted
	case text == "":
		text = nodeText(o.node, 0)
	}
	return Layer{Name: layerOf(o), Value: text, Position: o.position(), LastLine: lastLine(o.node),
		rank: o.rank()}
}

// win marks what holds, which is none of the layers where another setting decided.
func win(layers []Layer, s Setting, o origin) []Layer {
	i := slices.IndexFunc(layers, func(l Layer) bool {
		return l.Name == s.Layer && l.Position == s.Position
	})
	if i < 0 {
		l := Layer{Name: s.Layer, Position: s.Position, LastLine: s.Position.Line, rank: o.rank()}
		layers, i = append(layers, l), len(layers)
	}
	layers[i].Value, layers[i].Wins = s.Value, true
	return layers
}

// addDefaults adds what would hold without the others: what the network says, and what is built in.
func (x *explainer) addDefaults(row *field, layers []Layer) []Layer {
	network := x.ofNetwork(row)
	if !slices.ContainsFunc(layers, func(l Layer) bool { return l.rank == byBuiltIn }) {
		if network.Value != "" {
			return append(layers, network)
		}
		if row.Default != "" {
			return append(layers, Layer{Name: builtInLayer, Value: row.Default})
		}
	}
	return layers
}

// ofNetwork is what a declared network says about settings of its containers.
func (x *explainer) ofNetwork(row *field) Layer {
	e, declared := x.b.decl.networks[networkText(&x.d.Settings)]
	if !declared {
		return Layer{}
	}
	n := x.d.Network
	l := Layer{Name: "network " + e.key.Value, Position: e.position(), LastLine: e.key.Line}
	switch row.id {
	case keyBridge:
		l.Value = n.Bridge
	case keyNetmask:
		l.Value = strconv.Itoa(n.CIDR.Bits())
	case keyGateway:
		l.Value = addrText(n.Gateway)
	}
	return l
}

// lastLine is where the text of a value ends.
func lastLine(n *yaml.Node) int {
	last := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		last += strings.Count(strings.TrimSuffix(n.Value, "\n"), "\n") + 1
	}
	for _, inner := range n.Content {
		last = max(last, lastLine(inner))
	}
	return last
}

// SettingKey returns the key under which a setting is shown: netmask for netmask_full, otherwise
// the same. The error says what was probably meant, if it is none of a container.
func SettingKey(name string) (string, error) {
	f := table.settings[name]
	if f == nil || f.In&inSettings == 0 || f.Status == Rejected {
		keys := keysIn(table.settings, inSettings)
		return "", fmt.Errorf("%q is no setting of a container: %s", shorten(name),
			didYouMean(name, keys, "reconciler schema lists the keys"))
	}
	if f.In&InHost != 0 {
		return "", fmt.Errorf("%q is about the way to a host, and no setting of a container", name)
	}
	for _, row := range table.all {
		if f.get == nil && f.id != keyNone && row.id == f.id && row.get != nil {
			return row.Key, nil
		}
	}
	return name, nil
}
