package report

import (
	"io"

	"reconciler/spec"
)

// Diff is what `diff` prints: how two revisions of a tree differ, in the order given.
type Diff struct {
	Old        string // revision
	New        string // revision
	Containers []spec.Difference
}

// Text writes a block for each container, and at the end how many there are. Of one that comes or
// goes, what is built in is left out. It returns the error of w.
func (d Diff) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	counts := map[spec.DiffKind]int{}
	for _, c := range d.Containers {
		counts[c.Kind]++
		p.difference(c)
	}
	from := clean(shortRevision(d.Old)) + " → " + clean(shortRevision(d.New))
	if len(d.Containers) == 0 {
		p.line(0, p.paint(bold, "No differences."), " ", from)
		return p.close()
	}
	p.line(0, p.paint(bold, "Declared: "+number(counts[spec.DiffAdded])+" added, "+
		number(counts[spec.DiffChanged])+" changed, "+number(counts[spec.DiffRemoved])+
		" removed."), " ", from)
	return p.close()
}

func (p *printer) difference(c spec.Difference) {
	l := changes.look()
	switch c.Kind {
	case spec.DiffAdded:
		l = creates.look()
	case spec.DiffRemoved:
		l = destroys.look()
	}
	p.heading(l, p.paint(bold, address(c.Host, c.Container)), " ", clean(string(c.Kind)))
	was := safe("")
	if c.Kind == spec.DiffRemoved {
		was = "was "
	}
	p.line(detail, p.paint(dim, was+"declared at "+clean(c.Position.String())))
	for _, s := range c.Settings {
		if c.Kind == spec.DiffChanged || cameFrom(s) != "built in" {
			p.setting(s)
		}
	}
	p.line(0)
}

// cameFrom is the layer of the newer value, or of the older one where there is no newer.
func cameFrom(s spec.SettingChange) string {
	if s.NewLayer != "" {
		return s.NewLayer
	}
	return s.OldLayer
}

func (p *printer) setting(s spec.SettingChange) {
	l, before, after := changes.look(), shownSide(s, s.Old), shownSide(s, s.New)
	text := before + " → " + after
	switch {
	case s.OldLayer == "" || s.Old == "":
		l, text = creates.look(), after
	case s.NewLayer == "" || s.New == "":
		l, text = destroys.look(), before
	}
	at := s.NewPosition
	if s.NewLayer == "" {
		at = s.OldPosition
	}
	note := clean(cameFrom(s))
	if at.File != "" {
		note += ", " + clean(at.String())
	}
	if !s.Acted {
		note += "; not acted on yet"
	}
	p.line(detail, p.paint(l.color, l.marker), " ", clean(s.Key), ": ", text, "  ",
		p.paint(dim, "("+note+")"))
}

// hideSecrets returns a copy without what must not be shown.
func hideSecrets(settings []spec.SettingChange) []spec.SettingChange {
	shown := append([]spec.SettingChange{}, settings...)
	for i := range shown {
		s := &shown[i]
		for _, text := range []*string{&s.Old, &s.New} {
			if s.Sensitive && *text != "" {
				*text = "(sensitive)"
			}
		}
	}
	return shown
}

func shownSide(s spec.SettingChange, text string) safe {
	if s.Sensitive {
		return "(sensitive)"
	}
	return side(s.Key, text)
}

// JSON writes the differences as one document. Secrets are (sensitive) in it. It returns the error
// of w.
func (d Diff) JSON(w io.Writer) error {
	shown := make([]spec.Difference, 0, len(d.Containers))
	for _, c := range d.Containers {
		c.Settings = hideSecrets(c.Settings)
		shown = append(shown, c)
	}
	return encode(w, struct {
		FormatVersion string            `json:"format_version"`
		Old           string            `json:"old"`
		New           string            `json:"new"`
		Containers    []spec.Difference `json:"containers"`
	}{formatVersion, d.Old, d.New, shown})
}
