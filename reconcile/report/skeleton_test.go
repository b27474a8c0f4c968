package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
)

// shape is what a reader sees of a page beside the foreign strings.
type shape struct {
	tags  []string // elements in order, without code, line breaks and links; comments too
	words string   // text that is not code
	links []string // where they lead
}

// shapeOf renders markdown as the servers do, HTML included.
func shapeOf(t *testing.T, markdown []byte) shape {
	t.Helper()
	var page bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote),
		goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := md.Convert(markdown, &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	var s shape
	s.walk(root, false)
	s.words = regexp.MustCompile(`\s+`).ReplaceAllString(s.words, " ")
	return s
}

func (s *shape) walk(n *html.Node, isCode bool) {
	switch n.Type {
	case html.CommentNode:
		s.tags = append(s.tags, "<!--"+n.Data+"-->")
	case html.TextNode:
		if !isCode {
			s.words += n.Data
		}
	case html.ElementNode:
		isCode = isCode || n.Data == "code" || n.Data == "pre"
		s.element(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.walk(c, isCode)
	}
}

func (s *shape) element(n *html.Node) {
	tag := n.Data
	for _, a := range n.Attr {
		switch {
		case n.Data == "a" && a.Key == "href":
			s.links = append(s.links, a.Val)
		default:
			tag += " " + a.Key + "=" + a.Val
		}
	}
	if !slices.Contains([]string{"code", "br", "a"}, tag) {
		s.tags = append(s.tags, tag)
	}
}

func TestAShapeTellsHarmfulStrings(t *testing.T) {
	t.Parallel()
	plain := shapeOf(t, []byte("- `x`\n"))
	for _, text := range []string{"- <b>x</b>\n", "- ![x](y)\n", "- x\n\n# y\n", "- `x` y\n",
		"- x\n\n| a |\n|---|\n", "```\n- x\n", "- `x` <!-- y -->\n"} {
		s := shapeOf(t, []byte(text))
		if slices.Equal(s.tags, plain.tags) && s.words == plain.words {
			t.Errorf("the test does not see what %q does to a page", text)
		}
	}
	if s := shapeOf(t, []byte("- https://evil.example.com")); len(s.links) != 1 {
		t.Error("the test does not see a link")
	}
	if !strings.Contains(shapeOf(t, []byte("@ann `@bob`")).words, "@ann") {
		t.Error("the test does not see a mention")
	}
}
