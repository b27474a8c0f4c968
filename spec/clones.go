package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clones checks what the containers and templates of a host are cloned from: a declared source
// must be kept stopped, and none may be cloned from itself, however many steps it takes.
func (b *builder) clones(h *Host) {
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(h.Templates)) {
		b.cloned(h, h.Templates[name], done)
	}
	for _, e := range b.decl.byHost[h.Name].containers {
		c := h.Containers[e.key.Value]
		if c != nil && c.FromContainer != "" && h.Containers[c.FromContainer] != nil {
			b.cloned(h, c, done)
		}
	}
}

func (b *builder) cloned(h *Host, c *Container, done map[string]bool) {
	from := lookup(h, c.FromContainer)
	if from != nil && from != c && from.Running {
		b.sink.fail(b.cloneProblem(h, c, fmt.Sprintf("%q is cloned from %q, which is declared running",
			c.Name, from.Name), "write running: false at "+from.Name+", or make it a template"))
	}
	var chain []string
	for c != nil && !done[c.Name] {
		done[c.Name] = true
		chain = append(chain, c.Name)
		next := lookup(h, c.FromContainer)
		if next != nil {
			if i := slices.Index(chain, next.Name); i >= 0 {
				b.cycle(h, chain[i:])
				return
			}
		}
		c = next
	}
}

// lookup finds what is declared under a name on this host, or nil.
func lookup(h *Host, name string) *Container {
	if name == "" { // created from an image
		return nil
	}
	if t := h.Templates[name]; t != nil {
		return t
	}
	return h.Containers[name]
}

// cycle reports a clone cycle, beginning with its first name.
func (b *builder) cycle(h *Host, names []string) {
	first := slices.Index(names, slices.Min(names))
	names = slices.Concat(names[first:], names[:first])
	c := lookup(h, names[0])
	if len(names) == 1 {
		b.sink.fail(b.cloneProblem(h, c, fmt.Sprintf("%q is cloned from itself", names[0]),
			"name another container, or write image: SCRIPT"))
		return
	}
	b.sink.fail(b.cloneProblem(h, c, "clone cycle: "+shorten(strings.Join(names, " from "))+
		" from "+names[0], "create one of them from image"))
}

// cloneProblem is a problem with what c is cloned from.
func (b *builder) cloneProblem(h *Host, c *Container, text, hint string) Problem {
	p := Problem{Position: c.Position, Text: text, Hint: hint,
		Path: shorten("targets." + h.Name + "." + c.Name)}
	var e entry
	if c.Template {
		e, p.Path = b.decl.templates[c.Name], shorten("templates."+c.Name)
	} else {
		e = b.find(h.Name, c.Name)
	}
	if e.node == nil {
		return p
	}
	if o := b.ownOrigin(e, keyFromContainer); o.node != nil {
		p.Position, p.Path = positionOf(e.file, o.node), p.Path+".from_container"
	}
	return p
}
