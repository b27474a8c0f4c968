package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"

	"reconciler/reconcile/report"
)

// write prints a report in the format that --output asks for.
func write(
	o *options, s streams, text func(io.Writer, report.TextOptions) error, json func(io.Writer) error,
) error {
	if o.output == "json" {
		return json(s.out)
	}
	return text(s.out, textOptions(s.out))
}

func textOptions(w io.Writer) report.TextOptions {
	return report.TextOptions{Color: report.ColorWanted(os.Getenv, isTerminal(w))}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// newProgress tells the user on w how total steps go.
func newProgress(w io.Writer, total int) *report.Progress {
	terminal := isTerminal(w)
	return report.NewProgress(w, report.ProgressOptions{
		Total:    total,
		Terminal: terminal,
		Color:    report.ColorWanted(os.Getenv, terminal),
	})
}
