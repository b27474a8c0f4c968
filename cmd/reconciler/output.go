package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"reconciler/reconcile/report"
)

// write prints a report in the format that --output asks for.
func (a *app) write(
	text func(io.Writer, report.TextOptions) error, json func(io.Writer) error,
) error {
	if a.output == "json" {
		return json(a.out)
	}
	return text(a.out, textOptions(a.out))
}

func textOptions(w io.Writer) report.TextOptions {
	return report.TextOptions{Color: report.ColorWanted(os.Getenv, isTerminal(w))}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newProgress tells the user on w how total steps go.
func newProgress(w io.Writer, total int) *report.Progress {
	terminal := isTerminal(w)
	return report.NewProgress(w, report.ProgressOptions{
		Total:    total,
		Terminal: terminal,
		Color:    report.ColorWanted(os.Getenv, terminal),
		Width:    func() int { return width(w) },
	})
}

// width returns the columns of a terminal, 0 if w is none.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
