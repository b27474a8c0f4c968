package report

import (
	"io"
	"strconv"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// detail is the indentation of what belongs to a container.
const detail = 6

// Text writes the plan for people: one block for each container with its changes (what loses data
// first), what is blocked, held, unmanaged and unreachable, the warnings, and at the end the
// verdict. It returns the error of w.
func Text(w io.Writer, p plan.Plan, o TextOptions) error {
	out := newPrinter(w, o)
	groups := groupsOf(p)
	for k := destroys; k <= records; k++ {
		for _, g := range groups {
			if g.kind == k {
				out.block(g)
			}
		}
	}
	out.blocked(p.Blocked)
	out.held(p.Held)
	out.unmanaged(p.Unmanaged)
	out.unreachable(p.Unreachable)
	out.warnings(p.Warnings)
	out.verdict(p, tallyOf(groups), o)
	return out.close()
}

// heading writes a container's first line: marker, address, what becomes of it.
func (p *printer) heading(l look, parts ...safe) {
	pad := safe(strings.Repeat(" ", 3-len(l.marker)))
	p.line(0, append([]safe{pad, p.paint(l.color, l.marker), " "}, parts...)...)
}

func (p *printer) block(g group) {
	l := g.kind.look()
	name := p.paint(bold, address(g.Host, g.Container))
	if g.Template {
		name += " (template)"
	}
	if g.forgotten() {
		l.will = "has vanished, its record will be removed"
	}
	note := safe("")
	switch c := g.class(); {
	case g.kind == destroys || g.kind == replaces:
		note = " (" + classWords(spec.Recreate) + ")"
	case g.kind == changes && c != "":
		note = " (" + classWords(c) + ")"
	}
	p.heading(l, name, " ", l.will, note)
	for _, r := range g.reasons() {
		p.line(detail, clean(r))
	}
	p.declared(g)
	for _, c := range g.changes() {
		p.change(g.kind, redact(c))
	}
	p.line(detail, p.paint(dim, "steps: "+stepNames(g.Steps)))
	if needs := g.needs(); len(needs) > 0 {
		p.line(detail, p.paint(dim, "after: "+clean(strings.Join(needs, ", "))))
	}
	p.line(0)
}

func (p *printer) declared(g group) {
	switch pos := g.position(); {
	case pos.File != "":
		p.line(detail, p.paint(dim, "declared at "+clean(pos.String())))
	case g.Template && g.kind != destroys:
		p.line(detail, p.paint(dim, "built in"))
	}
}

func stepNames(steps []plan.Step) safe {
	names := make([]safe, 0, len(steps))
	for _, s := range steps {
		names = append(names, clean(string(s.Action)))
	}
	return joinSafe(names, ", ")
}

func (p *printer) change(k kind, c plan.Change) {
	var notes []safe
	if c.Generated && !c.Unknown {
		notes = append(notes, "generated")
	}
	if (k == changes || k == replaces) && c.Class != "" {
		notes = append(notes, classWords(c.Class))
	}
	if c.Drift {
		notes = append(notes, "changed outside the tree")
	}
	note := safe("")
	if len(notes) > 0 {
		note = p.paint(dim, "  ("+joinSafe(notes, "; ")+")")
	}
	marker, text := sides(k, c)
	p.line(detail, p.paint(marker.color, marker.marker), " ", clean(c.Field), ": ", text, note)
}

// sides returns how a change looks (added, taken away, other) and its values.
func sides(k kind, c plan.Change) (look, safe) {
	before, after := side(c.Field, c.Old), side(c.Field, c.New)
	if c.Unknown {
		after = "(known after apply)"
	}
	switch {
	case c.Sensitive && k == creates:
		return creates.look(), "(sensitive)"
	case c.Sensitive:
		return changes.look(), "(sensitive)"
	case c.Old == "":
		return creates.look(), after
	case c.New == "" && !c.Unknown:
		return destroys.look(), before
	}
	return changes.look(), before + " → " + after
}

func side(field, text string) safe {
	if field == "memory" || field == "size" {
		text = size(text)
	}
	return value(text)
}

// verdict writes the last line: what the plan comes to.
func (p *printer) verdict(pl plan.Plan, t tally, o TextOptions) {
	if len(pl.Steps)+len(pl.Blocked)+len(pl.Held)+len(pl.Unreachable) == 0 {
		p.line(0, p.paint(bold, "No changes."), " ", matching(pl.Unchanged, o.Hosts))
		return
	}
	sentence := "Plan: " + number(t.created()) + " to create, " + number(t.changed()) +
		" to change, " + number(t.destroyed()) + " to destroy."
	var more []safe
	if n := t[records]; n > 0 {
		more = append(more, number(n)+" only in the record")
	}
	if pl.Unchanged > 0 {
		more = append(more, number(pl.Unchanged)+" unchanged")
	}
	p.closing(sentence, append(more, left(pl)...))
}

// closing writes the sentence that scripts look for, and a second one with the rest.
func (p *printer) closing(sentence safe, more []safe) {
	rest := safe("")
	if len(more) > 0 {
		rest = " " + joinSafe(more, ", ") + "."
	}
	p.line(0, p.paint(bold, sentence), rest)
}

// left counts what the plan does not do.
func left(pl plan.Plan) []safe {
	var more []safe
	if n := len(pl.Blocked); n > 0 {
		more = append(more, number(n)+" blocked")
	}
	if n := len(pl.Held); n > 0 {
		more = append(more, number(n)+" held")
	}
	if n := len(pl.Unreachable); n > 0 {
		more = append(more, count(n, "host")+" unreachable")
	}
	return more
}

func matching(containers, hosts int) safe {
	verb := safe(" match")
	if containers == 1 {
		verb = " matches"
	}
	where := safe("")
	if hosts > 0 {
		where = " on " + count(hosts, "host")
	}
	return count(containers, "container") + where + verb + " the tree."
}

func number(n int) safe { return safe(strconv.Itoa(n)) }
