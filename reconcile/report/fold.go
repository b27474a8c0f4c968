package report

import (
	"strconv"

	"reconciler/reconcile/plan"
)

// foldFrom is how many containers with the same fate are told of once.
const foldFrom = 3

// fold is one container, or several that differ in nothing but their names and positions.
type fold []group

// foldsOf gathers what is the same, in the order of the first of each. What loses data is never
// gathered.
func foldsOf(groups []group) []fold {
	members := map[string]int{}
	signs := make([]string, len(groups))
	var b []byte
	for i, g := range groups {
		if !g.loses() {
			b = g.sign(b[:0])
			signs[i] = string(b)
			members[signs[i]]++
		}
	}
	at := map[string]int{}
	var folds []fold
	for i, g := range groups {
		n, begun := at[signs[i]]
		switch {
		case members[signs[i]] < foldFrom:
			folds = append(folds, groups[i:i+1:i+1])
		case begun:
			folds[n] = append(folds[n], g)
		default:
			at[signs[i]] = len(folds)
			folds = append(folds, append(make(fold, 0, members[signs[i]]), g))
		}
	}
	return folds
}

// loses reports whether data is lost.
func (g group) loses() bool { return g.kind == destroys || g.kind == replaces }

// sign appends everything about a container that a report shows, but its name and position.
func (g group) sign(b []byte) []byte {
	text := func(s string) { b = signText(b, s) }
	b = strconv.AppendInt(b, int64(g.kind), 10)
	b = strconv.AppendBool(b, g.Template)
	b = strconv.AppendBool(b, g.position().File == "")
	text(string(g.class()))
	for i := range g.Steps {
		s := &g.Steps[i]
		text(string(s.Action))
		text(s.Reason.Code)
		text(s.Reason.Text)
		for _, n := range s.Needs {
			text(n)
		}
		b = append(b, '|')
		for _, c := range s.Changes {
			b = signChange(b, redact(c))
		}
	}
	return b
}

func signChange(b []byte, c plan.Change) []byte {
	for _, s := range []string{c.Field, c.Old, c.New, string(c.Class)} {
		b = signText(b, s)
	}
	for _, on := range []bool{c.Generated, c.Unknown, c.Sensitive, c.Drift} {
		b = strconv.AppendBool(b, on)
	}
	return b
}

// signText appends a text so that it cannot run into the next.
func signText(b []byte, s string) []byte {
	b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
	return append(b, s...)
}

// hosts returns how many hosts a fold is on.
func (f fold) hosts() int {
	n := 0
	for i, g := range f {
		if i == 0 || g.Host != f[i-1].Host {
			n++
		}
	}
	return n
}

// name says what a fold of several is about: 12 containers.
func (f fold) name() safe {
	if f[0].Template {
		return count(len(f), "template")
	}
	return count(len(f), "container")
}
