package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// fate is what became of one container as a whole, in the order of the report: what needs
// attention comes last, where a terminal shows it.
type fate int

const (
	succeeded fate = iota
	skipped        // no step failed, but not all were begun
	broken
)

func fateOf(o execute.Outcome) fate {
	isFailed := func(s execute.StepResult) bool { return s.Status == execute.Failed }
	switch {
	case o.Err != nil || slices.ContainsFunc(o.Steps, isFailed):
		return broken
	case o.Failed():
		return skipped
	}
	return succeeded
}

func outcomeKind(o execute.Outcome) kind {
	var p plan.Plan
	for _, s := range o.Steps {
		p.Steps = append(p.Steps, s.Step)
	}
	for _, it := range p.Containers() {
		return kindOf(it)
	}
	return records
}

// Summarize counts what became of a plan. All reports of a pass, and its history, have these
// counts.
func Summarize(r execute.Result, p plan.Plan) ResultSummary {
	s := ResultSummary{Unchanged: p.Unchanged, Blocked: len(p.Blocked), Held: len(p.Held),
		Unreachable: len(p.Unreachable)}
	s.Prepared, s.Unprepared = hostScore(r.Hosts)
	var t tally
	for _, o := range r.Outcomes {
		switch fateOf(o) {
		case succeeded:
			t[outcomeKind(o)]++
		case skipped:
			s.Skipped++
			if o.Refused {
				s.Waiting++
			}
		default:
			s.Failed++
		}
	}
	s.Created, s.Changed, s.Destroyed = t.created(), t[changes], t.destroyed()
	s.Record = t[records]
	return s
}

// Done is how many containers are now as declared, or recorded, that were not before.
func (s ResultSummary) Done() int { return s.Created + s.Changed + s.Destroyed + s.Record }

// ResultText writes what became of a plan: the hosts that were prepared, one block for each
// container with its checkpoints, those that failed last and in full; then what the plan left
// alone, and the verdict. Unmanaged containers get one line: the plan says more of them. It returns
// the error of w.
func ResultText(w io.Writer, r execute.Result, p plan.Plan, o TextOptions) error {
	out := newPrinter(w, o)
	if o.Meta.committed() {
		out.revision(o.Meta)
		out.line(0)
	}
	out.hosts(r.Hosts)
	for f := succeeded; f <= broken; f++ {
		for _, outcome := range r.Outcomes {
			if fateOf(outcome) == f {
				out.outcome(outcome, f)
			}
		}
	}
	out.rollouts(stopped(p.Rollouts))
	out.blocked(p.Blocked)
	out.held(p.Held)
	out.unmanagedLine(p.Unmanaged)
	out.unreachable(p.Unreachable)
	out.warnings(p.Warnings)
	total := Summarize(r, p)
	out.interrupted(r, total.Skipped)
	if len(r.Hosts)+len(r.Outcomes) == 0 && !r.Interrupted && nothing(p) {
		out.closing("No changes.", matching(p.Unchanged, o))
	} else {
		out.done(total, p)
	}
	return out.close()
}

func (p *printer) outcome(o execute.Outcome, f fate) {
	l := outcomeKind(o).look()
	switch f {
	case skipped:
		l = look{marker: "?", color: yellow, did: "not finished"}
		if o.Refused {
			l = look{marker: "=", color: yellow, did: "waits"}
		}
	case broken:
		l = look{marker: "!", color: red, did: "FAILED"}
	}
	p.heading(l, p.paint(bold, address(o.Host, o.Container)), " ", p.paint(l.color, l.did))
	for i := 0; i < len(o.Steps); {
		if n := sameSkip(o.Steps[i:]); n > 0 {
			p.skipped(o.Steps[i : i+n])
			i += n
			continue
		}
		p.checkpoint(o.Steps[i])
		i++
	}
	if o.Err != nil {
		p.line(detail, p.paint(red, "cannot record what was done:"))
		p.indented(detail+4, o.Err.Error())
		p.line(detail+4, "hint: the next run finds out what was done and goes on from there")
	}
	p.line(0)
}

// sameSkip returns how many steps from the first on were skipped for the same reason.
func sameSkip(steps []execute.StepResult) int {
	for i, s := range steps {
		if s.Status != execute.Skipped || s.Message != steps[0].Message {
			return i
		}
	}
	return len(steps)
}

func (p *printer) skipped(steps []execute.StepResult) {
	names := make([]safe, 0, len(steps))
	for _, s := range steps {
		names = append(names, safe(execute.Checkpoint(s.Step.Action)))
	}
	p.line(detail, p.paint(dim, "skipped "+joinSafe(names, ", ")+": "+
		clean(steps[0].Message)))
}

// checkpoint writes one step that was begun under the key that the Salt Cloud LXC driver gave it.
func (p *printer) checkpoint(s execute.StepResult) {
	key := safe(fmt.Sprintf("%-14s", execute.Checkpoint(s.Step.Action)))
	if s.Status == execute.Done {
		p.line(detail, key, clean(s.Message), p.paint(dim, effort(s)))
		return
	}
	p.line(detail, p.paint(red, key+"FAILED: "+clean(string(s.Step.Action))), effort(s))
	p.indented(detail+4, errorText(s.Err))
	p.line(detail+4, "hint: ", hint(s))
}

func errorText(err error) string {
	if err == nil {
		return "no reason given"
	}
	return err.Error()
}

// effort says how long a step took, where that is worth a word.
func effort(s execute.StepResult) safe {
	switch took := s.Took.Round(time.Millisecond); {
	case s.Attempts > 1:
		return safe(fmt.Sprintf("  (%d attempts, %v)", s.Attempts, took))
	case took >= time.Second:
		return safe(fmt.Sprintf("  (%v)", took))
	}
	return ""
}

// hint says what to do about a step that failed.
func hint(s execute.StepResult) safe {
	if !execute.Permanent(s.Err) {
		return "the next run goes on with this step"
	}
	if s.Step.Position.File == "" {
		return "mend the cause on the host, then run again"
	}
	return "mend the cause on the host, or the declaration at " +
		clean(s.Step.Position.String()) + ", then run again"
}

// interrupted says that the run was ended early; what is left stands in the blocks above.
func (p *printer) interrupted(r execute.Result, n int) {
	if !r.Interrupted {
		return
	}
	p.line(0, p.paint(yellow, "Interrupted."), " ", count(n, "container"),
		" not finished; the next run takes up what is left.")
	p.line(0)
}

// done writes the last line: what the run came to.
func (p *printer) done(s ResultSummary, pl plan.Plan) {
	sentence := safe("Done: ")
	if s.Prepared > 0 {
		sentence += count(s.Prepared, "host") + " prepared, "
	}
	sentence += number(s.Created) + " created, " + number(s.Changed) +
		" changed, " + number(s.Destroyed) + " destroyed, " + number(s.Failed) + " failed."
	var more []safe
	if s.Unprepared > 0 {
		more = append(more, count(s.Unprepared, "host")+" not prepared")
	}
	for _, part := range []struct {
		n    int
		what safe
	}{
		{s.Record, " only in the record"},
		{s.Skipped - s.Waiting, " not finished"},
		{s.Waiting, " waiting for their rollout"},
		{s.Unchanged, " unchanged"},
	} {
		if part.n > 0 {
			more = append(more, number(part.n)+part.what)
		}
	}
	p.closing(sentence, ending(append(more, left(pl)...)))
}
