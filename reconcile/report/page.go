package report

import "strings"

// page is a piece of markdown of at most limit bytes. Above that it takes nothing more and is
// over: such a piece is thrown away, never shown in part.
type page struct {
	b     []byte
	limit int
	over  bool
}

func (p *page) add(parts ...inert) {
	for _, s := range parts {
		if p.over || len(p.b)+len(s) > p.limit {
			p.over = true
			return
		}
		p.b = append(p.b, s...)
	}
}

// paragraph ends what came before and begins with parts.
func (p *page) paragraph(parts ...inert) {
	p.add("\n")
	p.add(parts...)
	p.add("\n")
}

func (p *page) heading(title inert, n int) {
	p.paragraph("### ", title, " (", inert(number(n)), ")")
}

// details hides what body writes behind a summary. The empty lines around it make it markdown.
func (p *page) details(summary inert, body func()) {
	p.paragraph("<details><summary>", summary, "</summary>")
	body()
	p.paragraph("</details>")
}

// table writes a header and its rows; every cell is inert and has no bar.
func (p *page) table(header []inert, rows [][]inert) {
	p.add("\n")
	p.row(header)
	p.add(inert(strings.Repeat("|---", len(header))), "|\n")
	for _, r := range rows {
		if p.over {
			return
		}
		p.row(r)
	}
}

func (p *page) row(cells []inert) {
	for _, c := range cells {
		p.add("| ", c, " ")
	}
	p.add("|\n")
}
