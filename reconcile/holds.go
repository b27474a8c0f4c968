package reconcile

import (
	"context"
	"fmt"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// holds returns what must be left alone now: what is suspended, what is outside its maintenance
// windows, and what the caller says. It also returns when the next closed window opens, zero if
// none is closed.
func (o *Options) holds(
	hosts []*spec.Host, suspended []state.Suspension,
) (holds []plan.Hold, opens time.Time) {
	now := o.now()
	holds = append(holds, o.Holds...)
	for _, sus := range suspended {
		holds = append(holds, plan.Hold{Host: sus.Host, Container: sus.Container,
			Code: plan.HeldSuspended, Text: suspendedText(sus)})
	}
	soonest := func(next time.Time) {
		if opens.IsZero() || next.Before(opens) {
			opens = next
		}
	}
	for _, h := range hosts {
		if next, closed := outsideWindows(h.Windows, now); closed && h.Prepare != nil {
			soonest(next)
		}
		for name, c := range h.Containers {
			if next, closed := outsideWindows(c.Windows, now); closed {
				soonest(next)
				hold := windowHold(next)
				hold.Host, hold.Container = h.Name, name
				holds = append(holds, hold)
			}
		}
	}
	return holds, opens
}

// heldSince says what must be left alone now, of what was not held when the pass began: a rollout
// may take longer than a window is open, and people suspend what they see go wrong.
func (p *Pass) heldSince(o *Options) func(context.Context) func(host, container string) string {
	return func(ctx context.Context) func(host, container string) string {
		snapshot, err := o.reload(ctx)
		if err != nil {
			why := err.Error()
			return func(string, string) string { return why }
		}
		holds, _ := o.holds(o.hosts(p.Tree), state.Holding(snapshot.Suspensions, o.now()))
		return func(host, container string) string {
			for _, h := range holds {
				if !h.Preparation && (h.Host == "" || h.Host == host) &&
					(h.Container == "" || h.Container == container) {
					return h.Text
				}
			}
			return ""
		}
	}
}

// windowHold says that nothing may be done before the next window opens.
func windowHold(next time.Time) plan.Hold {
	return plan.Hold{Code: plan.HeldWindow, Text: "outside its maintenance windows, the next opens " +
		"at " + next.UTC().Format(time.DateTime+" UTC")}
}

// outsideWindows reports whether there are windows and none is open, and when the next one opens.
func outsideWindows(windows []spec.Window, now time.Time) (opens time.Time, closed bool) {
	for _, w := range windows {
		if w.Open(now) {
			return time.Time{}, false
		}
		if next := w.Next(now); opens.IsZero() || next.Before(opens) {
			opens = next
		}
	}
	return opens, len(windows) > 0
}

func suspendedText(s state.Suspension) string {
	text := "suspended by " + s.By
	if s.Container == "" {
		text = fmt.Sprintf("%s is suspended by %s", s.Scope(), s.By)
	}
	if !s.Until.IsZero() {
		text += " until " + s.Until.UTC().Format(time.DateTime+" UTC")
	}
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// now returns the time of the pass.
func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
