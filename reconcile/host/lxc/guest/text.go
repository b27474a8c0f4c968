//go:build linux

package guest

import (
	"fmt"
	"slices"
	"strings"
)

// Marks of what is ours in a file that is otherwise the guest's.
const (
	beginMark = "# reconciler: begin"
	endMark   = "# reconciler: end"
	offMark   = "#reconciler# " // before a line of the guest that we took out of use
	header    = "# reconciler: this file is made from the declaration of the container\n"
)

// block is a run of lines between two marks. Several blocks in one file have different labels.
type block struct {
	label string
	lines []string
	first bool // a new block goes to the top of the file, not to its end
}

// in returns text with the block in it, exactly once, where it was before or else at its end of
// the file. Without lines the block is taken out. A begin mark that lost its end mark takes
// no line of the guest with it.
func (b block) in(text string) string {
	begin, end := strings.TrimSpace(beginMark+" "+b.label), strings.TrimSpace(endMark+" "+b.label)
	var fresh []string
	if len(b.lines) > 0 {
		fresh = slices.Concat([]string{begin}, b.lines, []string{end})
	}
	return editLines(text, func(lines []string) []string {
		lines, at := cutBlocks(lines, begin, end)
		switch {
		case at >= 0:
		case b.first:
			at = 0
		default:
			at = len(lines)
		}
		return slices.Insert(lines, at, fresh...)
	})
}

// cutBlocks takes every block between the two marks out and returns where the first one was, or
// -1.
func cutBlocks(lines []string, begin, end string) (rest []string, at int) {
	at = -1
	for {
		i := slices.Index(lines, begin)
		if i < 0 {
			return lines, at
		}
		if at < 0 {
			at = i
		}
		n := slices.Index(lines[i+1:], end)
		other := slices.Index(lines[i+1:], begin)
		if n < 0 || other >= 0 && other < n {
			lines = slices.Delete(lines, i, i+1)
			continue
		}
		lines = slices.Delete(lines, i, i+n+2)
	}
}

// editLines applies a change to the lines of a text. A text whose lines stay the same stays as
// it is, also without the end of its last line.
func editLines(text string, c func(lines []string) []string) string {
	var before []string
	if text != "" {
		before = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	after := c(slices.Clone(before))
	switch {
	case slices.Equal(before, after):
		return text
	case len(after) == 0:
		return ""
	}
	return strings.Join(after, "\n") + "\n"
}

// checkName refuses a name that would break the file it is written to. Names of hosts, users and
// interfaces need no more than these characters.
func checkName(kind, name string) error {
	ok := name != "" && len(name) <= 253 && name[0] != '-' && name[0] != '.'
	for _, c := range name {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.ContainsRune("._-", c))
	}
	if !ok {
		return fmt.Errorf("cannot use %q as a %s name", name, kind)
	}
	return nil
}

// checkNames is checkName for many.
func checkNames(kind string, names []string) error {
	for _, name := range names {
		if err := checkName(kind, name); err != nil {
			return err
		}
	}
	return nil
}
