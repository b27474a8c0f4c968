package report

import (
	"cmp"
	"maps"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// section writes a heading; its entries are indented by two.
func (p *printer) section(title safe, n int) {
	p.line(0, p.paint(bold, title+" ("+number(n)+"):"))
}

// sectionOf writes a heading, its entries and an empty line; nothing if there are no entries.
func sectionOf[T any](p *printer, title safe, entries []T, write func(T)) {
	if len(entries) == 0 {
		return
	}
	p.section(title, len(entries))
	for _, e := range entries {
		write(e)
	}
	p.line(0)
}

func (p *printer) blocked(list []plan.Blocked) { sectionOf(p, "Blocked", list, p.blockedOne) }

func (p *printer) blockedOne(b plan.Blocked) {
	c, is, remedy := yellow, safe(" is blocked ("), safe("to let it through: ")
	if b.Failed {
		c, is, remedy = red, " cannot be done (", "to mend it: "
	}
	what := clean(string(b.Action))
	if what == "" {
		what = "work"
	}
	p.sentence(p.paint(c, "! "+address(b.Host, b.Container))+": "+what+is+clean(b.Code)+"): ",
		b.Text)
	if b.Position.File != "" {
		p.line(detail, p.paint(dim, "declared at "+clean(b.Position.String())))
	}
	if b.Unblock != "" {
		p.line(detail, remedy, clean(b.Unblock))
	}
}

func (p *printer) held(list []plan.Held) { sectionOf(p, "Held", list, p.heldOne) }

func (p *printer) heldOne(h plan.Held) {
	k := kindFor(h.Kind)
	p.sentence(p.paint(yellow, "= "+address(h.Host, h.Container))+": would be "+k.look().did+
		", is held ("+clean(h.Code)+"): ", h.Text)
	if h.Position.File != "" {
		p.line(detail, p.paint(dim, "declared at "+clean(h.Position.String())))
	}
	for _, c := range h.Changes {
		p.change(k, redact(c))
	}
}

// unmanaged lists what is not ours; where that is a long list, by host and reason.
func (p *printer) unmanaged(all []plan.Unmanaged) {
	const title = "Unmanaged, never touched"
	if len(all) <= long {
		sectionOf(p, title, all, func(u plan.Unmanaged) {
			p.line(2, address(u.Host, u.Container), " (", clean(string(u.State)), "): ", clean(u.Text))
		})
		return
	}
	p.section(title, len(all))
	type why struct{ host, text string }
	counts := map[why]int{}
	for _, u := range all {
		counts[why{u.Host, u.Text}]++
	}
	for _, w := range slices.SortedFunc(maps.Keys(counts), func(a, b why) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.text, b.text))
	}) {
		p.line(2, clean(w.host), ": ", count(counts[w], "container"), ": ", clean(w.text))
	}
	p.line(2, p.paint(dim, "plan --output json names each of them"))
	p.line(0)
}

// unmanagedLine names what is not ours in one line, or counts it.
func (p *printer) unmanagedLine(all []plan.Unmanaged) {
	const few = 5
	if len(all) == 0 {
		return
	}
	what := count(len(all), "container") + p.paint(dim, `, see "reconciler plan"`)
	if len(all) <= few {
		names := make([]safe, len(all))
		for i, u := range all {
			names[i] = address(u.Host, u.Container)
		}
		what = joinSafe(names, ", ")
	}
	p.line(0, p.paint(bold, "Unmanaged, never touched: "), what)
	p.line(0)
}

func (p *printer) unreachable(list []plan.Unreachable) {
	away, inUse := apart(list)
	const title = "Unreachable hosts, nothing is known of their containers"
	sectionOf(p, title, away, func(u plan.Unreachable) {
		p.sentence(p.paint(red, "! "+clean(u.Host))+": ", u.Text)
	})
	sectionOf(p, "Hosts in use by another run, left alone", inUse, func(u plan.Unreachable) {
		p.sentence(p.paint(yellow, "= "+clean(u.Host))+": ", u.Text)
	})
}

// apart separates the hosts that cannot be reached from those that another run holds.
func apart(list []plan.Unreachable) (away, inUse []plan.Unreachable) {
	for _, u := range list {
		if u.InUse {
			inUse = append(inUse, u)
		} else {
			away = append(away, u)
		}
	}
	return away, inUse
}

func (p *printer) warnings(list []spec.Problem) {
	sectionOf(p, "Warnings", list, func(w spec.Problem) { p.problem(2, yellow, w) })
}

// problem writes file:line: path: text, as compilers do, with the hint below it.
func (p *printer) problem(indent int, c color, w spec.Problem) {
	var where safe
	if w.Position.File != "" {
		where = clean(w.Position.String()) + ": "
	}
	if w.Path != "" {
		where += clean(w.Path) + ": "
	}
	also := safe("")
	if w.Also.File != "" {
		also = " (also at " + clean(w.Also.String()) + ")"
	}
	p.line(indent, p.paint(c, where), clean(w.Text), also)
	if w.Hint != "" {
		p.line(indent+4, "hint: ", clean(w.Hint))
	}
}

// sentence writes an entry of a section: the first line of text beside its head, where a search
// for both finds it, and the others below.
func (p *printer) sentence(head safe, text string) {
	lines := paragraph(text)
	p.line(2, head, lines[0])
	for _, line := range lines[1:] {
		p.line(detail, line)
	}
}

// indented writes text of any number of lines.
func (p *printer) indented(indent int, text string) { p.lines(indent, paragraph(text)) }

func (p *printer) lines(indent int, all []safe) {
	for _, line := range all {
		p.line(indent, line)
	}
}
