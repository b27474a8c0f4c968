package report

import (
	"fmt"
	"html"
	"net/url"
	"path"
	"strings"

	"reconciler/spec"
)

// inert is markdown that does no more than show what it says. The page takes nothing else, so
// that the compiler finds a string of the tree or a host that was not made inert.
//
// Foreign strings are shown as code: there neither HTML nor links, images, mentions, references
// to issues and quick actions are alive, on any of the servers, and only the run of backticks at
// both ends has to be right.
type inert string

// mostTicks is how many backticks in a row a code span may hold; cmark gives up above 80.
const mostTicks = 8

// code shows a foreign string as a code span. It stays on its line and in its paragraph.
func code(s string) inert {
	text := unmarked(string(clean(s)))
	longest := ticks(text)
	if longest > mostTicks {
		text, longest = strings.ReplaceAll(text, "`", `\x60`), 0
	}
	if text == "" {
		return "` `"
	}
	fence := strings.Repeat("`", longest+1)
	first, last := text[0], text[len(text)-1]
	if first == '`' || last == '`' || first == ' ' && last == ' ' {
		text = " " + text + " "
	}
	return inert(fence + text + fence)
}

// cell is code for a table. A row is cut at its bars before anything else is read.
func cell(s string) inert {
	return inert(strings.ReplaceAll(string(code(s)), "|", `\x7c`))
}

// tag shows a foreign string inside a block of HTML.
func tag(s string) inert {
	return inert("<code>" + html.EscapeString(unmarked(string(clean(s)))) + "</code>")
}

// fenced is a foreign string in a code block, behind something of ours on the same line.
func fenced(s safe) inert { return inert(unmarked(string(s))) }

// unmarked breaks comments, so that no string can pass for the marker of a page.
func unmarked(s string) string { return strings.ReplaceAll(s, "<!--", `\x3c!--`) }

// ticks returns the length of the longest run of backticks.
func ticks(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// lines is code for text of several lines.
func lines(s string) inert {
	var all []string
	for _, line := range paragraph(s) {
		all = append(all, string(code(string(line))))
	}
	return inert(strings.Join(all, "<br>"))
}

// marker is the comment by which the page is found again. Its name cannot end it.
func marker(name string) inert {
	return "<!-- reconciler-plan:" + inert(percent(name, "/")) + " -->"
}

// percent encodes everything but letters, digits, and - . _ ~, and what keep holds.
func percent(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			strings.IndexByte("-._~"+keep, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// linker shows positions, as links where there is somewhere to link to.
type linker struct {
	base   string // empty: no links
	prefix string // of the tree in its repository
}

// newLinker returns an error for a base that is not the address of a web page.
func newLinker(base, prefix string) (linker, error) {
	base = strings.TrimRight(base, "/")
	if base == "" {
		return linker{prefix: prefix}, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		base != percent(base, "/:@+%[]") {
		return linker{}, fmt.Errorf("cannot link to %q: it is not the address of a web page", base)
	}
	return linker{base, prefix}, nil
}

// position shows file:line as a link to base/file#Lline.
func (l linker) position(p spec.Position) inert {
	shown := code(p.String())
	file := path.Join(l.prefix, p.File)
	if l.base == "" || !local(p.File) || p.Line < 1 {
		return shown
	}
	return "[" + shown + "](<" + inert(l.base+"/"+percent(file, "/")) + "#L" +
		inert(number(p.Line)) + ">)"
}

// local reports whether a path leads nowhere but down.
func local(file string) bool {
	return file != "" && path.Clean("/" + file)[1:] == file
}
