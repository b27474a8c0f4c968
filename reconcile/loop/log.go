package loop

import (
	"context"
	"log/slog"
	"strings"

	"reconciler/reconcile/execute"
)

// log tells what became of a pass.
func (l *Loop) log(r Report) {
	log := l.o.Log.With("pass", r.ID, "revision", r.Pass.Revision.ID)
	l.complain(log, "pass failed", r.Err)
	if r.Err != nil {
		return
	}
	unreachable := map[string]bool{}
	for _, u := range r.Pass.Plan.Unreachable {
		unreachable[u.Host] = true
		l.complainText(log.With("host", u.Host), "host is unreachable "+u.Host, u.Text)
	}
	for host := range r.Pass.Observed {
		if !unreachable[host] {
			l.complainText(log.With("host", host), "host is unreachable "+host, "")
		}
	}
	l.complainBlocked(log, r)
	level := slog.LevelDebug
	if r.Pass.Result != nil {
		level = slog.LevelInfo
	}
	sum := r.Pass.Plan.Summary()
	log.Log(context.Background(), level, "pass ended", "reasons", r.Reasons,
		"took", r.Ended.Sub(r.Began), "created", sum.Create, "changed", sum.Change,
		"destroyed", sum.Destroy, "blocked", sum.Blocked, "held", sum.Held)
}

// complainBlocked tells of each container that cannot be as declared, when that begins, changes or
// is over.
func (l *Loop) complainBlocked(log *slog.Logger, r Report) {
	now := map[string]bool{}
	for _, b := range r.Pass.Plan.Blocked {
		what := string(b.Action) + " is blocked " + b.Host + "/" + b.Container
		now[what] = true
		text := b.Text
		if b.Unblock != "" {
			text += "; to let it through: " + b.Unblock
		}
		l.complainText(log.With("host", b.Host, "container", b.Container, "code", b.Code), what, text)
	}
	l.mu.Lock()
	var over []string
	for what := range l.complaints {
		host, _, _ := strings.Cut(what[strings.LastIndex(what, " ")+1:], "/")
		_, seen := r.Pass.Observed[host]
		if strings.Contains(what, " is blocked ") && !now[what] && seen {
			over = append(over, what)
		}
	}
	l.mu.Unlock()
	for _, what := range over {
		l.complainText(log, what, "")
	}
}

// complain tells an error when it comes, when it becomes another one, and when it is over: not
// with every pass.
func (l *Loop) complain(log *slog.Logger, what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.complainText(log, what, text)
}

func (l *Loop) complainText(log *slog.Logger, what, text string) {
	l.mu.Lock()
	before := l.complaints[what]
	if text == "" {
		delete(l.complaints, what)
	} else {
		l.complaints[what] = text
	}
	l.mu.Unlock()
	switch {
	case text != "" && text != before:
		log.Error("something is wrong", "what", what, "error", text)
	case text == "" && before != "":
		log.Info("something is right again", "what", what)
	}
}

// logStep tells what became of a step.
func logStep(log *slog.Logger, r execute.StepResult) {
	log = log.With("host", r.Step.Host, "container", r.Step.Container,
		"step", execute.Checkpoint(r.Step.Action), "action", r.Step.Action, "took", r.Took)
	if r.Status == execute.Failed {
		log.Error("step failed", "error", r.Err)
		return
	}
	log.Info("step done", "reason", r.Step.Reason.Code)
}
