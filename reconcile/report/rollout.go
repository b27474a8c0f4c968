package report

import (
	"cmp"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// mostHosts is how many hosts of a wave are named; the others are counted.
const mostHosts = 5

// rolloutText says in what order the hosts of a group are changed, and when that ends.
func rolloutText[T ~string](r plan.Rollout, quote func(string) T) T {
	text := T("Rollout of ") + quote(r.Group) + ": "
	for i, w := range r.Waves {
		if i > 0 {
			text += ", then "
		}
		text += waveText(w, r.MaxParallel, quote)
	}
	if len(r.Waves) > 0 {
		text += "; "
	}
	if r.Stopped != "" {
		return text + "no further host begins"
	}
	return text + stopsAfter[T](r.MaxFailures, len(r.Failed))
}

// waveText says which hosts are changed together.
func waveText[T ~string](w plan.Wave, parallel int, quote func(string) T) T {
	names := T("")
	for i, host := range w.Hosts[:min(len(w.Hosts), mostHosts)] {
		if i > 0 {
			names += ", "
		}
		names += quote(host)
	}
	if n := len(w.Hosts) - mostHosts; n > 0 {
		names += " and " + T(number(n)) + " more"
	}
	if parallel > 0 && parallel < len(w.Hosts) {
		names += ", " + T(count(parallel, "host")) + " at a time"
	}
	switch {
	case w.Kind == plan.WaveCanary && len(w.Hosts) > 1:
		return "canaries " + names
	case w.Kind == plan.WaveCanary:
		return "canary " + names
	case w.Kind == plan.WaveAgain:
		return names + " where something failed before"
	}
	return names
}

// stopsAfter says how many failures end a rollout.
func stopsAfter[T ~string](may, failed int) T {
	text := "stops after " + T(count(may+1, "failed host"))
	if failed > 0 {
		text += ", of which there " + T(isAre(failed)) + " " + T(number(failed)) + " already"
	}
	return text
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// rollouts writes in what order the hosts of groups are changed.
func (p *printer) rollouts(all []plan.Rollout) {
	sectionOf(p, "Rollouts, hosts one after the other", all, func(r plan.Rollout) {
		p.line(2, rolloutText(r, clean))
		if r.Position.File != "" {
			p.line(detail, p.paint(dim, "declared at "+clean(r.Position.String())))
		}
		if r.Stopped != "" {
			p.sentence(p.paint(yellow, "= stopped: "), r.Stopped)
		}
	})
}

// rollouts is the section of the hosts that are changed one after the other.
func (r reviewer) rollouts(all []plan.Rollout) *section {
	l := roll{title: "Rollouts: hosts one after the other", where: "group"}
	for _, x := range all {
		for _, w := range x.Waves {
			for _, host := range w.Hosts {
				l.entries = append(l.entries, entry{place: x.Group, name: host, code: string(w.Kind)})
			}
		}
	}
	whole := func(p *page) {
		p.heading(l.title, len(all))
		for _, x := range all {
			p.paragraph(rolloutText(x, code), r.at(x.Position))
			if x.Stopped != "" {
				p.paragraph("> stopped: ", lines(x.Stopped))
			}
		}
	}
	return &section{n: len(all), levels: append([]func(*page){whole}, l.levels()...)}
}

// stopped returns the rollouts that wait for something to be mended.
func stopped(all []plan.Rollout) []plan.Rollout {
	return slices.DeleteFunc(slices.Clone(all), func(r plan.Rollout) bool { return r.Stopped == "" })
}

// groupRow is a group in JSON.
type groupRow struct {
	Name        string        `json:"name"`
	Hosts       []string      `json:"hosts"`
	Canary      int           `json:"canary"`
	MaxParallel int           `json:"max_parallel"` // 0: no limit
	MaxFailures int           `json:"max_failures"`
	Position    spec.Position `json:"position"`
}

// group writes of which group a host is.
func (p *printer) group(g *spec.Group) {
	if g == nil {
		return
	}
	r := plan.Rollout{Group: g.Name, MaxParallel: g.MaxParallel, MaxFailures: g.MaxFailures}
	canaries := min(g.Canary, len(g.Hosts))
	for _, w := range []plan.Wave{{Kind: plan.WaveCanary, Hosts: g.Hosts[:canaries]},
		{Kind: plan.WaveRest, Hosts: g.Hosts[canaries:]}} {
		if len(w.Hosts) > 0 {
			r.Waves = append(r.Waves, w)
		}
	}
	p.line(0, p.paint(bold, "changes reach its host in turn"), p.paint(dim, ", "+
		clean(g.Position.String())))
	p.line(2, rolloutText(r, clean))
}

type (
	waveMeaning struct {
		Kind  plan.WaveKind
		Hosts []string
	}
	rolloutMeaning struct {
		Group                    string
		Waves                    []waveMeaning
		MaxParallel, MaxFailures int
		Failed                   []string
	}
)

// rolloutMeanings is the part of rollouts that a plan's identity is made of.
func rolloutMeanings(all []plan.Rollout) []rolloutMeaning {
	meanings := make([]rolloutMeaning, 0, len(all))
	for _, r := range all {
		m := rolloutMeaning{Group: r.Group, MaxParallel: r.MaxParallel, MaxFailures: r.MaxFailures}
		for _, w := range r.Waves {
			m.Waves = append(m.Waves, waveMeaning(w))
		}
		for _, f := range r.Failed {
			m.Failed = append(m.Failed, f.Host)
		}
		slices.Sort(m.Failed)
		meanings = append(meanings, m)
	}
	slices.SortFunc(meanings, func(a, b rolloutMeaning) int { return cmp.Compare(a.Group, b.Group) })
	return meanings
}

// documented returns a copy without lists that are null.
func documented(all []plan.Rollout) []plan.Rollout {
	shown := make([]plan.Rollout, 0, len(all))
	for _, r := range all {
		r.Waves, r.Failed = list(r.Waves), list(r.Failed)
		shown = append(shown, r)
	}
	return shown
}
