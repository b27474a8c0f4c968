package plan

import (
	"slices"
	"strconv"
	"strings"
)

// changesOf lists fields of an existing container, old and new, in the order of the table.
func (p *planner) changesOf(it *item, s fieldSet) []Change {
	var list []Change
	for f := range fieldCount {
		switch {
		case !s.has(f):
		case f == fLXCConf:
			list = p.confChanges(list, it)
		case f == fLXCConfUnset:
			list = p.unsetChanges(list, it)
		case f == fOptions:
			list = p.optionChanges(list, it)
		default:
			c := p.change(f, it.want)
			c.Old = p.oldText(it, f)
			list = append(list, p.finish(it, f, c))
		}
	}
	return list
}

// creation lists what a reader wants to know of a new container.
func (p *planner) creation(d *Desired) []Change {
	const most = 12 // changes of one creation, without its options
	if cap(p.changes)-len(p.changes) < most {
		p.changes = make([]Change, 0, min(256, max(most, 2*cap(p.changes))))
	}
	from := len(p.changes)
	for f := range fieldCount {
		if !createFields.has(f) || f == fOptions || f == fBacking && d.Backing == "dir" {
			continue
		}
		c := p.change(f, d)
		if c.New != "" || c.Unknown || c.Sensitive && setsPassword(d) {
			p.changes = append(p.changes, c)
		}
	}
	list := slices.Clip(p.changes[from:])
	if len(d.Options) > 0 {
		text, _ := appendOptions(nil, d.Options)
		for _, pair := range pairs(string(text)) {
			list = append(list, Change{Field: "options." + pair[0], New: pair[1],
				Class: p.of[fOptions]})
		}
	}
	return list
}

// change is the new side of a field. Of a password neither side has a value.
func (p *planner) change(f field, d *Desired) Change {
	c := Change{Field: p.key[f], Class: p.of[f]}
	c.Generated = slices.Contains(d.Generated, c.Field)
	c.Unknown = slices.Contains(d.Unknown, c.Field)
	if f == fPassword {
		c.Sensitive = true
		return c
	}
	if !c.Unknown {
		c.New = p.newText(f, d)
	}
	return c
}

// newText avoids a copy where the text is in the declaration already.
func (p *planner) newText(f field, d *Desired) string {
	switch {
	case d.Template && f >= templateFields:
		return ""
	case f == fFrom:
		return d.FromContainer
	case f == fImage:
		return d.Image
	case f == fBacking:
		return d.Backing
	case f == fBridge:
		return d.Bridge
	case f == fMAC:
		return d.MAC
	case f == fHostname:
		return d.Name
	}
	config := d.file()
	text, ok := appendField(p.text[:0], d, &config, f)
	p.text = text[:0]
	if !ok {
		return ""
	}
	return string(text)
}

// oldText is what holds now: of the file, else inside, else what the record says.
func (p *planner) oldText(it *item, f field) string {
	from := &it.got.Config
	switch {
	case f == fPassword:
		return ""
	case f == fRunning:
		return strconv.FormatBool(it.got.State != Stopped && it.got.State != Frozen)
	case it.diff.file.has(f):
	case it.diff.live.has(f) && f == fIP:
		return strings.Join(it.got.Addresses, " ")
	case it.diff.live.has(f):
		from = it.got.Live
	default:
		return it.own.Applied[p.key[f]]
	}
	text, ok := appendConfig(nil, from, f)
	if !ok {
		return ""
	}
	return string(text)
}

// confChanges lists each raw key that differs, and each that was carried out and is not declared
// any more, with an empty New. Field is lxc_conf.KEY; values of one key are joined by ", ".
func (p *planner) confChanges(list []Change, it *item) []Change {
	raw := it.got.Config.Raw
	if !it.diff.file.has(fLXCConf) && it.diff.live.has(fLXCConf) {
		raw = it.got.Live.Raw
	}
	want := it.want.Config().Raw
	var keys []string
	for _, c := range removedConf(it.want.LXCConf, it.own.Applied[p.key[fLXCConf]]) {
		keys = append(keys, c.Key)
	}
	for key := range want {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.Equal(raw[key], want[key]) {
			list = append(list, p.finish(it, fLXCConf, Change{Field: "lxc_conf." + key,
				Old: strings.Join(raw[key], ", "), New: strings.Join(want[key], ", "),
				Class: p.of[fLXCConf]}))
		}
	}
	return list
}

func (p *planner) unsetChanges(list []Change, it *item) []Change {
	raw := it.got.Config.Raw
	if !it.diff.file.has(fLXCConfUnset) && it.diff.live.has(fLXCConfUnset) {
		raw = it.got.Live.Raw
	}
	for _, key := range unsetKeys(it.want, raw) {
		list = append(list, p.finish(it, fLXCConfUnset, Change{Field: "lxc_conf." + key,
			Old: strings.Join(raw[key], ", "), Class: p.of[fLXCConfUnset]}))
	}
	return list
}

// optionChanges lists each option of the template script that differs as options.NAME.
func (p *planner) optionChanges(list []Change, it *item) []Change {
	old := pairs(it.own.Applied[p.key[fOptions]])
	text, _ := appendOptions(nil, it.want.Options)
	now := pairs(string(text))
	var names []string
	for _, pair := range slices.Concat(old, now) {
		names = append(names, pair[0])
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		c := Change{Field: "options." + name, Old: value(old, name), New: value(now, name),
			Class: p.of[fOptions]}
		if c.Old != c.New {
			list = append(list, p.finish(it, fOptions, c))
		}
	}
	return list
}

func (p *planner) finish(it *item, f field, c Change) Change {
	// The record's protection follows the declaration: a difference is never a drift.
	c.Drift = !it.diff.changed.has(f) && f != fProtect
	return c
}

// pairs splits a canonical text of lines key=value.
func pairs(text string) [][2]string {
	var list [][2]string
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		list = append(list, [2]string{key, value})
	}
	return list
}

func value(list [][2]string, key string) string {
	for _, pair := range list {
		if pair[0] == key {
			return pair[1]
		}
	}
	return ""
}
