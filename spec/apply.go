package spec

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// apply writes the settings of a layer over the draft. Its problems are reported the first time.
func (b *builder) apply(d *draft, l *block) {
	b.cur = cursor{builder: b, d: d, src: l.src, mute: l.judged || b.quiet}
	pairs := b.mapping(l.node)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.applyKey(l.in, pairs[i], pairs[i+1])
	}
	for _, more := range l.more {
		b.apply(d, more)
	}
	if !b.quiet {
		l.judged = true
	}
}

// applyKey writes one setting.
func (b *builder) applyKey(in Place, k, v *yaml.Node) {
	c := &b.cur
	f := table.settings[k.Value]
	if f == nil {
		c.f = &field{Field: Field{Key: k.Value}}
		keys := keysIn(table.settings, in)
		c.fail(k, fmt.Sprintf("unknown key %q", shorten(k.Value)), didYouMean(k.Value, keys,
			"reconciler schema lists the keys"))
		return
	}
	c.f = f
	switch {
	case f.Status == Rejected:
		c.fail(k, fmt.Sprintf("%q is not a key here", f.Key), f.Hint)
	case f.In&in == 0:
		c.fail(k, fmt.Sprintf("%q cannot stand in %s", f.Key, placeText(in)), "it can stand in "+
			placeText(f.In))
	case !f.Sensitive && b.encrypted(v, 0) != nil:
		text, hint := onlySecrets()
		c.fail(b.encrypted(v, 0), text, hint)
	case f.Status == Later:
		c.warn(k, fmt.Sprintf("%q is not acted on yet", f.Key), f.Hint)
		b.note(k.Value, origin{v, c.src, f})
	default:
		f.set(c, v)
	}
}

// note keeps where a setting stands that nothing acts on, if somebody asked for it.
func (b *builder) note(key string, o origin) {
	if b.later != nil {
		b.later[key] = o
	}
}

// placeText names the places of a key.
func placeText(in Place) string {
	names := []struct {
		in   Place
		text string
	}{{InContainer, "a container"}, {InProfile, "a profile"}, {InDefaults, "defaults"},
		{InTemplate, "a template"}, {InHost, "a host"}, {InNetwork, "a network"},
		{InGroup, "a group"}}
	var parts []string
	for _, n := range names {
		if in&n.in != 0 {
			parts = append(parts, n.text)
		}
	}
	return strings.Join(parts, ", ")
}
