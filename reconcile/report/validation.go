package report

import (
	"io"

	"reconciler/spec"
)

// Validation is what `validate` prints: every problem and warning of a tree.
type Validation struct {
	Problems   []spec.Problem // empty: the tree is valid
	Warnings   []spec.Problem
	Hosts      int // of a valid tree
	Containers int // of a valid tree
}

// Text writes the warnings, the problems, and the verdict as the last line. It returns the error of
// w.
func (v Validation) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	p.warnings(v.Warnings)
	if len(v.Problems) == 0 {
		p.line(0, p.paint(bold, "The tree is valid."), " ", count(v.Containers, "container"),
			" on ", count(v.Hosts, "host"), ", ", count(len(v.Warnings), "warning"), ".")
		return p.close()
	}
	sectionOf(p, "Problems", v.Problems, func(w spec.Problem) { p.problem(2, red, w) })
	p.line(0, p.paint(bold, "The tree is not valid."), " ", count(len(v.Problems), "problem"),
		", ", count(len(v.Warnings), "warning"), ".")
	return p.close()
}

// JSON writes the same as one document. It returns the error of w.
func (v Validation) JSON(w io.Writer) error {
	return encode(w, struct {
		FormatVersion string       `json:"format_version"`
		Valid         bool         `json:"valid"`
		Hosts         int          `json:"hosts"`
		Containers    int          `json:"containers"`
		Problems      []ProblemRow `json:"problems"`
		Warnings      []ProblemRow `json:"warnings"`
	}{
		formatVersion, len(v.Problems) == 0, v.Hosts, v.Containers,
		problemRows(v.Problems), problemRows(v.Warnings),
	})
}
