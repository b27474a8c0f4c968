package spec

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// DiffKind says what two trees have of one container.
type DiffKind string

// The kinds.
const (
	DiffAdded   DiffKind = "added"
	DiffRemoved DiffKind = "removed"
	DiffChanged DiffKind = "changed"
)

// Difference is one container that two trees declare differently.
type Difference struct {
	Host      string          `json:"host"`
	Container string          `json:"container"`
	Kind      DiffKind        `json:"kind"`
	Position  Position        `json:"position,omitzero"` // of its key; if removed, in the old tree
	Settings  []SettingChange `json:"settings"`          // that differ; sorted by key
}

// SettingChange is one effective setting of a container in two trees. Where a tree has no such
// setting, value and layer are empty. A secret is (sensitive) wherever it is there.
type SettingChange struct {
	Key         string   `json:"key"`
	Old         string   `json:"old,omitempty"`
	New         string   `json:"new,omitempty"`
	OldLayer    string   `json:"old_layer,omitempty"` // as in Setting
	NewLayer    string   `json:"new_layer,omitempty"`
	OldPosition Position `json:"old_position,omitzero"`
	NewPosition Position `json:"new_position,omitzero"`
	Class       Class    `json:"class,omitempty"`
	Acted       bool     `json:"acted"` // false: known, but nothing acts on it yet
	Sensitive   bool     `json:"sensitive,omitempty"`
}

// Diff compares the effective settings of all containers, after profiles and defaults, and returns
// those that differ, sorted by host and container. A value that only moved to another layer or
// file is no difference. Two secrets that were not opened count as the same: nobody can tell.
func Diff(a, b *Tree) []Difference {
	names := map[string]bool{}
	for _, t := range []*Tree{a, b} {
		for host := range t.Hosts {
			names[host] = true
		}
	}
	var out []Difference
	for _, host := range slices.Sorted(maps.Keys(names)) {
		out = append(out, diffHost(host, a.reader(host), b.reader(host))...)
	}
	return out
}

// diffHost compares the containers of one host; either reader may be nil.
func diffHost(host string, a, b *reader) []Difference {
	before, after := a.entries(), b.entries()
	names := maps.Clone(before)
	maps.Copy(names, after)
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := Difference{Host: host, Container: name, Kind: DiffChanged}
		from, was := before[name]
		to, is := after[name]
		var old, now []detail
		if was {
			old, d.Position = a.settings(from), from.position()
		}
		if is {
			now, d.Position = b.settings(to), to.position()
		}
		switch {
		case !was:
			d.Kind = DiffAdded
		case !is:
			d.Kind = DiffRemoved
		}
		if d.Settings = diffSettings(old, now); was != is || len(d.Settings) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// entries returns how the containers of the host are declared, by name.
func (r *reader) entries() map[string]entry {
	entries := map[string]entry{}
	if r != nil {
		for _, e := range r.target.containers {
			entries[e.key.Value] = e
		}
	}
	return entries
}

// diffSettings merges two lists that are sorted by key.
func diffSettings(a, b []detail) []SettingChange {
	var out []SettingChange
	for len(a) > 0 || len(b) > 0 {
		var old, now *detail
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Key < b[0].Key:
			old, a = &a[0], a[1:]
		case len(a) == 0 || b[0].Key < a[0].Key:
			now, b = &b[0], b[1:]
		default:
			old, now, a, b = &a[0], &b[0], a[1:], b[1:]
		}
		if !old.same(now) {
			out = append(out, settingChange(old, now))
		}
	}
	return out
}

// same reports whether two settings of one key say the same; either may be nil.
func (d *detail) same(o *detail) bool {
	if d == nil || o == nil {
		return false
	}
	if d.node != nil && o.node != nil {
		left := MaxNodes
		return sameNode(d.node, o.node, &left)
	}
	return d.Value == o.Value && d.secret == o.secret
}

// sameNode compares what two nodes say. Aliases can make them endless: they differ then.
func sameNode(a, b *yaml.Node, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	a, b = resolve(a), resolve(b)
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value &&
		slices.EqualFunc(a.Content, b.Content,
			func(a, b *yaml.Node) bool { return sameNode(a, b, left) })
}

func settingChange(old, now *detail) SettingChange {
	var c SettingChange
	for _, d := range []*detail{old, now} {
		if d != nil {
			c.Key, c.Class, c.Acted, c.Sensitive = d.Key, d.Class, d.Acted, d.f.Sensitive
		}
	}
	if old != nil {
		c.Old, c.OldLayer, c.OldPosition = old.shown(), old.Layer, old.Position
	}
	if now != nil {
		c.New, c.NewLayer, c.NewPosition = now.shown(), now.Layer, now.Position
	}
	return c
}

func (d *detail) shown() string {
	if d.f.Sensitive && strings.TrimSpace(d.Value) != "" {
		return sensitive
	}
	return d.Value
}
