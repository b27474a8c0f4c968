package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// changesOf lists fields of an existing container, old and new, in the order of the fields.
func (p *planner) changesOf(it *item, s fieldSet) []Change {
	var list []Change
	c := it.want.config()
	for f := range fieldCount {
		if !s.has(f) {
			continue
		}
		switch f {
		case fLXCConf, fLXCConfUnset, fOptions:
			list = p.changesOfKeys(list, it, f)
		default:
			change := p.change(f, it.want, &c)
			change.Old, change.Drift = p.oldText(it, f), it.drifted(f)
			list = append(list, change)
		}
	}
	return list
}

// drifted reports whether a difference comes from the host. The record's protection follows the
// declaration: it never drifts. What we began and did not finish may have made the difference.
func (it *item) drifted(f field) bool {
	return !it.diff.changed.has(f) && f != fProtect && !begun(it.own)
}

// creation lists what a reader wants to know of a new container.
func (p *planner) creation(d *Desired) []Change {
	const most = 12 // changes of one creation, without its options
	if cap(p.changes)-len(p.changes) < most {
		p.changes = make([]Change, 0, min(256, max(most, 2*cap(p.changes))))
	}
	from := len(p.changes)
	config := d.config()
	for f := range recorded(d) {
		if !createFields.has(f) || f == fBacking && d.Backing == "dir" {
			continue
		}
		c := p.change(f, d, &config)
		if c.New != "" || c.Unknown || c.Sensitive && setsPassword(d) {
			p.changes = append(p.changes, c)
		}
	}
	list := slices.Clip(p.changes[from:])
	for _, o := range parseConf(string(appendField(nil, d, &config, fOptions))) {
		list = append(list, Change{Field: "options." + o.Key, New: o.Value, Class: p.class[fOptions]})
	}
	return list
}

// change is the new side of a field. Of a password neither side has a value.
func (p *planner) change(f field, d *Desired, config *Config) Change {
	c := Change{Field: p.key[f], Class: p.class[f], Sensitive: f == fPassword}
	c.Generated = slices.Contains(d.Generated, c.Field)
	c.Unknown = slices.Contains(d.Unknown, c.Field)
	if c.Unknown || c.Sensitive {
		return c
	}
	if c.New = plainText(d, config, f); c.New == "" {
		p.text = appendField(p.text[:0], d, config, f)
		c.New = string(p.text)
	}
	return c
}

// oldText is the value that holds now: that of the configuration file, else that inside the
// container, else that of the record.
func (p *planner) oldText(it *item, f field) string {
	x := &it.diff
	switch {
	case f == fPassword:
		return ""
	case f == fRunning:
		return strconv.FormatBool(it.got.State != Stopped && it.got.State != Frozen)
	case x.file.has(f):
		return string(appendConfig(nil, &it.got.Config, f))
	case x.live.has(f) && f == fIP:
		return strings.Join(it.got.Addresses, " ")
	case x.live.has(f):
		return string(appendConfig(nil, it.got.Live, f))
	}
	return it.own.Applied[p.key[f]]
}

// changesOfKeys lists each key of a field that has some: lxc_conf.KEY for raw settings that
// differ, were carried out and are not declared any more (New is empty), or are unset, and
// options.NAME. Values of one key are joined by ", ".
func (p *planner) changesOfKeys(list []Change, it *item, f field) []Change {
	raw, want := it.got.Config.Raw, grouped(it.want.LXCConf)
	if !it.diff.file.has(f) && it.diff.live.has(f) {
		raw = it.got.Live.Raw
	}
	prefix, keys := "lxc_conf.", []string(nil)
	switch f {
	case fLXCConf:
		keys = slices.AppendSeq(keys, maps.Keys(want))
		keys = slices.AppendSeq(keys, maps.Keys(grouped(p.goneConf(it))))
	case fLXCConfUnset:
		keys = unsetKeys(it.want, raw)
	case fOptions:
		prefix = "options."
		raw, want = grouped(parseConf(it.own.Applied[p.key[f]])), grouped(optionItems(it.want.Options))
		keys = slices.AppendSeq(slices.Collect(maps.Keys(raw)), maps.Keys(want))
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.Equal(raw[key], want[key]) {
			list = append(list, Change{Field: prefix + key, Old: strings.Join(raw[key], ", "),
				New: strings.Join(want[key], ", "), Class: p.class[f], Drift: it.drifted(f)})
		}
	}
	return list
}
