package report

import (
	"cmp"
	"slices"
	"strconv"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// listed makes a section of entries that have a host. Each is written whole, or told in a roll.
func listed[T any](all []T, l roll, host func(T) string, write func(*page, T)) *section {
	whole := func(p *page) {
		p.heading(l.title, len(all))
		byHost(p, all, host, func(x T) { write(p, x) })
	}
	return &section{n: len(all), levels: append([]func(*page){whole}, l.levels()...)}
}

func (r reviewer) blocked(all []plan.Blocked) *section {
	l := roll{title: "Blocked: not done", where: "host"}
	for _, b := range all {
		l.entries = append(l.entries, entry{b.Host, b.Container, b.Code, b.Unblock})
	}
	return listed(all, l, func(b plan.Blocked) string { return b.Host }, r.blockedOne)
}

func (r reviewer) blockedOne(p *page, b plan.Blocked) {
	is, remedy := inert("is blocked ("), inert("To let it through: ")
	if b.Failed {
		is, remedy = "cannot be done (", "To mend it: "
	}
	what := inert("work")
	if b.Action != "" {
		what = code(string(b.Action))
	}
	p.paragraph("**", code(string(address(b.Host, b.Container))), "** ", what, " ", is, code(b.Code),
		")", r.at(b.Position))
	p.paragraph("> ", lines(b.Text))
	if b.Unblock != "" {
		p.paragraph(remedy, code(b.Unblock))
	}
}

func (r reviewer) held(all []plan.Held) *section {
	l := roll{title: "Held: waits, or is left as it is", where: "host"}
	for _, h := range all {
		l.entries = append(l.entries, entry{place: h.Host, name: h.Container, code: h.Code})
	}
	return listed(all, l, func(h plan.Held) string { return h.Host }, r.heldOne)
}

func (r reviewer) heldOne(p *page, h plan.Held) {
	k := kindFor(h.Kind)
	p.paragraph("**", code(string(address(h.Host, h.Container))), "** would be ", inert(k.look().did),
		", is held (", code(h.Code), ")", r.at(h.Position))
	p.paragraph("> ", lines(h.Text))
	if len(h.Changes) > 0 {
		p.paragraph("```diff")
		for _, c := range h.Changes {
			p.add(diffLine(k, redact(c)), "\n")
		}
		p.add("```\n")
	}
}

func (r reviewer) unreachable(all []plan.Unreachable) *section {
	l := roll{title: "Unknown: hosts that could not be asked", where: "host"}
	for _, u := range all {
		l.entries = append(l.entries, entry{place: u.Host, name: u.Host})
	}
	whole := func(p *page) {
		p.heading(l.title, len(all))
		p.paragraph("Nothing is known of their containers: they may change, or be gone.")
		for _, u := range all {
			is := inert("unknown")
			if u.InUse {
				is = "in use"
			}
			p.add("\n- ", code(u.Host), " is **", is, "**: ", lines(u.Text), "\n")
		}
	}
	return &section{n: len(all), levels: []func(*page){whole, l.names, l.unlisted}}
}

func (r reviewer) warnings(all []spec.Problem) *section {
	l := roll{title: "Warnings", where: "file"}
	for _, w := range all {
		l.entries = append(l.entries,
			entry{place: w.Position.File, name: "line " + strconv.Itoa(w.Position.Line)})
	}
	file := func(w spec.Problem) string { return w.Position.File }
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b spec.Problem) int {
		return cmp.Compare(file(a), file(b))
	})
	return listed(sorted, l, file, r.warning)
}

func (r reviewer) warning(p *page, w spec.Problem) {
	p.add("\n- ")
	if w.Position.File != "" {
		p.add(r.links.position(w.Position), ": ")
	}
	if w.Path != "" {
		p.add(code(w.Path), ": ")
	}
	p.add(lines(w.Text))
	if w.Also.File != "" {
		p.add(" (also at ", r.links.position(w.Also), ")")
	}
	if w.Hint != "" {
		p.add("<br>hint: ", lines(w.Hint))
	}
	p.add("\n")
}

func (r reviewer) unmanaged(all []plan.Unmanaged) *section {
	l := roll{title: "Unmanaged: never touched", where: "host"}
	for _, u := range all {
		l.entries = append(l.entries, entry{place: u.Host, name: u.Container, code: string(u.State)})
	}
	return listed(all, l, func(u plan.Unmanaged) string { return u.Host },
		func(p *page, u plan.Unmanaged) {
			p.add("\n- ", code(string(address(u.Host, u.Container))), " (", code(string(u.State)),
				"): ", lines(u.Text), "\n")
		})
}
