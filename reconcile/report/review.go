package report

import (
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// long is how many entries a section may have before they are hidden behind their hosts.
const long = 12

// reviewer writes the sections of a page.
type reviewer struct {
	links linker
}

// containers are the sections of what is done, in their order.
func (r reviewer) containers(groups []group) []*section {
	pick := func(want func(group) bool) []group {
		var some []group
		for _, g := range groups {
			if want(g) {
				some = append(some, g)
			}
		}
		return some
	}
	of := func(k kind) []group { return pick(func(g group) bool { return g.kind == k }) }
	return []*section{
		r.loss("Destroyed", of(destroys)),
		r.loss("Replaced: destroyed and made anew", of(replaces)),
		r.fates("Changed", pick(func(g group) bool { return g.kind == changes && !g.drifted() })),
		r.fates("Created", of(creates)),
		r.fates("Drift: changed outside the tree, is put right", pick(group.drifted)),
		r.fates("Only recorded", of(records)),
	}
}

// loss is a section of containers whose data is lost. It is never hidden, and keeps the names.
func (r reviewer) loss(title inert, groups []group) *section {
	folds := foldsOf(groups)
	open := func(write func(*page, fold)) func(*page) {
		return func(p *page) {
			p.heading(title, len(groups))
			for _, f := range folds {
				if p.over {
					return
				}
				write(p, f)
			}
		}
	}
	s := &section{n: len(groups), levels: []func(*page){open(r.block), open(r.line)}}
	s.keep = len(s.levels)
	s.levels = append(s.levels, rollOf(title, groups).levels()...)
	return s
}

// fates is a section of other containers. Where names do not fit, what many have in common is
// still told.
func (r reviewer) fates(title inert, groups []group) *section {
	var folds []fold // made only if they are asked for
	told := func(write func(*page)) func(*page) {
		return func(p *page) {
			if folds == nil {
				folds = foldsOf(groups)
			}
			write(p)
		}
	}
	l := rollOf(title, groups)
	return &section{n: len(groups), levels: []func(*page){
		told(func(p *page) {
			p.heading(title, len(groups))
			r.hosts(p, folds, r.block)
		}),
		told(func(p *page) {
			p.heading(title, len(groups))
			r.hosts(p, folds, r.line)
		}),
		l.names,
		told(func(p *page) {
			l.counts(p)
			r.common(p, folds)
		}),
		l.counts,
		l.unlisted,
	}}
}

// common tells what several containers have in common, without their names.
func (r reviewer) common(p *page, folds []fold) {
	for _, f := range folds {
		if len(f) > 1 {
			r.short(p, f)
		}
	}
}

func rollOf(title inert, groups []group) roll {
	l := roll{title: title, where: "host", entries: make([]entry, 0, len(groups))}
	for _, g := range groups {
		l.entries = append(l.entries, entry{place: g.Host, name: g.Container})
	}
	return l
}

// hosts writes what is folded first, then what is left: open if it is short, else host by host.
func (r reviewer) hosts(p *page, folds []fold, write func(*page, fold)) {
	var single []fold
	for _, f := range folds {
		if len(f) == 1 {
			single = append(single, f)
		} else {
			write(p, f)
		}
	}
	byHost(p, single, func(f fold) string { return f[0].Host }, func(f fold) { write(p, f) })
}

// byHost writes entries that are sorted by host.
func byHost[T any](p *page, all []T, host func(T) string, write func(T)) {
	if len(all) <= long {
		for _, x := range all {
			write(x)
		}
		return
	}
	for from := 0; from < len(all) && !p.over; {
		to := from + 1
		for to < len(all) && host(all[to]) == host(all[from]) {
			to++
		}
		p.details(tag(host(all[from]))+": "+inert(number(to-from)), func() {
			for _, x := range all[from:to] {
				write(x)
			}
		})
		from = to
	}
}

// block tells everything about a fold.
func (r reviewer) block(p *page, f fold) {
	g := f[0]
	p.paragraph(r.head(f), r.declared(f))
	for _, s := range g.reasons() {
		p.paragraph("> ", lines(s))
	}
	if all := g.changes(); len(all) > 0 {
		p.paragraph("```diff")
		for _, c := range all {
			p.add(diffLine(g.kind, redact(c)), "\n")
		}
		p.add("```\n")
	}
	after := inert("")
	if needs := g.needs(); len(needs) > 0 {
		after = "; after " + code(strings.Join(needs, ", "))
	}
	p.paragraph("Steps: ", code(string(stepNames(g.Steps))), after)
	r.members(p, f)
}

// head names what a fold is about and says what becomes of it.
func (r reviewer) head(f fold) inert {
	name := code(f[0].Host + "/" + f[0].Container)
	if len(f) > 1 {
		name = inert(f.name()) + " on " + inert(count(f.hosts(), "host"))
	}
	return "**" + name + "** " + inert(f.will())
}

func (r reviewer) declared(f fold) inert {
	if len(f) > 1 {
		return ""
	}
	switch pos := f[0].position(); {
	case pos.File != "":
		return ", declared at " + r.links.position(pos)
	case f[0].Template && !f[0].loses():
		return ", built in"
	}
	return ""
}

// members names the containers of a fold of several, behind a summary.
func (r reviewer) members(p *page, f fold) {
	if len(f) == 1 {
		return
	}
	p.details(inert(f.name()), func() {
		p.add("\n")
		for _, g := range f {
			where := inert("")
			if pos := g.position(); pos.File != "" {
				where = " at " + r.links.position(pos)
			}
			p.add("- ", code(g.Host+"/"+g.Container), where, "\n")
		}
	})
}

// line tells of a fold in one line, and the names of several.
func (r reviewer) line(p *page, f fold) {
	r.short(p, f)
	if len(f) > 1 {
		p.details(inert(f.name()), func() { rollOf("", f).table(p, "names", nameCell) })
	}
}

// short says what becomes of a fold, and what changes.
func (r reviewer) short(p *page, f fold) {
	var all []string
	for _, c := range f[0].changes() {
		_, text := sides(f[0].kind, redact(c))
		all = append(all, c.Field+": "+string(text))
	}
	what := inert("")
	if len(all) > 0 {
		what = ": " + code(strings.Join(all, ", "))
	}
	p.add("\n- ", r.head(f), what, "\n")
}

// diffLine shows a change in the colours of a code block for differences.
func diffLine(k kind, c plan.Change) inert {
	marker, text := sides(k, c)
	sign := inert("! ")
	if marker.marker == "+" || marker.marker == "-" {
		sign = inert(marker.marker) + " "
	}
	note := notes(k, c)
	if note != "" {
		note = "  (" + note + ")"
	}
	return sign + fenced(clean(c.Field)+": "+text+note)
}

// at says where something is declared, if it is known.
func (r reviewer) at(pos spec.Position) inert {
	if pos.File == "" {
		return ""
	}
	return ", declared at " + r.links.position(pos)
}
