package remote

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// ConnectError says why there is no connection, in the words of ssh, and what to do.
type ConnectError struct {
	Host    string // its name in the tree
	Address string
	Said    string   // the most telling line that ssh, or the host by it, wrote last; perhaps empty
	Also    []string // the others of the last lines
	Advice  string   // perhaps empty
	Err     error    // what was found out here, perhaps nil
}

// Error implements error. Its first line tells what went wrong and what to do.
func (e *ConnectError) Error() string {
	text := fmt.Sprintf("cannot reach host %q at %s", e.Host, e.Address)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Said != "" {
		text += fmt.Sprintf(": ssh says %q", e.Said)
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	if len(e.Also) > 0 {
		text += "\nssh also says:\n  " + strings.Join(e.Also, "\n  ")
	}
	return text
}

// Unwrap returns what was found out here.
func (e *ConnectError) Unwrap() error { return e.Err }

// adviceFor says what to do about the lines of a text, or about the exit code of what ssh ran, and
// which of the lines is the telling one.
func adviceFor(lines []string, code int, r route) (advice string, telling int) {
	said := strings.Join(lines, " ")
	byHand, known := r.failing(said)
	known = "'" + known + "'"
	if m := offendingForm.FindStringSubmatch(said); m != nil {
		known += " -f " + commandLine(m[1:])
	}
	fill := strings.NewReplacer("HAND", byHand, "KNOWN", known, "USER", r.user())
	telling = len(lines) - 1
	for _, s := range symptoms() {
		if strings.Contains(said, s.text) {
			for i, line := range lines {
				if strings.Contains(line, s.text) {
					telling = i
				}
			}
			return fill.Replace(s.advice), telling
		}
	}
	switch code {
	case 127:
		advice = "the agent, or what it needs, is not installed there"
	case 126:
		advice = "the agent may not be run there: its directory may be mounted noexec"
	case 255:
		advice = fill.Replace("see what HAND says")
	}
	return advice, telling
}

// offendingForm is how ssh names the file with the key that a host does not have any more.
var offendingForm = regexp.MustCompile(`Offending [A-Z0-9-]+ key in (.+?):[0-9]+ `)

// linesOf returns the lines of a text that a stranger wrote: those with a letter, each clean and
// not too long to read.
func linesOf(text string) (lines []string) {
	const longest = 300
	for line := range strings.Lines(text) {
		if len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "…"
		}
		line = strings.Trim(clean(line), "@ ") // with which ssh frames what is urgent
		if strings.ContainsFunc(line, unicode.IsLetter) {
			lines = append(lines, line)
		}
	}
	return lines
}

// lastWords returns the telling line and the others of the last lines. What comes before them is a
// greeting: what goes wrong is said at the end.
func lastWords(lines []string, telling int) (said string, also []string) {
	const most = 15
	if telling < 0 {
		return "", nil
	}
	if len(lines) > most {
		also = []string{"…"}
	}
	for i, line := range lines {
		if i != telling && len(lines)-i <= most {
			also = append(also, line)
		}
	}
	return lines[telling], also
}

// clean makes one line of a text that a stranger wrote, without what a terminal would obey, and
// cuts it where it becomes too long to read.
func clean(s string) string {
	const longest = 1000
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	s = strings.ToValidUTF8(s, "?")
	if len(s) > longest {
		s = "…" + strings.ToValidUTF8(s[len(s)-longest:], "")
	}
	return s
}
