package spec

import (
	"fmt"
)

// baseTemplate is what containers are cloned from that do not say anything else.
const (
	baseTemplate = "base"
	baseImage    = "debian"
)

// templateDraft is a declared template, or the built-in base, before it meets a host.
type templateDraft struct {
	draft draft
	entry entry // without a key: built in
}

// readTemplates prepares all entries of templates and reports their problems.
func (b *builder) readTemplates() {
	b.templates[baseTemplate] = &templateDraft{draft: templateDefaults()}
	for _, name := range sorted(b.decl.templates) {
		e := b.decl.templates[name]
		l := b.entryBlock(e, InTemplate, &source{rank: byContainer, file: e.file,
			label: "template " + name, path: "templates." + name})
		if wrong, hint := checkContainerName(name); wrong != "" {
			b.failAt(e, l.src, fmt.Sprintf("template %q %s", shorten(name), wrong), hint)
		}
		t := &templateDraft{draft: templateDefaults(), entry: e}
		b.apply(&t.draft, l)
		d := &t.draft
		if d.FromContainer != "" && d.Image != "" {
			f := finisher{b: b, e: e, src: l.src, d: d}
			f.warn(keyImage, "image is not used: the template is cloned", "remove one of them")
			d.Image = ""
		}
		b.templates[name] = t
	}
}

func templateDefaults() draft {
	return draft{netmask: -1, Settings: Settings{Backing: backingDir}}
}

// templatesOf completes the templates with the defaults of a host: a template that does not say
// what it is made from gets the image and options of the defaults, or debian.
func (b *builder) templatesOf(host string, defaults *draft) map[string]*Container {
	out := make(map[string]*Container, len(b.templates))
	for name, t := range b.templates {
		c := &Container{Host: host, Name: name, Template: true, Settings: t.draft.Settings}
		if t.entry.key != nil {
			c.Position = t.entry.position()
		}
		if c.FromContainer == "" && c.Image == "" {
			c.Image = baseImage
			if defaults.Image != "" {
				c.Image = defaults.Image
			}
			if c.Options == nil {
				c.Options = defaults.Options
			}
		}
		c.Domains = []string{name}
		out[name] = c
	}
	return out
}
