package lxc

import (
	"net/url"
	"strings"

	"reconciler/reconcile/plan"
)

// formatMark returns the comment line by which a container is recognised as ours. It names the
// container itself: lxc-copy takes comments along, and a copy must not count.
func formatMark(m plan.Mark) string {
	var b strings.Builder
	b.WriteString(commentPrefix)
	for _, f := range markFields(&m) {
		b.WriteString(" " + f.name + "=" + url.QueryEscape(*f.value))
	}
	return b.String()
}

// parseMark reads a line that formatMark wrote. A line that lacks a field is no mark.
func parseMark(line string) (plan.Mark, bool) {
	var m plan.Mark
	rest, found := strings.CutPrefix(line, commentPrefix)
	if !found {
		return m, false
	}
	words := strings.Fields(rest)
	fields := markFields(&m)
	if len(words) != len(fields) {
		return plan.Mark{}, false
	}
	for i, f := range fields {
		text, found := strings.CutPrefix(words[i], f.name+"=")
		value, err := url.QueryUnescape(text)
		if !found || err != nil || value == "" {
			return plan.Mark{}, false
		}
		*f.value = value
	}
	return m, true
}

type markField struct {
	name  string
	value *string
}

func markFields(m *plan.Mark) []markField {
	return []markField{
		{"installation", &m.Installation}, {"host", &m.Host}, {"name", &m.Name}, {"uid", &m.UID},
	}
}

// mark returns the last mark of the file, or nil.
func (c configFile) mark() *plan.Mark {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if m, ok := parseMark(c.entries[i].text); ok {
			return &m
		}
	}
	return nil
}
