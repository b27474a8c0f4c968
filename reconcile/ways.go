package reconcile

import (
	"fmt"
	"strconv"
	"strings"

	"reconciler/spec"
)

// newWays are warnings about hosts to which a tree has ssh go another way than before, or with
// another program there: no step shows it, and it decides who gets to do all the others.
func newWays(before *spec.Tree, hosts []*spec.Host) []spec.Problem {
	var out []spec.Problem
	for _, h := range hosts {
		way := wayTo(h)
		p := spec.Problem{Position: h.Position, Path: "hosts." + h.Name}
		switch old := before.Hosts[h.Name]; {
		case old == nil && (h.Connect == "local" || way == "ssh://root@"+h.Name):
			continue
		case old == nil:
			p.Text = "the new host is reached as " + way
		case wayTo(old) == way && old.LXCPath == h.LXCPath:
			continue
		case wayTo(old) == way:
			p.Text = fmt.Sprintf("its containers move from %s to %s", old.LXCPath, h.LXCPath)
			p.Hint = "those that run are not found there: nothing of them is moved"
		default:
			p.Text = fmt.Sprintf("the host was reached as %s, and will be as %s", wayTo(old), way)
		}
		out = append(out, p)
	}
	return out
}

// wayTo is how a host is reached, on one line.
func wayTo(h *spec.Host) string {
	var b strings.Builder
	b.WriteString(h.Connect)
	if g := h.Gateway; g != nil {
		b.WriteString(" over ")
		if g.User != "" {
			b.WriteString(g.User + "@")
		}
		b.WriteString(g.Host)
		if g.Port != 0 {
			b.WriteString(" port " + strconv.Itoa(g.Port))
		}
		if g.KeyFile != "" {
			b.WriteString(" with the key " + g.KeyFile)
		}
	}
	if h.Agent != "" {
		b.WriteString(", running " + h.Agent)
	}
	return b.String()
}
