package spec

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// walker gives access to YAML nodes with aliases and merge keys expanded, within a budget: a
// few lines of aliases can stand for billions of nodes.
type walker struct {
	visits int
	where  Position // of what is being read
	over   string   // why the walk must end, empty while it may go on
	overAt Position
}

// spend counts n visited nodes and reports whether the budget allows them.
func (w *walker) spend(n int) bool {
	if w.visits += n; w.visits > MaxVisits {
		w.stop("the tree has more than %d values with its aliases expanded", MaxVisits)
	}
	return w.over == ""
}

// stop ends the walk because a limit is reached.
func (w *walker) stop(format string, limit int) {
	if w.over == "" {
		w.over, w.overAt = fmt.Sprintf(format, limit), w.where
	}
}

// mapping returns keys and values of n alternately, with merge keys expanded; own keys win over
// merged ones, earlier merged ones over later ones. It is empty once the budget is spent.
func (w *walker) mapping(n *yaml.Node) []*yaml.Node {
	if !w.spend(1 + len(n.Content)/2) {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			return w.flatten(n, 0)
		}
	}
	return n.Content
}

func (w *walker) flatten(n *yaml.Node, depth int) []*yaml.Node {
	if depth > MaxDepth {
		w.stop("merge keys are nested more than %d levels deep", MaxDepth)
	}
	if !w.spend(1 + len(n.Content)/2) {
		return nil
	}
	var out, merges []*yaml.Node
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch source := resolve(v); {
		case !isMerge(k):
			seen[k.Value] = true
			out = append(out, k, v)
		case source.Kind == yaml.SequenceNode:
			merges = append(merges, source.Content...)
		default:
			merges = append(merges, source)
		}
	}
	for _, m := range merges {
		pairs := w.flatten(resolve(m), depth+1)
		for i := 0; i+1 < len(pairs); i += 2 {
			if !seen[pairs[i].Value] {
				seen[pairs[i].Value] = true
				out = append(out, pairs[i], pairs[i+1])
			}
		}
	}
	return out
}

// resolve follows an alias to the node it names.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isMerge(k *yaml.Node) bool { return k.Value == "<<" && k.Tag == "!!merge" }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func positionOf(file string, n *yaml.Node) Position {
	return Position{File: file, Line: n.Line, Column: n.Column}
}

// kindOf names what a node is, for error texts.
func kindOf(n *yaml.Node) string {
	switch resolve(n).Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if isNull(resolve(n)) {
		return "nothing"
	}
	return "a single value"
}
