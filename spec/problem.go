package spec

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong (or odd) in the declaration.
type Problem struct {
	Position Position // of the value that must be changed
	Also     Position // the other place, where two contradict each other
	Path     string   // in the tree, such as targets.host.container.ip
	Text     string   // what is wrong, lower case, no full stop
	Hint     string   // what to write instead, if that is known
}

// String returns the problem on one line: file:line: path: text (also at …); hint.
func (p Problem) String() string {
	var b strings.Builder
	if p.Position.File != "" {
		b.WriteString(p.Position.String() + ": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	if p.Also.File != "" {
		b.WriteString(" (also at " + p.Also.String() + ")")
	}
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems is the error that Parse returns: every problem of the tree, in file order.
type Problems []Problem

// Error implements error, one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps)+1)
	lines = append(lines, fmt.Sprintf("the tree has %d problem(s):", len(ps)))
	for _, p := range ps {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}
