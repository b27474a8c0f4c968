package git

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxTags is how many tags may lead from one to the next.
const maxTags = 5

// tag is what is used of an annotated tag.
type tag struct {
	name      string
	target    plumbing.Hash
	kind      plumbing.ObjectType
	payload   []byte // what was signed
	signature []byte // empty if it is not signed
}

// tag reads an annotated tag.
func (s *store) tag(h plumbing.Hash) (*tag, error) {
	data, err := s.read(plumbing.TagObject, h, maxTag)
	if err == nil {
		var t *tag
		if t, err = parseTag(data); err == nil {
			return t, nil
		}
		err = &damage{hash: h, err: err}
	}
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = "tag " + h.String()
		return nil, d
	}
	return nil, fmt.Errorf("cannot read tag %s: %w", h, err)
}

func parseTag(data []byte) (*tag, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.TagObject)
	if _, err := o.Write(data); err != nil {
		return nil, err
	}
	var t object.Tag
	if err := t.Decode(o); err != nil {
		return nil, err
	}
	payload, signature := splitTag(data)
	if !bytes.HasPrefix(payload, []byte("object "+t.Target.String()+"\n")) {
		return nil, errors.New("it does not begin with what it names")
	}
	return &tag{name: t.Name, target: t.Target, kind: t.TargetType,
		payload: payload, signature: signature}, nil
}

// splitTag separates a tag from its signature, which is the end of it, beginning with the last
// line that opens one.
func splitTag(data []byte) (payload, signature []byte) {
	at := len(data)
	for _, mark := range []string{"-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----",
		"-----BEGIN SSH SIGNATURE-----", "-----BEGIN SIGNED MESSAGE-----"} {
		if i := bytes.LastIndex(data, []byte("\n"+mark)); i >= 0 && (at == len(data) || i+1 > at) {
			at = i + 1
		}
	}
	return data[:at], data[at:]
}

// peel follows annotated tags to a commit. first is the outermost tag, nil where h is a commit.
func (s *store) peel(h plumbing.Hash) (target plumbing.Hash, first *tag, err error) {
	kind := plumbing.CommitObject
	if _, got, err := s.content(h, maxTag); err == nil {
		kind = got // otherwise reading it as a commit says what is wrong
	}
	for n := 0; kind == plumbing.TagObject; n++ {
		t, err := s.tag(h)
		if err != nil {
			return plumbing.ZeroHash, nil, err
		}
		if n == maxTags {
			return plumbing.ZeroHash, nil, fmt.Errorf("tag %q is a tag of tags of tags", t.name)
		}
		if first == nil {
			first = t
		}
		h, kind = t.target, t.kind
	}
	if kind != plumbing.CommitObject {
		return plumbing.ZeroHash, nil, fmt.Errorf("object %s is a %s, not a commit", h, kind)
	}
	return h, first, nil
}
