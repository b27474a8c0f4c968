package reconcile

import (
	"fmt"
	"slices"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// holds returns what must be left alone now: what somebody has suspended, what is outside its
// maintenance windows, and what the caller says.
// opens is when the next window does, zero if none is closed.
func (o *Options) holds(
	hosts []*spec.Host, s state.Snapshot,
) (holds []plan.Hold, opens time.Time) {
	now := o.now()
	holds = append(holds, o.Holds...)
	for _, sus := range o.suspensions(s) {
		holds = append(holds, plan.Hold{Host: sus.Host, Container: sus.Container,
			Code: plan.HeldSuspended, Text: suspendedText(sus)})
	}
	for _, h := range hosts {
		for name, c := range h.Containers {
			if next, closed := outsideWindows(c.Windows, now); closed {
				if opens.IsZero() || next.Before(opens) {
					opens = next
				}
				holds = append(holds, plan.Hold{Host: h.Name, Container: name,
					Code: plan.HeldWindow, Text: "outside its maintenance windows, the next opens at " +
						next.UTC().Format(time.DateTime+" UTC")})
			}
		}
	}
	return holds, opens
}

// suspensions returns those that hold now.
func (o *Options) suspensions(s state.Snapshot) []state.Suspension {
	now := o.now()
	return slices.DeleteFunc(slices.Clone(s.Suspensions), func(sus state.Suspension) bool {
		return sus.Ended(now)
	})
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
