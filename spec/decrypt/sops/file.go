package sops

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// section is the outermost key that SOPS adds to each document.
const section = "sops"

// Problem is one thing that is wrong with a file.
type Problem struct {
	Node *yaml.Node // where it is
	Path string     // of the value, keys joined by a dot; empty for the file
	Text string     // what is wrong, lower case, no full stop
	Hint string     // what to do, if that is known
}

// value is a leaf of the documents.
type value struct {
	node      *yaml.Node
	path      []string
	encrypted bool
}

// File is the documents of one file, encrypted as yet.
type File struct {
	at     *yaml.Node // the sops mapping
	meta   metadata
	values []value // in the order that the MAC counts them
}

// Is reports whether a document was encrypted by SOPS: it has a mapping "sops" with a MAC.
func Is(root *yaml.Node) bool {
	meta := lookup(root, section)
	return meta != nil && lookup(meta, "mac") != nil
}

// lookup returns the value of a key, nil if n is no mapping or has no such key.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// Read takes the documents of a file, of which Is holds for at least one, and takes the mapping
// "sops" out of them. It names everything that is wrong with the file as far as that can be
// known without a key. The file is nil then.
func Read(docs []*yaml.Node) (*File, []Problem) {
	first := slices.IndexFunc(docs, Is)
	f := &File{at: lookup(docs[first], section)}
	var problems []Problem
	if hasAlias(f.at) {
		return nil, []Problem{{Node: f.at, Text: "has a sops mapping that cannot be read"}}
	}
	meta, err := readMetadata(f.at)
	if err != nil {
		return nil, []Problem{f.problem(err)}
	}
	f.meta = meta
	for _, doc := range docs {
		strip(doc)
		problems = append(problems, f.walk(doc, nil)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return f, nil
}

// problem is a problem of the whole file.
func (f *File) problem(err error) Problem {
	p := Problem{Node: f.at, Text: err.Error()}
	var h errHinted
	if errors.As(err, &h) {
		p.Hint = h.hint
	}
	return p
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAlias)
}

// strip takes the mapping "sops" out of a document.
func strip(root *yaml.Node) {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == section {
			root.Content = slices.Delete(slices.Clone(root.Content), i, i+2)
			return
		}
	}
}

// walk collects the values of a node.
func (f *File) walk(n *yaml.Node, path []string) (problems []Problem) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := append(slices.Clip(path), n.Content[i].Value)
			problems = append(problems, f.walk(n.Content[i+1], inner)...)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			problems = append(problems, f.walk(item, path)...)
		}
	case yaml.AliasNode:
		problems = append(problems, at(n, path, "is an alias, which SOPS does not write"))
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			break
		}
		v := value{node: n, path: path, encrypted: IsEncrypted(n.Value)}
		f.values = append(f.values, v)
		if text := f.against(v); text != "" {
			problems = append(problems, at(n, path, text))
		}
	}
	return problems
}

// against says how a value contradicts the rule of the file. SOPS leaves empty texts as they are.
func (f *File) against(v value) string {
	switch should := f.meta.ruled(v.path); {
	case should && !v.encrypted && v.node.Value != "":
		return "is in clear text, but the rule of its file says that it is encrypted"
	case !should && v.encrypted:
		return "is encrypted, but the rule of its file says that it is not"
	}
	return ""
}

func at(n *yaml.Node, path []string, text string) Problem {
	return Problem{Node: n, Path: strings.Join(path, "."), Text: text, Hint: editHint}
}

const editHint = "edit the file with sops only"

// Encrypted returns the nodes whose values are encrypted, in order.
func (f *File) Encrypted() []*yaml.Node {
	var nodes []*yaml.Node
	for _, v := range f.values {
		if v.encrypted {
			nodes = append(nodes, v.node)
		}
	}
	return nodes
}
