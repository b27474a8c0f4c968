package spec

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// cursor is one value being read: which key, in which layer, into which draft.
type cursor struct {
	*builder
	d    *draft
	f    *field
	src  *source
	mute bool // the problems of this layer have been reported
}

func (c *cursor) fail(n *yaml.Node, text, hint string) {
	if !c.mute {
		c.sink.fail(c.problem(n, text, hint))
	}
}

func (c *cursor) warn(n *yaml.Node, text, hint string) {
	if !c.mute {
		c.sink.warn(c.problem(n, text, hint))
	}
}

func (c *cursor) problem(n *yaml.Node, text, hint string) Problem {
	return Problem{Position: positionOf(c.src.file, n), Path: c.src.pathTo(c.f.Key), Text: text,
		Hint: hint}
}

// quote shows a value in an error, unless it is a secret.
func (c *cursor) quote(v string) string {
	if c.f.Sensitive {
		return "the value"
	}
	return strconv.Quote(shorten(v))
}

// set notes that the value of the current key comes from n.
func (c *cursor) set(n *yaml.Node) {
	c.d.at[c.f.id] = origin{node: n, src: c.src, f: c.f}
}

// text reads a single value as it is written.
func (c *cursor) text(n *yaml.Node) (string, bool) {
	v := resolve(n)
	switch {
	case isNull(v):
		c.fail(n, "has no value", "remove the key, or write the value")
	case v.Kind != yaml.ScalarNode:
		c.fail(n, "is "+kindOf(v), "write a single value")
	default:
		return v.Value, true
	}
	return "", false
}

// boolean reads true or false, and the yes, no, on and off of YAML 1.1.
func (c *cursor) boolean(n *yaml.Node) (value, ok bool) {
	s, ok := c.text(n)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	c.fail(n, c.quote(s)+" is neither true nor false", "write true or false")
	return false, false
}

// size reads a number of bytes that is zero or at least lowest.
func (c *cursor) size(n *yaml.Node, lowest int64) (int64, bool) {
	s, ok := c.text(n)
	if !ok {
		return 0, false
	}
	size, err := parseSize(s)
	switch {
	case err != nil:
		c.fail(n, c.quote(s)+" "+err.Error(), "write a whole number with a unit, such as 512M or 10G")
	case size != 0 && size < lowest:
		c.fail(n, fmt.Sprintf("%s is less than %s", c.quote(s), sizeText(lowest)),
			"a number without a unit is bytes; write 512M or 10G")
	default:
		return size, true
	}
	return 0, false
}

// list reads a list of single values; nothing at all is the empty list.
func (c *cursor) list(n *yaml.Node) ([]*yaml.Node, bool) {
	v := resolve(n)
	if isNull(v) {
		return nil, true
	}
	if v.Kind != yaml.SequenceNode {
		c.fail(n, "is "+kindOf(v), "write a list, such as [a, b]")
		return nil, false
	}
	return v.Content, c.spend(len(v.Content))
}

// texts reads a list of texts and keeps those that check accepts. check returns the text in its
// canonical form, or what is wrong and a hint.
func (c *cursor) texts(n *yaml.Node,
	check func(string) (text, wrong, hint string)) ([]string, bool) {
	items, ok := c.list(n)
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, good := c.text(item)
		if !good {
			ok = false
			continue
		}
		text, wrong, hint := check(s)
		if wrong != "" {
			c.fail(item, c.quote(s)+" "+wrong, hint)
			ok = false
			continue
		}
		out = append(out, text)
	}
	return out, ok
}

// scalar reads a single value. parse returns what the text means, or what is wrong with it and a
// hint.
func scalar[T any](
	c *cursor, n *yaml.Node, parse func(string) (v T, wrong, hint string),
) (v T, ok bool) {
	s, ok := c.text(n)
	if !ok {
		return v, false
	}
	v, wrong, hint := parse(s)
	if wrong != "" {
		c.fail(n, c.quote(s)+" "+wrong, hint)
		return v, false
	}
	return v, true
}

// texted reads a single value that check accepts, as it is written.
func (c *cursor) texted(n *yaml.Node, check func(string) (wrong, hint string)) (string, bool) {
	return scalar(c, n, func(s string) (string, string, string) {
		wrong, hint := check(s)
		return s, wrong, hint
	})
}

// entries reads a mapping whose values are single; nothing at all is the empty mapping.
func (c *cursor) entries(n *yaml.Node) ([]*yaml.Node, bool) {
	v := resolve(n)
	if isNull(v) {
		return nil, true
	}
	if v.Kind != yaml.MappingNode {
		c.fail(n, "is "+kindOf(v), "write a mapping, such as {key: value}")
		return nil, false
	}
	return c.mapping(v), true
}
