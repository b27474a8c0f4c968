package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// safe is text that may go to a terminal. The printer takes nothing else, so that the compiler
// finds a string of the tree or a host that was not made safe.
type safe string

// clean writes everything that does not stand for itself on a terminal (control characters,
// direction marks, broken UTF-8) as an escape such as \x1b, and likewise what a build server would
// take for a command in its log (##[group]).
func clean(s string) safe {
	if plain(s) {
		return withoutMarks(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return withoutMarks(b.String())
}

// withoutMarks breaks what a build server takes for a command wherever it stands in a line.
func withoutMarks(s string) safe {
	return safe(strings.ReplaceAll(s, "##", `#\x23`))
}

// withoutCommand breaks what a build server takes for a command at the start of a line.
func withoutCommand(s safe) safe {
	paint := safe("")
	if i := strings.IndexByte(string(s), 'm') + 1; strings.HasPrefix(string(s), "\x1b") {
		paint, s = s[:i], s[i:]
	}
	if text, found := strings.CutPrefix(strings.TrimLeft(string(s), " "), "::"); found {
		s = `\x3a:` + safe(text)
	}
	return paint + s
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// value is clean for the value of a field. One that could be mistaken for the report's own words,
// such as "(sensitive)" or an arrow, or whose ends cannot be seen, is quoted.
func value(s string) safe {
	odd := s == "" || s != strings.TrimSpace(s) || strings.ContainsAny(s[:1], `("`) ||
		strings.Contains(s, "→") || strings.Contains(s, "  ")
	if odd {
		return safe(strconv.Quote(s))
	}
	return clean(s)
}

// paragraph is clean for text of several lines. Trailing empty lines are left out.
func paragraph(s string) []safe {
	var lines []safe
	for line := range strings.SplitSeq(strings.TrimRight(s, "\r\n\t "), "\n") {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\t "), "\t", "    ")
		lines = append(lines, clean(line))
	}
	return lines
}

// size writes a number of bytes with the largest unit that is exact: 536870912 is 512M. What is
// not a positive number stays as it is.
func size(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return s
	}
	units := []string{"", "K", "M", "G", "T", "P", "E"}
	u := 0
	for n%1024 == 0 && u < len(units)-1 {
		n /= 1024
		u++
	}
	return strconv.FormatInt(n, 10) + units[u]
}

// address names a container the way the command line takes it; without a container, its host.
func address(host, container string) safe {
	if container == "" {
		return clean(host)
	}
	return clean(host + "/" + container)
}

// count writes a number with its noun: 1 host, 2 hosts.
func count(n int, noun string) safe {
	if n == 1 {
		return safe("1 " + noun)
	}
	return safe(strconv.Itoa(n) + " " + noun + "s")
}

func joinSafe(parts []safe, separator string) safe {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(string(p))
	}
	return safe(b.String())
}
