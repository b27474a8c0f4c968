package report

import (
	"cmp"
	"fmt"
	"io"

	"reconciler/reconcile/plan"
)

// The sizes that pages may have, in bytes. The limits of the servers are in characters or bytes;
// no text has more characters than bytes.
const (
	BudgetComment = 65536   // a comment on GitHub, the default; GitLab allows more
	BudgetSummary = 1 << 20 // a step summary of GitHub Actions, all of which is lost above it
)

// MarkdownOptions says how markdown is written.
type MarkdownOptions struct {
	Meta Meta
	// Marker names the page in a hidden comment, by which it is found and updated:
	// <!-- reconciler-plan:NAME -->. Empty: no marker. What is neither letter, digit nor one of
	// - . _ ~ / is percent-encoded.
	Marker string
	Budget int // bytes; 0: BudgetComment
	// LinkBase is the address of the reviewed revision's files, such as
	// https://git.example.com/x/blob/SHA: positions are linked to LinkBase/FILE#LLINE. Empty: no
	// links.
	LinkBase   string
	PathPrefix string // folder of the tree in its repository, for links; empty: its root
}

// Markdown writes the plan as a page for code review: the marker, the verdict, what it is made
// from; the hosts that are prepared; then what loses data, always open; then changes, creations,
// drift and what is only recorded; then what is blocked, held, odd, unmanaged and unknown. At least
// three containers with the same fate are told of once.
//
// The page has at most o.Budget bytes. A plan that needs more is told with less detail, never
// cut: the largest section first, from blocks to lines to tables of names to numbers for each
// host; what loses data stays named the longest. Every section says what it does not list.
//
// It returns the error of w, one for a LinkBase that is no web address, and one for a Budget into
// which not even the verdict fits; then nothing is written.
func Markdown(w io.Writer, p plan.Plan, o MarkdownOptions) error {
	links, err := newLinker(o.LinkBase, o.PathPrefix)
	if err != nil {
		return err
	}
	budget := cmp.Or(o.Budget, BudgetComment)
	text, ok := compose(parts(p, o, links), budget)
	if !ok {
		return fmt.Errorf("cannot write the plan into %d bytes", budget)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}

// parts are the sections of a page, in their order.
func parts(p plan.Plan, o MarkdownOptions, links linker) []*section {
	groups := groupsOf(p)
	r := reviewer{links}
	all := []*section{titleSection(p, tallyOf(groups), o), originSection(o.Meta, PlanID(p))}
	all = append(all, r.preparations(p.Prepare))
	all = append(all, r.containers(groups)...)
	all = append(all, r.rollouts(p.Rollouts))
	all = append(all, r.blocked(p.Blocked), r.held(p.Held), r.warnings(p.Warnings),
		r.unmanaged(p.Unmanaged), r.unreachable(p.Unreachable))
	shown := all[:0]
	for _, s := range all {
		if s.n > 0 {
			shown = append(shown, s)
		}
	}
	return shown
}

// titleSection has the marker and the verdict: it is the same at every level.
func titleSection(p plan.Plan, t tally, o MarkdownOptions) *section {
	sentence, rest := verdictOf(p, t, TextOptions{Hosts: len(o.Meta.Hosts), Meta: o.Meta})
	write := func(pg *page) {
		if o.Marker != "" {
			pg.add(marker(o.Marker), "\n")
		}
		pg.add("## ", inert(sentence), "\n")
		if n := t[replaces]; n > 0 {
			pg.paragraph("**", inert(count(n, "container")), " destroyed and made anew.**")
		}
		if n := len(p.Unreachable); n > 0 {
			pg.paragraph("**Nothing is known of ", inert(count(n, "host")), ".**")
		}
		if rest != "" {
			pg.paragraph(inert(rest))
		}
	}
	return &section{n: 1, levels: []func(*page){write}}
}

// originSection says what the plan was made from. Below the first level it leaves out what an
// author can make long.
func originSection(m Meta, id string) *section {
	whole := func(pg *page) {
		if m.Revision != "" {
			pg.paragraph("Revision ", code(shortRevision(m.Revision)), author(m))
		}
		pg.paragraph(knowledgeOf(m, code))
		pg.paragraph("Plan ", code(id[:12]), made(m))
	}
	brief := func(pg *page) {
		pg.paragraph("Knowledge: ", code(string(m.knowledge())), ", plan ", code(id[:12]), ".")
	}
	return &section{n: 1, levels: []func(*page){whole, brief}}
}

func author(m Meta) inert {
	if m.committed() {
		return revisionOf(m, code)
	}
	return ""
}

// made says which program and which state made the plan.
func made(m Meta) inert {
	var s inert
	if m.Tool != "" {
		s += " by " + code(m.Tool)
	}
	if m.Installation != "" {
		s += ", installation " + code(m.Installation) + ", serial " + inert(number(int(m.Serial)))
	}
	return s + "."
}
