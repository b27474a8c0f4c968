package loop

import (
	"context"
	"log/slog"

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
	level := slog.LevelDebug
	if r.Pass.Result != nil {
		level = slog.LevelInfo
	}
	sum := r.Pass.Plan.Summary()
	log.Log(context.Background(), level, "pass ended", "reasons", r.Reasons,
		"took", r.Ended.Sub(r.Began), "created", sum.Create, "changed", sum.Change,
		"destroyed", sum.Destroy, "blocked", sum.Blocked, "held", sum.Held)
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
