package report

import (
	"bufio"
	"fmt"
	"io"
)

// TextOptions says how text is written.
type TextOptions struct {
	Color bool // with ANSI colours
	Hosts int  // how many hosts were compared; 0: the text does not say
	Meta  Meta // revision and knowledge, told above the plan where there is something to tell
}

// ColorWanted decides on colour when no flag does. NO_COLOR (not empty) and FORCE_COLOR=0 turn
// it off, FORCE_COLOR and CLICOLOR_FORCE (not empty, not 0) turn it on, in this order; otherwise
// there is colour on a terminal that is not TERM=dumb (no-color.org, force-color.org).
func ColorWanted(env func(string) string, isTerminal bool) bool {
	on := func(name string) bool { return env(name) != "" && env(name) != "0" }
	switch {
	case env("NO_COLOR") != "" || env("FORCE_COLOR") == "0":
		return false
	case on("FORCE_COLOR") || on("CLICOLOR_FORCE"):
		return true
	}
	return isTerminal && env("TERM") != "dumb"
}

// color is the parameter of an ANSI colour sequence.
type color safe

const (
	bold   color = "1"
	dim    color = "2"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
)

// printer writes safe text, indented, line by line. The first error sticks until close.
type printer struct {
	w     *bufio.Writer
	color bool
}

func newPrinter(w io.Writer, o TextOptions) *printer {
	return &printer{w: bufio.NewWriter(w), color: o.Color}
}

func (p *printer) paint(c color, s safe) safe {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + safe(c) + "m" + s + "\x1b[0m"
}

func (p *printer) line(indent int, parts ...safe) {
	for range indent {
		p.w.WriteByte(' ')
	}
	begun := false
	for _, s := range parts {
		if !begun && s != "" {
			s, begun = withoutCommand(s), true
		}
		p.w.WriteString(string(s))
	}
	p.w.WriteByte('\n')
}

func (p *printer) close() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}
