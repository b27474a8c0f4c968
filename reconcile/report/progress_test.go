package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// screen is a terminal of a given width that knows what Progress uses: printable characters,
// newline, carriage return and "erase to the end of the line". It wraps as terminals do.
type screen struct {
	t     *testing.T
	width int
	lines [][]rune
	row   int
	col   int
}

func newScreen(t *testing.T, width int) *screen {
	return &screen{t: t, width: width, lines: [][]rune{nil}}
}

func (s *screen) Write(b []byte) (int, error) {
	runes := []rune(string(b))
	for len(runes) > 0 {
		switch r := runes[0]; {
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.newline()
		case r == '\x1b' && strings.HasPrefix(string(runes), "\x1b[K"):
			s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
			runes = runes[2:]
		case r < ' ':
			s.t.Errorf("%q reaches the terminal", r)
		default:
			s.put(r)
		}
		runes = runes[1:]
	}
	return len(b), nil
}

func (s *screen) newline() {
	s.lines = append(s.lines, nil)
	s.row++
	s.col = 0
}

func (s *screen) put(r rune) {
	if s.col >= s.width {
		s.newline()
	}
	line := s.lines[s.row]
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.lines[s.row] = line
	s.col++
}

// shown returns the lines that a user sees now.
func (s *screen) shown() []string {
	var shown []string
	for _, l := range s.lines {
		shown = append(shown, string(l))
	}
	return shown
}

func startOf(s plan.Step) execute.Event {
	return execute.Event{Kind: execute.StepStarted, Step: s}
}

func endOf(s plan.Step, message string, err error) execute.Event {
	r := execute.StepResult{Step: s, Status: execute.Done, Message: message, Err: err}
	if err != nil {
		r.Status = execute.Failed
	}
	return execute.Event{Kind: execute.StepFinished, Step: s, Result: r}
}

func stepOn(container string, a plan.Action) plan.Step {
	return plan.Step{Host: "h", Container: container, Action: a}
}

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 80)
	p := NewProgress(s, ProgressOptions{Total: 4, Terminal: true})
	web, db := stepOn("web", plan.Clone), stepOn("db", plan.Start)
	p.Observe(startOf(web))
	p.Observe(startOf(db))
	want := []string{"[0/4] 2 running: h/web clone, h/db start"}
	if got := s.shown(); !slices.Equal(got, want) {
		t.Errorf("the user does not see what runs: %q, want %q", got, want)
	}
	p.Observe(endOf(web, "Container cloned", nil))
	p.Observe(execute.Event{
		Kind: execute.StepRetried, Step: db, Attempt: 1, Wait: 1500 * time.Millisecond,
		Err: errors.New("busy"),
	})
	p.Observe(endOf(db, "", errors.New("cannot start\nlog line")))
	want = []string{
		"[1/4] h/db 200_start: attempt 1 failed, the next one in 1.5s", "    busy",
		"[2/4] h/db 200_start: FAILED", "    cannot start", "    log line",
		"[2/4] 1 failed, 0 running",
	}
	if got := s.shown(); !slices.Equal(got, want) {
		t.Errorf("failures do not stay above the status line:\n%q, want\n%q", got, want)
	}
	p.Close()
	if got := s.shown(); got[len(got)-1] != "" {
		t.Errorf("the status line %q is left behind", got[len(got)-1])
	}
}

func TestProgressElsewhere(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := NewProgress(&b, ProgressOptions{Total: 2})
	web, db := stepOn("web", plan.Clone), stepOn("db", plan.Start)
	for _, e := range []execute.Event{
		startOf(web), endOf(web, "Container cloned", nil),
		startOf(db), endOf(db, "", errors.New("cannot start")),
	} {
		p.Observe(e)
	}
	p.Close()
	want := "[1/2] h/web 100_creation: Container cloned\n" +
		"[2/2] h/db 200_start: FAILED\n    cannot start\n"
	if b.String() != want {
		t.Errorf("a log shows %q, want %q", b.String(), want)
	}
}

// What failed alike is read once: five tries of a start must not bury the rest under five logs.
func TestATryThatFailsAsBeforeIsToldInOneLine(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := NewProgress(&b, ProgressOptions{Total: 3})
	web, db := stepOn("web", plan.Start), stepOn("db", plan.Start)
	retry := func(s plan.Step, attempt int, text string) {
		p.Observe(execute.Event{Kind: execute.StepRetried, Step: s, Attempt: attempt,
			Wait: time.Second, Err: errors.New(text)})
	}
	retry(web, 1, "no bridge\nlog\none")
	retry(db, 1, "no bridge\nlog\none")
	retry(web, 2, "no bridge\nlog\ntwo")
	retry(web, 3, "no disk\nlog")
	p.Observe(endOf(web, "", errors.New("no disk\nlog")))
	p.Observe(endOf(web, "", errors.New("no disk\nlog")))
	want := `[0/3] h/web 200_start: attempt 1 failed, the next one in 1s
    no bridge
    log
    one
[0/3] h/db 200_start: attempt 1 failed, the next one in 1s
    no bridge
    log
    one
[0/3] h/web 200_start: attempt 2 failed as before, the next one in 1s
[0/3] h/web 200_start: attempt 3 failed, the next one in 1s
    no disk
    log
[1/3] h/web 200_start: FAILED as before
[2/3] h/web 200_start: FAILED
    no disk
    log
`
	if b.String() != want {
		t.Errorf("a log shows\n%s\nwant\n%s", b.String(), want)
	}
}

func TestProgressColor(t *testing.T) {
	t.Parallel()
	render := func(color bool) string {
		var b strings.Builder
		p := NewProgress(&b, ProgressOptions{Total: 1, Color: color})
		p.Observe(endOf(stepOn("db", plan.Start), "", errors.New("cannot start")))
		return b.String()
	}
	if got := render(false); strings.Contains(got, "\x1b") {
		t.Errorf("colour although none is wanted: %q", got)
	}
	if got := render(true); !strings.Contains(got, "\x1b[31m") {
		t.Errorf("a failure is not red: %q", got)
	}
}

func TestStatusLineNeverWraps(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 2, 3, 7, 20, 79, 200} {
		s := newScreen(t, width)
		p := NewProgress(s, ProgressOptions{
			Total: 1000, Terminal: true, Width: func() int { return width },
		})
		for i := range 30 {
			p.Observe(startOf(stepOn(fmt.Sprintf("日本%d\x1b[2J", i), plan.Clone)))
			if got := len(s.shown()); got != 1 {
				t.Fatalf("at %d columns the status takes %d lines", width, got)
			}
		}
		p.Close()
		if got := s.shown(); got[0] != "" {
			t.Errorf("at %d columns %q is left behind", width, got[0])
		}
	}
}

func TestStatusLineUsesTheWidthOfTheMoment(t *testing.T) {
	t.Parallel()
	width := 0
	s := newScreen(t, 80)
	p := NewProgress(s, ProgressOptions{
		Total: 1, Terminal: true, Width: func() int { return width },
	})
	long := stepOn(strings.Repeat("x", 100), plan.Clone)
	p.Observe(startOf(long))
	if got := len([]rune(s.shown()[0])); got < 60 || got > 79 {
		t.Errorf("with an unknown width the line has %d columns", got)
	}
	width = 30
	p.Observe(startOf(long))
	if got := len([]rune(s.shown()[0])); got > 29 {
		t.Errorf("after the terminal became narrow the line has %d columns", got)
	}
}

func TestProgressFromManyGoroutines(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 60)
	p := NewProgress(s, ProgressOptions{
		Total: 200, Terminal: true, Width: func() int { return 60 },
	})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			step := stepOn(fmt.Sprintf("c%d", i), plan.Start)
			p.Observe(startOf(step))
			p.Observe(endOf(step, "started", nil))
		})
	}
	wg.Wait()
	if got := s.shown(); !slices.Equal(got, []string{"[200/200] 0 running"}) {
		t.Errorf("steps are lost: %q", got)
	}
}

func TestProgressSurvivesAClosedStream(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	r.Close()
	p := NewProgress(w, ProgressOptions{Total: 1, Terminal: true})
	step := stepOn("c", plan.Start)
	p.Observe(startOf(step))
	p.Observe(endOf(step, "started", nil))
	p.Close()
	if p.done != 1 {
		t.Error("progress stopped counting when nobody could see it")
	}
}
