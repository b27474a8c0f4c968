package git

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// commit is what is used of a commit.
type commit struct {
	hash      plumbing.Hash
	tree      plumbing.Hash
	parents   []plumbing.Hash
	time      time.Time // when it was committed, UTC
	author    string    // Name <address>
	subject   string
	payload   []byte // what was signed
	signature []byte // empty if it is not signed
}

// commit reads a commit.
func (s *store) commit(h plumbing.Hash) (*commit, error) {
	data, err := s.read(plumbing.CommitObject, h, maxCommit)
	if err == nil {
		var c *commit
		if c, err = parseCommit(data); err == nil {
			c.hash = h
			return c, nil
		}
		err = &damage{hash: h, err: err}
	}
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = "commit " + h.String()
		return nil, d
	}
	return nil, fmt.Errorf("cannot read commit %s: %w", h, err)
}

// parseCommit reads the raw text of a commit.
func parseCommit(data []byte) (*commit, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.CommitObject)
	if _, err := o.Write(data); err != nil {
		return nil, err
	}
	var c object.Commit
	if err := c.Decode(o); err != nil {
		return nil, err
	}
	payload, signature, err := splitCommit(data)
	if err != nil {
		return nil, err
	}
	// What is read must be what was signed: the first line and no other names the tree.
	if !bytes.HasPrefix(payload, []byte("tree "+c.TreeHash.String()+"\n")) {
		return nil, errors.New("it does not begin with its tree")
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return &commit{tree: c.TreeHash, parents: c.ParentHashes, time: c.Committer.When.UTC(),
		author:  printable(fmt.Sprintf("%s <%s>", c.Author.Name, c.Author.Email)),
		subject: printable(subject), payload: payload, signature: signature}, nil
}

// splitCommit separates the raw text of a commit from its signature, as git does: the headers
// gpgsig and gpgsig-sha256 with their continuation lines are not part of what is signed.
func splitCommit(data []byte) (payload, signature []byte, err error) {
	head, message, found := bytes.Cut(data, []byte("\n\n"))
	if !found {
		head, message = bytes.TrimSuffix(data, []byte("\n")), nil
	}
	var in string // which signature header the line belongs to
	var seen int
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		name, value, _ := bytes.Cut(line, []byte(" "))
		switch {
		case len(line) > 0 && line[0] == ' ':
			value = line[1:]
		case string(name) == "gpgsig", string(name) == "gpgsig-sha256":
			in = string(name)
			if in == "gpgsig" {
				seen++
			}
		default:
			in = ""
		}
		switch in {
		case "":
			payload = append(append(payload, line...), '\n')
		case "gpgsig":
			signature = append(append(signature, value...), '\n')
		}
	}
	if seen > 1 {
		return nil, nil, errors.New("it has more than one signature")
	}
	if found {
		payload = append(append(payload, '\n'), message...)
	}
	return payload, signature, nil
}

// printable replaces what could play tricks on a terminal or in a log.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
