package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"reconciler/spec"
)

// entry is one line of a tree object.
type entry struct {
	name string
	mode filemode.FileMode
	hash plumbing.Hash
}

// listing reads the content of a tree object strictly: what git would not write is refused.
func listing(data []byte) ([]entry, error) {
	var out []entry
	seen := map[string]bool{}
	for len(data) > 0 {
		head, rest, found := bytes.Cut(data, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !found || !spaced || len(rest) < len(plumbing.ZeroHash) {
			return nil, errors.New("its list of entries is cut off")
		}
		m, err := strconv.ParseUint(mode, 8, 32)
		if err != nil {
			return nil, fmt.Errorf("entry %q has the mode %q", name, mode)
		}
		if err := forbidden(name); err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("it has two entries %q", name)
		}
		seen[name] = true
		e := entry{name: name, mode: filemode.FileMode(m)}
		copy(e.hash[:], rest)
		out, data = append(out, e), rest[len(e.hash):]
	}
	return out, nil
}

// forbidden says why no git would write such a name: it is a trap for those who check it out.
func forbidden(name string) error {
	if name == "" || name == "." || name == ".." || strings.EqualFold(name, ".git") ||
		strings.Contains(name, "/") {
		return fmt.Errorf("it has an entry named %q, which no repository may have", name)
	}
	return nil
}

// odd says why a file of such a name cannot be part of a tree, "" if it can.
func odd(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "its name is not UTF-8 text"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name has control characters"
	case strings.Contains(name, `\`):
		return `its name has a "\"`
	case !fs.ValidPath(name):
		return "its name is not valid"
	}
	return ""
}

// wanted reports whether a file of this name is part of a tree: YAML, or YAML sealed with age.
func wanted(name string) bool { return spec.IsYAML(strings.TrimSuffix(name, ".age")) }
