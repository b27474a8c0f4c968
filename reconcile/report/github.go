package report

import (
	"fmt"
	"io"
	"path"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// mostAnnotations is how many of each level GitHub shows of one step.
const mostAnnotations = 10

// GitHubOptions says how annotations are written.
type GitHubOptions struct {
	PathPrefix string // folder of the tree in its repository; empty: its root
}

// level is how loud an annotation is.
type level string

const (
	levelError   level = "error"
	levelWarning level = "warning"
	levelNotice  level = "notice"
)

// annotation is one remark on a line of the tree.
type annotation struct {
	level    level
	position spec.Position // zero: on no line
	title    safe
	text     []safe // lines
}

// GitHub writes workflow commands that annotate the lines of the tree in a pull request: mistakes
// and unreachable hosts as errors; what loses data, what a guard blocks and the warnings of the
// tree as warnings, in this order; the rest of the plan as notices. At least three containers
// with the same fate share one, at the first of them. GitHub shows ten of each level, so no more
// are written, the most important first; the tenth says how many it stands for. It returns the
// error of w.
func GitHub(w io.Writer, p plan.Plan, o GitHubOptions) error {
	all := append(fatesOf(p), remarks(p)...)
	var b strings.Builder
	for _, l := range []level{levelError, levelWarning, levelNotice} {
		var some []annotation
		for _, a := range all {
			if a.level == l {
				some = append(some, a)
			}
		}
		for _, a := range most(some) {
			b.WriteString(a.command(o.PathPrefix))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}

// most returns as many annotations as are shown; the last one stands for those that are not.
func most(all []annotation) []annotation {
	if len(all) <= mostAnnotations {
		return all
	}
	rest := len(all) - mostAnnotations + 1
	shown := all[: mostAnnotations-1 : mostAnnotations-1]
	return append(shown, annotation{level: all[0].level, title: number(rest) + " more",
		text: []safe{number(rest) + " more of this kind are in the plan itself"}})
}

// remarks are the annotations of what is not done, unknown and odd.
func remarks(p plan.Plan) []annotation {
	var all []annotation
	for _, b := range p.Blocked {
		all = append(all, blockedRemark(b))
	}
	for _, u := range p.Unreachable {
		is := safe(" is unknown")
		if u.InUse {
			is = " is in use"
		}
		all = append(all, annotation{levelError, spec.Position{}, clean(u.Host) + is,
			paragraph(u.Text)})
	}
	for _, w := range p.Warnings {
		text := paragraph(w.Text)
		if w.Path != "" {
			text[0] = clean(w.Path) + ": " + text[0]
		}
		if w.Hint != "" {
			text = append(text, "hint: "+clean(w.Hint))
		}
		all = append(all, annotation{levelWarning, w.Position, "warning", text})
	}
	return all
}

func blockedRemark(b plan.Blocked) annotation {
	a := annotation{levelWarning, b.Position,
		address(b.Host, b.Container) + " is blocked (" + clean(b.Code) + ")", paragraph(b.Text)}
	remedy := safe("to let it through: ")
	if b.Failed {
		a.level, remedy = levelError, "to mend it: "
	}
	if b.Unblock != "" {
		a.text = append(a.text, remedy+clean(b.Unblock))
	}
	return a
}

// fatesOf are the annotations of what is done and of what is held.
func fatesOf(p plan.Plan) []annotation {
	var all []annotation
	folds := foldsOf(groupsOf(p))
	for k := destroys; k <= records; k++ {
		for _, f := range folds {
			if f[0].kind == k {
				all = append(all, f.annotation())
			}
		}
	}
	for _, h := range p.Held {
		all = append(all, annotation{levelNotice, h.Position, address(h.Host, h.Container) +
			" is held (" + clean(h.Code) + ")", paragraph(h.Text)})
	}
	return all
}

func (f fold) annotation() annotation {
	g := f[0]
	a := annotation{levelNotice, g.position(), f.title() + " " + f.will(), nil}
	if g.loses() {
		a.level = levelWarning
	}
	for _, r := range g.reasons() {
		a.text = append(a.text, paragraph(r)...)
	}
	for _, c := range g.changes() {
		c = redact(c)
		marker, text := sides(g.kind, c)
		a.text = append(a.text, marker.marker+" "+clean(c.Field)+": "+text)
	}
	return a
}

// command writes an annotation as a workflow command, which is one line.
func (a annotation) command(prefix string) string {
	var b strings.Builder
	b.WriteString("::" + string(a.level) + " ")
	if local(a.position.File) {
		file := clean(path.Join(prefix, a.position.File))
		b.WriteString("file=" + property(string(file)) + ",")
		if a.position.Line > 0 {
			fmt.Fprintf(&b, "line=%d,", a.position.Line)
		}
	}
	b.WriteString("title=" + property(string(a.title)) + "::")
	b.WriteString(data(string(joinSafe(a.text, "\n"))) + "\n")
	return b.String()
}

// data escapes the message of a workflow command, property a value before it.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
