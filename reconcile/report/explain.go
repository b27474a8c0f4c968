package report

import (
	"io"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// LineChange is the commit that last changed what a layer says.
type LineChange struct {
	Committed bool      `json:"committed"` // false: only the working tree says it; the rest is empty
	Commit    string    `json:"commit,omitempty"`
	Author    string    `json:"author,omitempty"`
	Time      time.Time `json:"time,omitzero"` // UTC
	Subject   string    `json:"subject,omitempty"`
	Signer    string    `json:"signer,omitempty"` // whose signature was verified
	Doubt     string    `json:"doubt,omitempty"`  // why there is no signer
	Cut       bool      `json:"cut,omitempty"`    // the history at hand begins at Commit
}

// ExplainedLayer is one layer that says something about a setting.
type ExplainedLayer struct {
	spec.Layer
	Change *LineChange `json:"change,omitempty"` // of the layer that wins, where it is known
}

// ExplainedSetting is a setting with its layers, the closest first.
type ExplainedSetting struct {
	Key    string           `json:"key"`
	Class  spec.Class       `json:"class,omitempty"`
	Acted  bool             `json:"acted"`
	Layers []ExplainedLayer `json:"layers"`
}

// Explained is what `explain` prints. Lists are never null in JSON.
type Explained struct {
	Host      string
	Container string
	Declared  bool // by the tree
	Settings  []ExplainedSetting
	Group     *spec.Group // that the host is in; nil: none
	Notes     []string    // what could not be found out, and why
	Plan      *plan.Plan  // of this container alone; nil: not known, or nobody asked
	Meta      Meta
}

// Text writes the settings with their layers, the one that wins marked with *, and what is planned.
// It returns the error of w.
func (e Explained) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	p.line(0, p.paint(bold, address(e.Host, e.Container)))
	if !e.Declared {
		p.line(2, "The tree does not declare it.")
	}
	for _, s := range e.Settings {
		p.explained(s)
	}
	p.group(e.Group)
	for _, n := range e.Notes {
		p.sentence(p.paint(yellow, "not known: "), n)
	}
	if e.Plan == nil {
		return p.close()
	}
	p.line(0)
	if err := p.close(); err != nil {
		return err
	}
	o.Hosts = 0
	return Text(w, *e.Plan, o)
}

// explained writes one setting.
func (p *printer) explained(s ExplainedSetting) {
	note := safe("")
	switch {
	case !s.Acted:
		note = "  (not acted on yet)"
	case s.Class != "":
		note = "  (a change: " + classWords(s.Class) + ")"
	}
	p.line(0, p.paint(bold, clean(s.Key)), p.paint(dim, note))
	wins := false
	for _, l := range s.Layers {
		p.layer(s.Key, l)
		wins = wins || l.Wins
	}
	switch {
	case len(s.Layers) == 0:
		p.line(4, "no layer says anything about it")
	case !wins:
		p.line(4, "none of them has an effect beside the other settings")
	}
}

// layer writes what one layer says, and who brought it.
func (p *printer) layer(key string, l ExplainedLayer) {
	text := l.Value
	if key == "memory" || key == "size" {
		text = size(text)
	}
	shown := value(text)
	if l.Position.File == "" || key == "password" {
		shown = clean(text) // these words are ours
	}
	where := safe("")
	if l.Position.File != "" {
		where = ", " + clean(l.Position.String())
	}
	if l.Wins {
		p.line(2, "* ", p.paint(green, shown), "  ", clean(l.Name), where)
	} else {
		p.line(4, p.paint(dim, shown), "  ", clean(l.Name), where)
	}
	if l.Change != nil {
		p.line(detail+2, p.paint(dim, changedBy(*l.Change)))
	}
}

// changedBy says who brought a line.
func changedBy(c LineChange) safe {
	commit := clean(shortRevision(c.Commit))
	switch {
	case !c.Committed:
		return "not committed yet"
	case c.Cut:
		return "commit not known: the history here begins at " + commit
	}
	s := commit + ", " + clean(stamp(c.Time)) + " by " + clean(c.Author)
	if c.Signer != "" {
		s += ", signed by " + clean(c.Signer)
	} else {
		s += ", no signature verified (" + clean(c.Doubt) + ")"
	}
	return s + ": " + clean(c.Subject)
}

// JSON writes the same as one document. What is planned is a PlanDocument, or null where it is not
// known. It returns the error of w.
func (e Explained) JSON(w io.Writer) error {
	settings := make([]ExplainedSetting, 0, len(e.Settings))
	for _, s := range e.Settings {
		s.Layers = list(s.Layers)
		settings = append(settings, s)
	}
	var document *PlanDocument
	if e.Plan != nil {
		d := Document(*e.Plan, e.Meta)
		document = &d
	}
	return encode(w, struct {
		FormatVersion string             `json:"format_version"`
		Host          string             `json:"host"`
		Container     string             `json:"container"`
		Declared      bool               `json:"declared"`
		Settings      []ExplainedSetting `json:"settings"`
		Group         *groupRow          `json:"group"` // of the host; null: it is in none
		Notes         []string           `json:"notes"`
		Plan          *PlanDocument      `json:"plan"`
	}{formatVersion, e.Host, e.Container, e.Declared, settings, (*groupRow)(e.Group), list(e.Notes),
		document})
}
