package report

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// defaultWidth is used where the width of the terminal is not known.
const defaultWidth = 80

// ProgressOptions says how progress is shown.
type ProgressOptions struct {
	Total    int        // steps of the plan
	Terminal bool       // one status line that is written over, else one line for each step
	Color    bool       // with ANSI colours
	Width    func() int // columns of the terminal now; nil or a result below 1: 80
}

// Progress tells people how a run goes. On a terminal there is one status line at the bottom;
// failures and failed tries are printed above it and stay. Elsewhere each step that ends is a
// line. What cannot be written is lost: progress never stops a run. Its methods may be called
// from several goroutines at once.
type Progress struct {
	mu      sync.Mutex
	w       io.Writer
	options ProgressOptions
	done    int
	failed  int
	running []string // in the order in which they began

	told map[string]string // how the last failure began, by running step
}

var _ execute.Observer = (*Progress)(nil)

// NewProgress returns a Progress that writes to w, usually the standard error.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	return &Progress{w: w, options: o, told: map[string]string{}}
}

// Observe implements execute.Observer.
func (p *Progress) Observe(e execute.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := running(e.Step)
	lasting := false
	switch e.Kind {
	case execute.ContainerFinished:
		return
	case execute.StepStarted:
		p.running = append(p.running, name)
	case execute.StepRetried:
		lasting = true
	case execute.StepFinished:
		if i := slices.Index(p.running, name); i >= 0 {
			p.running = slices.Delete(p.running, i, i+1)
		}
		p.done++
		if e.Result.Status == execute.Failed {
			p.failed++
		}
		lasting = !p.options.Terminal || e.Result.Status == execute.Failed
	}
	p.show(e, lasting)
	if e.Kind == execute.StepFinished {
		delete(p.told, name)
	}
}

// Close removes the status line. Progress may be used again after it.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options.Terminal {
		_, _ = io.WriteString(p.w, eraseLine)
	}
}

// eraseLine empties the line of the cursor and goes to its beginning.
const eraseLine = "\r\x1b[K"

// show writes with a single call, so that lines of others do not come between.
func (p *Progress) show(e execute.Event, lasting bool) {
	var b bytes.Buffer
	if p.options.Terminal {
		b.WriteString(eraseLine)
	}
	if lasting {
		out := newPrinter(&b, TextOptions{Color: p.options.Color})
		p.lasting(out, e)
		_ = out.close()
	}
	if p.options.Terminal {
		b.WriteString(string(p.status()))
		// Whatever else writes to this terminal then begins at the first column.
		b.WriteByte('\r')
	}
	if b.Len() > 0 {
		_, _ = p.w.Write(b.Bytes())
	}
}

// lasting writes an event that stays to be read.
func (p *Progress) lasting(out *printer, e execute.Event) {
	head := p.counter() + address(e.Step.Host, e.Step.Container) + " " +
		safe(execute.Checkpoint(e.Step.Action)) + ": "
	switch {
	case e.Kind == execute.StepRetried:
		wait := safe(e.Wait.Round(time.Millisecond).String())
		why, again := p.failure(e.Step, e.Err)
		out.line(0, out.paint(yellow, head+"attempt "+number(e.Attempt)+
			" failed"+again+", the next one in "+wait))
		out.lines(4, why)
	case e.Result.Status == execute.Failed:
		why, again := p.failure(e.Step, e.Result.Err)
		out.line(0, out.paint(red, head+"FAILED"+again))
		out.lines(4, why)
	default:
		out.line(0, head, clean(e.Result.Message))
	}
}

// failure returns what there is to tell of a failed try: only that it failed as before, if the last
// try of the step failed with the same first lines.
func (p *Progress) failure(s plan.Step, err error) (why []safe, again safe) {
	why = paragraph(errorText(err))
	beginning := string(joinSafe(why[:min(2, len(why))], "\n"))
	if p.told[running(s)] == beginning {
		return nil, " as before"
	}
	p.told[running(s)] = beginning
	return why, ""
}

func (p *Progress) counter() safe {
	return "[" + number(p.done) + "/" + number(p.options.Total) + "] "
}

// status is one line that is narrower than the terminal: a line that wraps could not be erased.
func (p *Progress) status() safe {
	line := p.counter()
	if p.failed > 0 {
		line += number(p.failed) + " failed, "
	}
	line += number(len(p.running)) + " running"
	if len(p.running) > 0 {
		line += ": " + clean(strings.Join(p.running, ", "))
	}
	width := defaultWidth
	if p.options.Width != nil {
		if w := p.options.Width(); w > 0 {
			width = w
		}
	}
	return fit(line, width-1)
}

// fit cuts text to a number of columns, with an ellipsis where there is room for one. What is not
// ASCII counts as two columns, the most that a character takes.
func fit(s safe, width int) safe {
	if columns(s) <= width {
		return s
	}
	// The ellipsis itself counts as two.
	room := max(width-2, 0)
	end := 0
	for i, r := range string(s) {
		room -= runeColumns(r)
		if room < 0 {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	if width < 2 {
		return s[:end]
	}
	return s[:end] + "…"
}

func columns(s safe) int {
	n := 0
	for _, r := range string(s) {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	return 2
}

func running(s plan.Step) string {
	return s.Host + "/" + s.Container + " " + string(s.Action)
}
