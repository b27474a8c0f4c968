package lxc

import (
	"bytes"
	"slices"
	"strings"
)

// configFile is a container's configuration as text: every line is kept, also comments and what
// liblxc ignores.
type configFile struct {
	entries []entry
}

// entry is one line. key is empty for a comment, a blank line and anything that liblxc ignores.
type entry struct {
	text  string
	key   string
	value string // without quotes
	ours  bool   // between the markers of the block of lxc_conf
}

const (
	commentPrefix = "# reconciler:"
	blockBegin    = commentPrefix + " lxc_conf begin, edits in here are lost"
	blockEnd      = commentPrefix + " lxc_conf end"
)

// parseConfig splits a configuration into lines. It accepts everything.
func parseConfig(text []byte) configFile {
	var c configFile
	if len(text) == 0 {
		return c
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	for line := range strings.SplitSeq(string(text), "\n") {
		key, value := parseLine(line)
		c.entries = append(c.entries, entry{text: line, key: key, value: value})
	}
	c.markBlocks()
	return c
}

// markBlocks says of every line whether it is in a block of ours. A begin without an end is no
// block: what follows it may be anybody's.
func (c *configFile) markBlocks() {
	begin := -1
	for i, e := range c.entries {
		switch e.text {
		case blockBegin:
			begin = i
		case blockEnd:
			if begin < 0 {
				continue
			}
			for j := begin + 1; j < i; j++ {
				c.entries[j].ours = true
			}
			begin = -1
		}
	}
}

// parseLine reads one line as liblxc does.
func parseLine(line string) (key, value string) {
	trimmed := strings.TrimLeft(line, " \t")
	if !strings.HasPrefix(trimmed, "lxc.") {
		return "", ""
	}
	key, value, found := strings.Cut(trimmed, "=")
	if !found {
		return "", ""
	}
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return strings.TrimSpace(key), value
}

// setting returns a line that sets key.
func setting(key, value string) entry {
	return entry{text: key + " = " + value, key: key, value: value}
}

// bytes returns the file's text.
func (c configFile) bytes() []byte {
	var b bytes.Buffer
	for _, e := range c.entries {
		b.WriteString(e.text)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// values returns the values of key in file order. An empty value clears the list, as in liblxc.
func (c configFile) values(key string) []string {
	var out []string
	for _, e := range c.entries {
		switch {
		case e.key != key:
		case e.value == "":
			out = nil
		default:
			out = append(out, e.value)
		}
	}
	return out
}

// last returns the value that holds for a key with one value, or "".
func (c configFile) last(key string) string {
	if v := c.values(key); len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// without returns the file with empty lines in the place of those of key.
func (c configFile) without(key string) configFile {
	out := configFile{entries: slices.Clone(c.entries)}
	for i, e := range out.entries {
		if e.key == key {
			out.entries[i] = entry{}
		}
	}
	return out
}

// replacePath changes every occurrence of the directory from to the directory to.
func (c configFile) replacePath(from, to string) configFile {
	text := strings.ReplaceAll(string(c.bytes()), from+"/", to+"/")
	return parseConfig([]byte(text))
}
