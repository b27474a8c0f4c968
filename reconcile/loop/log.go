package loop

import (
	"context"
	"log/slog"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// complaint is something that can be wrong, with all hosts, one host or one container.
type complaint struct{ what, host, container string }

// String returns how it is told.
func (c complaint) String() string {
	switch {
	case c.host == "":
		return c.what
	case c.container == "":
		return c.what + " " + c.host
	default:
		return c.what + " " + c.host + "/" + c.container
	}
}

// logOf returns the log of a pass: each line of it names the pass and the revision.
func (l *Loop) logOf(pass string, r spec.Revision) *slog.Logger {
	return l.o.Log.With("pass", pass, "revision", r.ID)
}

// log tells what became of a pass. What is wrong with the hosts is told by the pass that looked
// last: one that ends late may have found what has long been over.
func (l *Loop) log(r Report, last bool) {
	log := l.logOf(r.ID, r.Pass.Revision)
	if last {
		l.complain(log, complaint{what: "pass failed"}, textOf(r.Err))
	}
	if r.Err != nil {
		return
	}
	if last {
		l.logFaults(log, r)
		l.logRollouts(log, r)
	}
	counts := r.Pass.Summary()
	level := slog.LevelDebug
	if counts.Done() > 0 {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "pass ended", "reasons", r.Reasons,
		"took", r.Ended.Sub(r.Began), "created", counts.Created, "changed", counts.Changed,
		"destroyed", counts.Destroyed, "record", counts.Record, "failed", counts.Failed,
		"skipped", counts.Skipped, "blocked", counts.Blocked, "held", counts.Held)
}

// logFaults tells what is wrong with hosts and containers, and what is over.
func (l *Loop) logFaults(log *slog.Logger, r Report) {
	now := map[complaint]bool{}
	for _, u := range r.Pass.Plan.Unreachable {
		c := complaint{what: "host is unreachable", host: u.Host}
		if u.InUse {
			c.what = "host is in use by another run"
		}
		now[c] = true
		l.complain(log, c, u.Text)
	}
	for _, b := range r.Pass.Plan.Blocked {
		c := complaint{string(b.Action) + " is blocked", b.Host, b.Container}
		now[c] = true
		text := b.Text
		if b.Unblock != "" {
			text += "; to let it through: " + b.Unblock
		}
		l.complain(log.With("code", b.Code), c, text)
	}
	for _, h := range l.unprepared(r) {
		c := complaint{what: "host is not prepared", host: h.Host}
		now[c] = true
		l.complain(log, c, h.Text)
	}
	for _, f := range l.repeated(r) {
		c := complaint{"what is done does not last", f.Host, f.Container}
		now[c] = true
		l.complain(log, c, f.Text)
	}
	l.endComplaints(log, r.Pass.Observed, now)
}

// unprepared returns the hosts that could not be prepared, of those that a pass has seen.
func (l *Loop) unprepared(r Report) []plan.Failing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(l.failures.unprepared(), func(f plan.Failing) bool {
		_, seen := r.Pass.Observed[f.Host]
		return !seen
	})
}

// repeated returns what is done again and again, of the hosts that a pass has seen.
func (l *Loop) repeated(r Report) []Failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(l.repeats.list(), func(f Failure) bool {
		_, seen := r.Pass.Observed[f.Host]
		return !seen
	})
}

// endComplaints tells what is over on the hosts that were observed.
func (l *Loop) endComplaints(
	log *slog.Logger, observed map[string]plan.Actual, now map[complaint]bool,
) {
	l.mu.Lock()
	var over []complaint
	for c := range l.complaints {
		if _, seen := observed[c.host]; seen && !now[c] {
			over = append(over, c)
		}
	}
	l.mu.Unlock()
	for _, c := range over {
		l.complain(log, c, "")
	}
}

// complain logs what is wrong when it begins, when its text changes, and when it is over, which an
// empty text says: not in every pass.
func (l *Loop) complain(log *slog.Logger, c complaint, text string) {
	l.mu.Lock()
	before := l.complaints[c]
	if text == "" {
		delete(l.complaints, c)
	} else {
		l.complaints[c] = text
	}
	l.mu.Unlock()
	if c.host != "" {
		log = log.With("host", c.host)
	}
	if c.container != "" {
		log = log.With("container", c.container)
	}
	switch {
	case text != "" && text != before:
		log.Error("something is wrong", "what", c.String(), "error", text)
	case text == "" && before != "":
		log.Info("something is right again", "what", c.String())
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
