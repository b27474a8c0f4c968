package report

import (
	"strings"
	"unicode/utf8"
)

// gap separates the columns of a table.
const gap = 2

// table writes rows below a header in aligned columns. Cells that are empty show as "-". The last
// column is not padded, so that no line ends in blanks.
func (p *printer) table(header []string, rows [][]string) {
	cells := make([][]safe, 0, len(rows)+1)
	cells = append(cells, cleanRow(header))
	for _, r := range rows {
		cells = append(cells, cleanRow(r))
	}
	widths := make([]int, len(header))
	for _, row := range cells {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(string(c)))
		}
	}
	for n, row := range cells {
		c := color("")
		if n == 0 {
			c = bold
		}
		p.line(0, p.row(c, row, widths)...)
	}
}

func (p *printer) row(c color, cells []safe, widths []int) []safe {
	parts := make([]safe, 0, 2*len(cells))
	for i, cell := range cells {
		if c != "" {
			parts = append(parts, p.paint(c, cell))
		} else {
			parts = append(parts, cell)
		}
		if i < len(cells)-1 {
			pad := widths[i] - utf8.RuneCountInString(string(cell)) + gap
			parts = append(parts, safe(strings.Repeat(" ", pad)))
		}
	}
	return parts
}

func cleanRow(cells []string) []safe {
	row := make([]safe, len(cells))
	for i, c := range cells {
		row[i] = "-"
		if c != "" {
			row[i] = clean(c)
		}
		if i == 0 {
			row[i] = withoutCommand(row[i])
		}
	}
	return row
}

// yesNo writes a switch for people.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
