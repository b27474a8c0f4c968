package report

import (
	"strings"

	"reconciler/reconcile/plan"
)

// preparing is one host that is to be prepared, or several that get the same.
type preparing []plan.HostPreparation

// preparingOf gathers what is the same, in the order of the first of each.
func preparingOf(all []plan.HostPreparation) []preparing {
	signs := make([]string, len(all))
	members := map[string]int{}
	for i, h := range all {
		var b []byte
		for _, c := range h.Changes {
			b = signText(signText(signText(b, c.What), c.Old), c.New)
		}
		signs[i] = string(b)
		members[signs[i]]++
	}
	at := map[string]int{}
	var folds []preparing
	for i, h := range all {
		n, begun := at[signs[i]]
		switch {
		case members[signs[i]] < foldFrom:
			folds = append(folds, preparing{h})
		case begun:
			folds[n] = append(folds[n], h)
		default:
			at[signs[i]] = len(folds)
			folds = append(folds, preparing{h})
		}
	}
	return folds
}

// title names what a fold is about.
func (f preparing) title() safe {
	if len(f) > 1 {
		return count(len(f), "host")
	}
	return clean(f[0].Host)
}

// hostChange is a change of a host as one of a container, which all that shows changes takes.
func hostChange(c plan.HostChange) plan.Change {
	return plan.Change{Field: c.What, Old: c.Old, New: c.New}
}

// preparations writes what is done to hosts before their containers.
func (p *printer) preparations(all []plan.HostPreparation) {
	if len(all) == 0 {
		return
	}
	p.section("Hosts to prepare, before their containers", len(all))
	for _, f := range preparingOf(all) {
		p.line(2, p.paint(yellow, "~ "), p.paint(bold, f.title()), " will be prepared")
		for _, c := range f[0].Changes {
			p.change(creates, hostChange(c))
		}
		if len(f) > 1 {
			for _, h := range f {
				p.line(detail, clean(h.Host))
			}
		}
	}
	p.line(0)
}

// preparations is the section of the hosts that are prepared.
func (r reviewer) preparations(all []plan.HostPreparation) *section {
	l := roll{title: "Hosts to prepare, before their containers", where: "host"}
	for _, h := range all {
		l.entries = append(l.entries, entry{place: h.Host, name: whats(h.Changes)})
	}
	whole := func(p *page) {
		p.heading(l.title, len(all))
		for _, f := range preparingOf(all) {
			if p.over {
				return
			}
			r.preparing(p, f)
		}
	}
	return &section{n: len(all), levels: append([]func(*page){whole}, l.levels()...)}
}

func (r reviewer) preparing(p *page, f preparing) {
	title := code(f[0].Host)
	if len(f) > 1 {
		title = inert(f.title())
	}
	p.paragraph("**", title, "** will be prepared")
	p.paragraph("```diff")
	for _, c := range f[0].Changes {
		p.add(diffLine(creates, hostChange(c)), "\n")
	}
	p.add("```\n")
	if len(f) == 1 {
		return
	}
	p.details(inert(f.title()), func() {
		p.add("\n")
		for _, h := range f {
			p.add("- ", code(h.Host), "\n")
		}
	})
}

// whats names the things that change.
func whats(changes []plan.HostChange) string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.What
	}
	return strings.Join(names, ", ")
}

// toPrepare begins the verdict of a plan that prepares hosts.
func toPrepare(hosts int) safe {
	if hosts == 0 {
		return ""
	}
	return count(hosts, "host") + " to prepare, "
}
