package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decode parses the documents of one file and checks their form. found has the values with the
// tag !age.
func (l *loader) decode(name string, data []byte) (docs []document, found []tagged) {
	// The parser is known to panic on some malformed input instead of returning an error.
	defer func() {
		if r := recover(); r != nil {
			l.failFile(name, "is not valid YAML: the parser gave up", "")
			docs, found = nil, nil
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var root yaml.Node
		err := dec.Decode(&root)
		if errors.Is(err, io.EOF) {
			return docs, found
		}
		if err != nil {
			l.sink.fail(syntaxProblem(name, data, err))
			return nil, nil
		}
		if root.Kind != yaml.DocumentNode || len(root.Content) != 1 || isNull(root.Content[0]) {
			continue
		}
		docs = append(docs, document{file: name, root: root.Content[0], sealed: isSealed(name)})
		f := form{file: name, sink: &l.sink, sealed: isSealed(name)}
		f.check(root.Content[0], 0)
		found = append(found, f.found...)
	}
}

// syntaxProblem turns the text of a parser error into a problem with a line.
func syntaxProblem(name string, data []byte, err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			line = n
		}
		text = text[len(m[0]):]
	} else if m := regexp.MustCompile(`^unknown anchor '([^']+)'`).FindStringSubmatch(text); m != nil {
		if i := bytes.Index(data, []byte("*"+m[1])); i >= 0 {
			line = 1 + bytes.Count(data[:i], []byte("\n"))
		}
	}
	if isSealed(name) { // the parser's words may repeat what is in the file
		return Problem{Position: Position{File: name, Line: line},
			Text: "is not valid YAML once it is decrypted"}
	}
	return Problem{Position: Position{File: name, Line: line},
		Text: "is not valid YAML: " + shorten(text)}
}

// form checks what holds for every mapping whatever it means: keys are words and stand once,
// nesting is bounded, merge keys merge mappings, tags are those of plain data.
type form struct {
	file   string
	sink   *sink
	sealed bool // the file was encrypted: no problem may repeat a word of it
	path   []string
	found  []tagged
}

func (f *form) check(n *yaml.Node, depth int) {
	if depth > MaxDepth {
		f.fail(n, nil, fmt.Sprintf("is nested more than %d levels deep", MaxDepth), "")
		return
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == tagAge && !f.sealed:
		f.found = append(f.found, tagged{n, shorten(strings.Join(f.path, "."))})
	case n.Kind != yaml.AliasNode && !plainTag(n):
		f.fail(n, nil, fmt.Sprintf("tag %s is not supported", shorten(n.Tag)), "write the plain value")
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			f.check(item, depth+1)
		}
	case yaml.MappingNode:
		f.mapping(n, depth)
	}
}

func (f *form) mapping(n *yaml.Node, depth int) {
	seen := f.seenIn(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || isNull(k) || k.Tag == tagAge {
			f.fail(k, nil, "a key must be a word", "write KEY: VALUE")
			continue
		}
		if first := seen(k); first != nil {
			f.fail(k, first, fmt.Sprintf("key %q stands twice in one mapping", shorten(k.Value)),
				"keep one of them")
		}
		f.path = append(f.path, k.Value)
		if isMerge(k) && !mergeable(v) {
			f.fail(v, nil, "a merge key needs a mapping or a list of mappings", "write <<: *NAME")
		}
		f.check(v, depth+1)
		f.path = f.path[:len(f.path)-1]
	}
}

// seenIn returns a function that gives the earlier key of the same name, if there is one.
func (f *form) seenIn(n *yaml.Node) func(*yaml.Node) *yaml.Node {
	keys := make(map[string]*yaml.Node, len(n.Content)/2)
	return func(k *yaml.Node) *yaml.Node {
		if first := keys[k.Value]; first != nil {
			return first
		}
		keys[k.Value] = k
		return nil
	}
}

func (f *form) fail(n, also *yaml.Node, text, hint string) {
	p := Problem{Position: positionOf(f.file, n), Path: shorten(strings.Join(f.path, ".")),
		Text: text, Hint: hint}
	if f.sealed {
		p.Path, p.Text = "", "the form of the decrypted text is wrong"
	}
	if also != nil {
		p.Also = positionOf(f.file, also)
	}
	f.sink.fail(p)
}

func plainTag(n *yaml.Node) bool {
	switch n.Tag {
	case "", "!!str", "!!int", "!!bool", "!!float", "!!null", "!!timestamp", "!!merge", "!!map",
		"!!seq":
		return true
	}
	return false
}

// mergeable reports whether v may stand behind a merge key.
func mergeable(v *yaml.Node) bool {
	v = resolve(v)
	if v.Kind != yaml.SequenceNode {
		return v.Kind == yaml.MappingNode
	}
	for _, item := range v.Content {
		if resolve(item).Kind != yaml.MappingNode {
			return false
		}
	}
	return true
}
