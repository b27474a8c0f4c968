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

// Text writes the plan for people: the hosts that are prepared first, then one block for each
// container with its changes (what loses data first; at least three with the same fate share a
// block), the rollouts, what is blocked, held, unmanaged and unreachable, the warnings, and at the
// end the verdict. It returns the error of w.
func Text(w io.Writer, p plan.Plan, o TextOptions) error {
	out := newPrinter(w, o)
	out.header(o.Meta)
	out.preparations(p.Prepare)
	groups := groupsOf(p)
	folds := foldsOf(groups)
	for k := destroys; k <= records; k++ {
		for _, f := range folds {
			if f[0].kind == k {
				out.block(f)
			}
		}
	}
	out.rollouts(p.Rollouts)
	out.blocked(p.Blocked)
	out.held(p.Held)
	out.unmanaged(p.Unmanaged)
	out.unreachable(p.Unreachable)
	out.warnings(p.Warnings)
	out.closing(verdictOf(p, tallyOf(groups), o))
	return out.close()
}

// heading writes a container's first line: marker, address, what becomes of it.
func (p *printer) heading(l look, parts ...safe) {
	pad := safe(strings.Repeat(" ", 3-len(l.marker)))
	p.line(0, append([]safe{pad, p.paint(l.color, l.marker), " "}, parts...)...)
}

func (p *printer) block(f fold) {
	g := f[0]
	p.heading(g.kind.look(), p.paint(bold, f.title()), " ", f.will())
	for _, r := range g.reasons() {
		p.line(detail, clean(r))
	}
	if len(f) == 1 {
		p.declared(g)
	}
	for _, c := range g.changes() {
		p.change(g.kind, redact(c))
	}
	p.line(detail, p.paint(dim, "steps: "+stepNames(g.Steps)))
	if needs := g.needs(); len(needs) > 0 {
		p.line(detail, p.paint(dim, "after: "+clean(strings.Join(needs, ", "))))
	}
	p.members(f)
	p.line(0)
}

// title names what a block is about.
func (f fold) title() safe {
	if len(f) > 1 {
		return f.name()
	}
	return address(f[0].Host, f[0].Container)
}

// will says what becomes of it, and what that costs.
func (f fold) will() safe {
	g, text := f[0], f[0].kind.look().will
	switch {
	case g.forgotten() && len(f) > 1:
		text = "have vanished, their records will be removed"
	case g.forgotten():
		text = "has vanished, its record will be removed"
	case g.kind == records && len(f) > 1:
		text = "stay as they are, only their records change"
	}
	if g.Template && len(f) == 1 {
		text = "(template) " + text
	}
	switch c := g.class(); {
	case g.loses():
		text += " (" + classWords(spec.Recreate) + ")"
	case g.kind == changes && c != "":
		text += " (" + classWords(c) + ")"
	}
	return text
}

// members names the containers of a fold of several.
func (p *printer) members(f fold) {
	if len(f) == 1 {
		return
	}
	for _, g := range f {
		where := safe("")
		if pos := g.position(); pos.File != "" {
			where = p.paint(dim, " declared at "+clean(pos.String()))
		}
		p.line(detail, address(g.Host, g.Container), where)
	}
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
	note := notes(k, c)
	if note != "" {
		note = p.paint(dim, "  ("+note+")")
	}
	marker, text := sides(k, c)
	p.line(detail, p.paint(marker.color, marker.marker), " ", clean(c.Field), ": ", text, note)
}

// notes says what is to be known of a change beside its values.
func notes(k kind, c plan.Change) safe {
	var all []safe
	if c.Generated && !c.Unknown {
		all = append(all, "generated")
	}
	if (k == changes || k == replaces) && c.Class != "" {
		all = append(all, classWords(c.Class))
	}
	if c.Drift {
		all = append(all, "changed outside the tree")
	}
	return joinSafe(all, "; ")
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

// verdictOf says what a plan comes to, in our own words alone: the sentence that scripts look
// for, and the rest.
func verdictOf(pl plan.Plan, t tally, o TextOptions) (safe, safe) {
	if nothing(pl) {
		return "No changes.", matching(pl.Unchanged, o)
	}
	sentence := "Plan: " + toPrepare(len(pl.Prepare)) + number(t.created()) + " to create, " +
		number(t[changes]) + " to change, " + number(t.destroyed()) + " to destroy."
	var more []safe
	if n := t[records]; n > 0 {
		more = append(more, number(n)+" only in the record")
	}
	if pl.Unchanged > 0 {
		more = append(more, number(pl.Unchanged)+" unchanged")
	}
	return sentence, ending(append(more, left(pl)...))
}

// nothing reports whether everything is as declared.
func nothing(pl plan.Plan) bool {
	return pl.Empty() && len(pl.Blocked)+len(pl.Held)+len(pl.Unreachable) == 0
}

func ending(parts []safe) safe {
	if len(parts) == 0 {
		return ""
	}
	return joinSafe(parts, ", ") + "."
}

// closing writes the sentence that scripts look for, and the rest behind it.
func (p *printer) closing(sentence, rest safe) {
	if rest != "" {
		rest = " " + rest
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
	away, inUse := apart(pl.Unreachable)
	if n := len(away); n > 0 {
		more = append(more, count(n, "host")+" unreachable")
	}
	if n := len(inUse); n > 0 {
		more = append(more, count(n, "host")+" in use by another run")
	}
	return more
}

func matching(containers int, o TextOptions) safe {
	where := safe("")
	if o.Hosts > 0 {
		where = " on " + count(o.Hosts, "host")
	}
	verb := safe(" match")
	if containers == 1 {
		verb = " matches"
	}
	tail := safe(" the tree.")
	switch o.Meta.knowledge() {
	case KnowRecorded:
		verb, tail = " matched", " the tree when last observed."
	case KnowDeclared:
		verb, tail = " are declared", " as before."
		if containers == 1 {
			verb = " is declared"
		}
	}
	return count(containers, "container") + where + verb + tail
}

func number(n int) safe { return safe(strconv.Itoa(n)) }
