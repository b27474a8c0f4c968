package report

import (
	"strings"
	"testing"
)

func TestCleanKeepsTerminalsHarmless(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"plain text ~":          "plain text ~",
		"Zürich → 日本":           "Zürich → 日本",
		"\x1b[2J\x1b[31m":       `\x1b[2J\x1b[31m`,
		"a\nPlan: nothing":      `a\nPlan: nothing`,
		"a\rb\tc\x00\x7f":       `a\rb\tc\x00\x7f`,
		"c1 \u009b31m":          `c1 \u009b31m`,
		"bidi \u202e\u2066":     `bidi \u202e\u2066`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"line\u2028end":         `line\u2028end`,
		"broken \xff\xc3":       `broken \xff\xc3`,
		"real \ufffd sign":      "real \ufffd sign",
		"tag \U000e0041":        `tag \U000e0041`,
	}
	for in, want := range cases {
		if got := string(clean(in)); got != want {
			t.Errorf("clean(%q) = %q, want %q: a name could act on the terminal", in, got, want)
		}
	}
}

func TestValueCannotBeTakenForTheReportsOwnWords(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"512M":                `512M`,
		"a b":                 `a b`,
		"":                    `""`,
		" lead":               `" lead"`,
		"trail\n":             `"trail\n"`,
		"(sensitive)":         `"(sensitive)"`,
		"(known after apply)": `"(known after apply)"`,
		"a → b":               `"a → b"`,
		`"quoted"`:            `"\"quoted\""`,
		"a  (live)":           `"a  (live)"`,
		"a\x1b":               `a\x1b`,
	}
	for in, want := range cases {
		if got := string(value(in)); got != want {
			t.Errorf("value(%q) = %s, want %s: a value could fake the report", in, got, want)
		}
	}
}

func TestSizesAreExact(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"536870912": "512M", "1073741824": "1G", "1610612736": "1536M", "1025": "1025",
		"1024": "1K", "1099511627776": "1T", "1152921504606846976": "1E", "0": "0", "": "",
		"-1024": "-1024", "512M": "512M", "01024": "01024",
		"99999999999999999999": "99999999999999999999",
	}
	for in, want := range cases {
		if got := size(in); got != want {
			t.Errorf("size(%q) = %q, want %q: the plan shows another amount", in, got, want)
		}
	}
}

func TestParagraphKeepsEveryLine(t *testing.T) {
	t.Parallel()
	got := joinSafe(paragraph("first \r\n\n\tlast\x1b[0m\n\n"), "|")
	if want := `first||    last\x1b[0m`; string(got) != want {
		t.Errorf("paragraph = %q, want %q: a line of the host's log is lost", got, want)
	}
}

func TestEverySizeCanBeReadBack(t *testing.T) {
	t.Parallel()
	shift := map[byte]int{'K': 10, 'M': 20, 'G': 30, 'T': 40, 'P': 50, 'E': 60}
	for n := int64(1); n > 0 && n < 1<<62; n = n*3 + 1024 {
		text := size(string(number(int(n))))
		digits := strings.TrimRight(text, "KMGTPE")
		back := int64(0)
		for _, d := range digits {
			back = back*10 + int64(d-'0')
		}
		if len(digits) < len(text) {
			back <<= shift[text[len(text)-1]]
		}
		if back != n {
			t.Fatalf("size(%d) = %s, which is %d", n, text, back)
		}
	}
}
