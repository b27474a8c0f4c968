package report

import (
	"cmp"
	"slices"
	"strings"
)

// roll is a list of which a page can tell names or numbers.
type roll struct {
	title   inert
	where   inert // what the places are: host or file
	entries []entry
}

// entry is one line of a roll.
type entry struct {
	place string
	name  string
	code  string // why or how; empty: nothing to say
	hint  string // what to do about it; empty: nothing
}

// levels are those of a roll: tables of names, of numbers, and only its length.
func (r roll) levels() []func(*page) {
	return []func(*page){r.names, r.counts, r.unlisted}
}

// names has a row for each place and code, with every name.
func (r roll) names(p *page) {
	p.heading(r.title, len(r.entries))
	r.table(p, "names", nameCell)
}

func nameCell(row []entry) inert {
	var b strings.Builder
	for i, e := range row {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(optional(e.name)))
	}
	return inert(b.String())
}

// counts has a row for each place and code, with a number.
func (r roll) counts(p *page) {
	p.heading(r.title, len(r.entries))
	p.paragraph("Not listed by name, there are too many: see the text or JSON report.")
	r.table(p, "", nil)
}

func (r roll) unlisted(p *page) {
	p.heading(r.title, len(r.entries))
	p.paragraph("Not listed here, there are too many: see the text or JSON report.")
}

// table writes the columns place, code, number, what last makes of a row (nil: nothing), and hint,
// without those that would be empty.
func (r roll) table(p *page, title inert, last func([]entry) inert) {
	has := func(f func(entry) string) bool {
		return slices.ContainsFunc(r.entries, func(e entry) bool { return f(e) != "" })
	}
	shown := [...]bool{true, has(func(e entry) string { return e.code }), true, last != nil,
		has(func(e entry) string { return e.hint })}
	pick := func(all [len(shown)]inert) []inert {
		var cells []inert
		for i, c := range all {
			if shown[i] {
				cells = append(cells, c)
			}
		}
		return cells
	}
	var rows [][]inert
	for _, row := range r.rows() {
		names := inert("")
		if last != nil {
			names = last(row)
		}
		rows = append(rows, pick([...]inert{optional(row[0].place), optional(row[0].code),
			inert(number(len(row))), names, optional(row[0].hint)}))
	}
	p.table(pick([...]inert{r.where, "why", "number", title, "the first goes on with"}), rows)
}

func optional(s string) inert {
	if s == "" {
		return "-"
	}
	return cell(s)
}

// rows gathers the entries by place and code.
func (r roll) rows() [][]entry {
	sorted := slices.Clone(r.entries)
	compare := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.code, b.code))
	}
	slices.SortStableFunc(sorted, compare)
	var rows [][]entry
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && compare(sorted[from], sorted[to]) == 0 {
			to++
		}
		rows = append(rows, sorted[from:to])
		from = to
	}
	return rows
}
