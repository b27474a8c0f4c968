package state

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is how many bytes a text of a pass or a suspension may have: each is read by every pass.
const maxText = 4 << 10

// oneLine reports whether a text that is shown in one line may hold r. Terminals act on control
// characters.
func oneLine(r rune) bool { return !unicode.IsControl(r) }

// manyLines reports whether a text of several lines may hold r.
func manyLines(r rune) bool { return r == '\n' || r == '\t' || oneLine(r) }

func checkText(what, text string, allowed func(rune) bool) error {
	if len(text) > maxText {
		return fmt.Errorf("its %s has %d bytes, more than %d", what, len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("its %s is not valid UTF-8", what)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !allowed(r) }); i >= 0 {
		return fmt.Errorf("its %s has a control character at byte %d", what, i)
	}
	return nil
}

// cleanText returns the text as checkText takes it.
func cleanText(text string, allowed func(rune) bool) string {
	const cut = "…"
	text = strings.Map(func(r rune) rune {
		if !allowed(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText-len(cut)], "") + cut
}

// checkTime returns an error for a time that cannot be counted in nanoseconds since 1970, as
// stores do: only those from 1678 to 2262 can.
func checkTime(what string, t time.Time) error {
	if !time.Unix(0, t.UnixNano()).Equal(t) {
		return fmt.Errorf("its time %q is %s, which is missing or not from this era", what,
			t.Format(time.RFC3339))
	}
	return nil
}
