package plan

import (
	"fmt"
	"strings"
)

// strangeness returns why a container that exists is not ours: which of the two witnesses is
// missing. It is empty for one that is ours.
func (p *planner) strangeness(it *item) string {
	m := it.got.Mark
	switch {
	case m == nil:
		return "it carries no mark"
	case m.Installation != p.in.Installation || m.Installation == "":
		return "its mark is of another installation"
	case m.Host != p.h.Host || m.Name != it.name:
		return "it is a copy: its mark is of " + m.Host + "/" + m.Name
	case it.own == nil:
		return "it has no record"
	case it.own.UID != m.UID || m.UID == "":
		return "its record is of another uid"
	case it.want != nil && it.want.UID != "" && it.want.UID != m.UID:
		return "it is declared under another uid"
	}
	return ""
}

// remedy says what to do about a declared container that exists and is not ours. One that another
// state remembers, or did, is not to be removed because of a wrong --state.
func (p *planner) remedy(it *item) string {
	const rename = "rename or remove one of the two"
	m := it.got.Mark
	switch {
	case m == nil || m.Host != p.h.Host || m.Name != it.name:
		return rename
	case m.Installation != p.in.Installation:
		return "name the state that remembers it with --state; if it is really somebody else's, " +
			"rename one of the two"
	case it.own == nil:
		return "put the state back from a backup that has its record"
	}
	return rename
}

func (p *planner) block(it *item, b Blocked) {
	b.Host, b.Container = p.h.Host, it.name
	if it.want != nil {
		b.Position = it.want.Position
	}
	it.fault = b.Text
	p.out.Blocked = append(p.out.Blocked, b)
}

func (p *planner) blockProtected(it *item) {
	b := Blocked{Action: Destroy, Code: BlockedProtected, Unblock: "protect: false"}
	if it.want == nil {
		b.Text = "it is not declared any more, but protected"
		b.Unblock = "declare it again with protect: false, then remove it"
	} else {
		b.Text = "it would have to be made anew, but is protected"
	}
	p.block(it, b)
}

func (p *planner) blockBridge(it *item) {
	p.block(it, Blocked{Action: Configure, Code: BlockedBridge, Failed: true,
		Text:    fmt.Sprintf("bridge %q does not exist on the host", it.want.Bridge),
		Unblock: "make the bridge, name another, or declare prepare for the host"})
}

func (p *planner) blockGuard(it *item, g guard) {
	p.block(it, Blocked{Action: Destroy, Code: BlockedGuard,
		Text: fmt.Sprintf("%d of %d containers would be destroyed in one pass, at most %d may",
			g.count, g.owned, g.limit),
		Unblock: fmt.Sprintf("--allow-destroy %s/%s or --allow-destroy %d",
			p.h.Host, it.name, g.count)})
}

// names lists the keys of fields for a sentence.
func (p *planner) names(s fieldSet) string {
	var keys []string
	for f := range fieldCount {
		if s.has(f) {
			keys = append(keys, p.key[f])
		}
	}
	return strings.Join(keys, ", ")
}

// makingReason is the reason of the first step of a new container.
func makingReason(it *item) Reason {
	text := "it is declared and does not exist"
	switch it.cause {
	case Missing:
		text = "it was made before and has vanished from the host"
	case NeededBy:
		text = "the template is needed by " + it.wantedBy
	case Unfinished:
		text = "an earlier run began to make it and did not finish"
	case RecreateAsked:
		text = "a change needs a new container, and recreate is allowed"
	}
	return Reason{it.cause, text}
}

// changeReason says which side changed for a step that carries out some fields.
func (p *planner) changeReason(it *item, s fieldSet) Reason {
	if unfinished(it.own) {
		return Reason{Unfinished, "an earlier run did not finish it"}
	}
	declared, other := s&it.diff.changed, s&^it.diff.changed
	code, text := Drift, "changed on the host: "
	if begun(it.own) {
		code, text = Unfinished, "an earlier run did not finish it: "
	}
	switch {
	case s == 0:
		return Reason{Follows, "comes with another step"}
	case declared == 0:
		return Reason{code, text + p.names(other)}
	case other == 0:
		return Reason{Changed, "the declaration changed: " + p.names(declared)}
	}
	return Reason{Changed, "the declaration changed: " + p.names(declared) +
		"; " + text + p.names(other)}
}

func notRunningReason(s State) Reason {
	return Reason{NotRunning, "it is " + string(s) + " and shall run"}
}

func forgetReason() Reason {
	return Reason{Undeclared, "it is not declared any more and has vanished from the host"}
}
