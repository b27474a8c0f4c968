package git

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Bytes of one object that are read into memory, by what it is.
const (
	maxTree     = 32 << 20
	maxCommit   = 1 << 20
	maxTag      = 1 << 20
	objectCache = 32 << 20 // of bases of deltas, for one reading
)

// store is the objects of one repository, for one goroutine. It believes nothing: whatever it
// returns has the content that its name says.
type store struct {
	bases   []*filesystem.Storage // the repository, then those it borrows objects from
	shallow map[plumbing.Hash]bool
}

// openStore opens the repositories in the given directories. Close must be called.
func openStore(dirs ...billy.Filesystem) (*store, error) {
	s := &store{shallow: map[plumbing.Hash]bool{}}
	for _, dir := range dirs {
		s.bases = append(s.bases, filesystem.NewStorageWithOptions(dir,
			cache.NewObjectLRU(objectCache), filesystem.Options{KeepDescriptors: true}))
	}
	hashes, err := s.bases[0].Shallow()
	if err != nil {
		s.close()
		return nil, fmt.Errorf("cannot read the list of shallow commits: %w", err)
	}
	for _, h := range hashes {
		s.shallow[h] = true
	}
	return s, nil
}

func (s *store) close() {
	for _, b := range s.bases {
		_ = b.Close() // nothing was written
	}
}

// damage says that an object cannot be had. Unlike a tree that says something wrong, it can heal:
// by fetching again, or by somebody who repairs the repository.
type damage struct {
	place string // which path or commit it is of
	hash  plumbing.Hash
	err   error
}

func (d *damage) Error() string {
	return fmt.Sprintf("cannot read %s: object %s: %v", d.place, d.hash, d.err)
}

func (d *damage) Unwrap() error { return d.err }

// tooLarge says how large an object is that was not read.
type tooLarge struct{ size, limit int64 }

func (t *tooLarge) Error() string {
	if t.limit < 1<<20 {
		return fmt.Sprintf("it has more than %d bytes", t.limit)
	}
	return fmt.Sprintf("it has more than %d MiB", t.limit>>20)
}

// has reports whether there is such an object; it may still be damaged.
func (s *store) has(h plumbing.Hash) bool {
	_, err := s.find(h)
	return err == nil
}

// read returns the content of an object. The errors are *tooLarge, before anything of it was
// read, and *damage without a place.
func (s *store) read(kind plumbing.ObjectType, h plumbing.Hash, limit int64) ([]byte, error) {
	data, got, err := s.content(h, limit)
	if large := (*tooLarge)(nil); errors.As(err, &large) {
		return nil, err
	}
	if err == nil && got != kind {
		err = fmt.Errorf("it is a %s, not a %s", got, kind)
	}
	if err == nil && plumbing.ComputeHash(got, data) != h {
		err = errors.New("its content is not what its name says")
	}
	if err != nil {
		return nil, &damage{hash: h, err: err}
	}
	return data, nil
}

// content reads an object of any kind, without looking whether it is the right one.
func (s *store) content(h plumbing.Hash, limit int64) (_ []byte, _ plumbing.ObjectType, err error) {
	defer caught(&err)
	base, err := s.find(h)
	if err != nil {
		return nil, plumbing.InvalidObject, err
	}
	size, err := base.EncodedObjectSize(h)
	if err != nil {
		return nil, plumbing.InvalidObject, err
	}
	if size > limit {
		return nil, plumbing.InvalidObject, &tooLarge{size: size, limit: limit}
	}
	o, err := base.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return nil, plumbing.InvalidObject, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, plumbing.InvalidObject, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err == nil && int64(len(data)) > limit {
		err = &tooLarge{size: int64(len(data)), limit: limit}
	}
	return data, o.Type(), err
}

// find returns where an object is.
func (s *store) find(h plumbing.Hash) (base *filesystem.Storage, err error) {
	defer caught(&err)
	var broken error
	for _, b := range s.bases {
		err := b.HasEncodedObject(h)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, plumbing.ErrObjectNotFound) {
			broken = err
		}
	}
	if broken != nil {
		return nil, broken
	}
	return nil, plumbing.ErrObjectNotFound
}

// caught makes an error of a panic: go-git's readers of indexes and packs have panicked on
// garbage before, and a damaged cache must heal instead of ending the program.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the repository is damaged: %v", p)
	}
}
