package report

import (
	"html"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"
)

// nasty draws strings of what means something in markdown, HTML and logs.
func nasty() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"`", "``", "|", `\`, "<", ">", "&", "*", "_", "[", "]", "(", ")", "!", "#", "##", "@", " ",
			"-", "~", "$", ":", "::", "\n", "\r", "\t", "a", "b", "é", "\u202e", "\x1b", "\xff",
			"http://", "www.", "<!--", "-->", "&amp;", "%0A", "\"", "'", "/", "1.", "|---|",
		}), 0, 12).Draw(t, "pieces"), "")
	})
}

// texts of all code elements of a page.
func codes(t *rapid.T, markdown string) []string {
	var page strings.Builder
	md := goldmark.New(goldmark.WithExtensions(extension.GFM),
		goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := md.Convert([]byte(markdown), &page); err != nil {
		t.Fatal(err)
	}
	root, err := nethtml.Parse(strings.NewReader(page.String()))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n := range root.Descendants() {
		if n.Type == nethtml.ElementNode && n.Data == "code" {
			text := ""
			for c := range n.Descendants() {
				if c.Type == nethtml.TextNode {
					text += c.Data
				} else {
					text += "<" + c.Data + ">"
				}
			}
			all = append(all, text)
		}
	}
	return all
}

// shown is what a reader shall see of a string.
func shown(s string) string {
	if s == "" {
		return " "
	}
	s = strings.ReplaceAll(string(clean(s)), "<!--", `\x3c!--`)
	if strings.Contains(s, strings.Repeat("`", mostTicks+1)) {
		s = strings.ReplaceAll(s, "`", `\x60`)
	}
	return s
}

func TestCodeShowsEveryStringAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := nasty().Draw(t, "first"), nasty().Draw(t, "second")
		page := "- **" + string(code(a)) + "** and " + string(code(b)) + "\n\n" +
			"| x | y |\n|---|---|\n| " + string(cell(a)) + " | " + string(cell(b)) + " |\n\n" +
			"<details><summary>" + string(tag(a)) + "</summary>\n\n</details>\n"
		cellOf := func(s string) string { return strings.ReplaceAll(shown(s), "|", `\x7c`) }
		want := []string{shown(a), shown(b), cellOf(a), cellOf(b), unmarked(string(clean(a)))}
		got := codes(t, page)
		if len(got) != len(want) {
			t.Fatalf("%d strings are shown, want %d:\n%s\n%q", len(got), len(want), page, got)
		}
		for i := range want {
			if got[i] != want[i] && strings.TrimSpace(want[i]) != "" {
				t.Fatalf("a reader sees %q, want %q:\n%s", got[i], want[i], page)
			}
		}
	})
}

func TestCodeSpans(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"web":                    "`web`",
		"":                       "` `",
		" ":                      "`   `",
		" a":                     "` a`",
		" a ":                    "`  a  `",
		"a`b":                    "``a`b``",
		"`a":                     "`` `a ``",
		"a``b`c":                 "```a``b`c```",
		"a\nb":                   "`a\\nb`",
		"<!--":                   "`\\x3c!--`",
		"````````":               "````````` ```````` `````````",
		strings.Repeat("`", 9):   "`" + strings.Repeat(`\x60`, 9) + "`",
		"a|b":                    "`a|b`",
		"##[group]":              "`#\\x23[group]`",
		"Ann <ann@example.com>":  "`Ann <ann@example.com>`",
		"\u202eevil":             "`\\u202eevil`",
		"devhost10.local/db.foo": "`devhost10.local/db.foo`",
	} {
		if got := code(s); string(got) != want {
			t.Errorf("%q is written as %s, want %s", s, got, want)
		}
	}
	if got := cell("a|b"); got != "`a\\x7cb`" {
		t.Errorf("a bar in a table is written as %s", got)
	}
	if got := lines("a\n|\n"); got != "`a`<br>`|`" {
		t.Errorf("lines are written as %s", got)
	}
}

func TestAMarkerHoldsEveryName(t *testing.T) {
	t.Parallel()
	seen := map[inert]string{}
	rapid.Check(t, func(t *rapid.T) {
		name := nasty().Draw(t, "name")
		m := marker(name)
		inside := strings.TrimSuffix(strings.TrimPrefix(string(m), "<!--"), "-->")
		if strings.ContainsAny(inside, "<>\n\r") || html.EscapeString(inside) != inside {
			t.Fatalf("the name %q ends the comment: %s", name, m)
		}
		if other, known := seen[m]; known && other != name {
			t.Fatalf("the plans %q and %q overwrite each other's comment", name, other)
		}
		seen[m] = name
	})
}

func TestAPageIsNeverAboveItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := page{limit: rapid.IntRange(0, 200).Draw(t, "limit")}
		written := 0
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 60), 0, 12).Draw(t, "pieces") {
			p.add(inert(strings.Repeat("x", n)))
			written += n
		}
		if len(p.b) > p.limit || p.over != (written > p.limit) || !p.over && len(p.b) != written {
			t.Fatalf("%d of %d bytes are on a page of %d, over: %v", len(p.b), written, p.limit, p.over)
		}
	})
}
