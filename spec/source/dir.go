package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"reconciler/spec"
	"reconciler/spec/source/memfs"
)

// shownDigits of a digest are enough to tell two contents apart.
const shownDigits = 16

// Dir is a tree in a directory. The zero value is of no use: Path is required.
type Dir struct {
	Path string // of the directory, absolute or relative to the working directory
}

// Fetch reads the YAML files below the directory into memory. The revision is "dir:" and a
// digest of their paths and contents; it does not depend on time or place. Hidden files and
// directories, and files of other kinds, are left out.
//
// It fails if anything may be missing: a directory or file that cannot be read, a link that
// leads out of the directory or to another one, a YAML file that is no regular file, or more
// than the limits of package spec. Such errors are of type spec.Problems and name every place.
// When ctx ends, Fetch returns its cause.
func (d Dir) Fetch(ctx context.Context) (spec.Snapshot, error) {
	if IsURL(d.Path) {
		return spec.Snapshot{}, fmt.Errorf("cannot open directory %q: it is an address, not a path",
			d.Path)
	}
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return spec.Snapshot{}, fmt.Errorf("cannot open directory %q: %w", d.Path, cause(err))
	}
	defer func() { _ = root.Close() }()
	files, digest, err := fetch(ctx, rooted{root})
	if err != nil {
		return spec.Snapshot{}, err
	}
	return spec.Snapshot{Files: files, Revision: spec.Revision{
		ID: "dir:" + digest[:shownDigits], Tree: digest,
	}}, nil
}

// files is a place to read from; it exists so that a test can break it.
type files interface {
	fs.FS
	// Regular says what a path is, following links inside the place only.
	Regular(name string) (fs.FileInfo, error)
}

// rooted reads below a directory and nowhere else.
type rooted struct{ root *os.Root }

// Open opens without waiting: a FIFO without a writer would block for ever.
func (r rooted) Open(name string) (fs.File, error) {
	f, err := r.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Regular implements files.
func (r rooted) Regular(name string) (fs.FileInfo, error) { return r.root.Stat(name) }

// reader collects files and problems while it walks.
type reader struct {
	ended    func() error // why the walk must end, nil while it may go on
	from     files
	out      *memfs.FS
	problems spec.Problems
	entries  int
	bytes    int64
}

// maxReads bounds how often a directory is read until two readings agree.
const maxReads = 5

// fetch reads until nothing changes between two readings: half of a checkout is no declaration, and
// a file that is not there yet must not be taken for one that was removed.
func fetch(ctx context.Context, from files) (fs.FS, string, error) {
	_, before, err := readAll(ctx, from)
	for range maxReads {
		if err != nil {
			return nil, "", err
		}
		var read fs.FS
		var revision string
		if read, revision, err = readAll(ctx, from); err == nil && revision == before {
			return read, revision, nil
		}
		before = revision
	}
	return nil, "", cmp.Or(err, errors.New("it changes while it is being read"))
}

func readAll(ctx context.Context, from files) (fs.FS, string, error) {
	r := &reader{from: from, out: memfs.New(),
		ended: func() error { return context.Cause(ctx) }}
	if err := fs.WalkDir(from, ".", r.visit); err != nil {
		return nil, "", err
	}
	if len(r.problems) > 0 {
		return nil, "", r.problems
	}
	return r.out, r.out.Digest(), nil
}

// visit is called for every file and directory.
func (r *reader) visit(name string, d fs.DirEntry, err error) error {
	if why := r.ended(); why != nil {
		return why
	}
	if err != nil {
		r.fail(name, fmt.Sprintf("cannot read %q: %s", name, cause(err)), "")
		return nil
	}
	if r.entries++; r.entries > spec.MaxEntries {
		return r.stop(name, fmt.Sprintf("more than %d files and directories", spec.MaxEntries))
	}
	if name != "." && spec.Hidden(name) {
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if d.IsDir() {
		return nil
	}
	if d.Type()&fs.ModeSymlink != 0 {
		return r.link(name)
	}
	if !spec.IsYAML(name) {
		return nil
	}
	if !d.Type().IsRegular() {
		r.fail(name, fmt.Sprintf("cannot read %q: it is %s", name, typeText(d.Type())),
			"put a regular file here")
		return nil
	}
	return r.read(name)
}

// link takes a link to a file of the tree and refuses all others, also those whose name is not
// that of a YAML file: they may stand for a directory that is full of them.
func (r *reader) link(name string) error {
	info, err := r.from.Regular(name)
	switch {
	case err != nil:
		r.fail(name, fmt.Sprintf("cannot follow link %q: %s", name, cause(err)),
			"put the file itself here")
	case info.IsDir():
		r.fail(name, fmt.Sprintf("cannot follow link %q: it leads to a directory", name),
			"put the directory itself here")
	case !spec.IsYAML(name):
	case !info.Mode().IsRegular():
		r.fail(name, fmt.Sprintf("cannot read %q: it leads to %s", name, typeText(info.Mode())),
			"put a regular file here")
	default:
		return r.read(name)
	}
	return nil
}

// read takes one file into memory; the error ends the walk.
func (r *reader) read(name string) error {
	if r.out.Len() == spec.MaxFiles {
		return r.stop(name, fmt.Sprintf("more than %d YAML files", spec.MaxFiles))
	}
	data, err := r.content(name)
	if err != nil {
		r.fail(name, fmt.Sprintf("cannot read %q: %s", name, cause(err)), "")
		return nil
	}
	if r.bytes += int64(len(data)); r.bytes > spec.MaxTotalSize {
		return r.stop(name, fmt.Sprintf("the YAML files have more than %d MiB together",
			spec.MaxTotalSize>>20))
	}
	r.out.Add(name, data)
	return nil
}

func (r *reader) content(name string) ([]byte, error) {
	f, err := r.from.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // it was replaced after it was listed
		return nil, errors.New("it is " + typeText(info.Mode()))
	}
	data, err := io.ReadAll(io.LimitReader(f, spec.MaxFileSize+1))
	if err == nil && len(data) > spec.MaxFileSize {
		err = fmt.Errorf("it has more than %d MiB", spec.MaxFileSize>>20)
	}
	return data, err
}

func (r *reader) fail(name, text, hint string) {
	r.problems = append(r.problems, spec.Problem{Position: spec.Position{File: name, Line: 1},
		Text: text, Hint: hint})
}

// stop ends the walk with a problem that makes going on pointless.
func (r *reader) stop(name, text string) error {
	r.fail(name, text, "is this the right directory?")
	return fs.SkipAll
}

// IsURL reports whether a path is an address of a remote tree: scheme://… or user@host:path.
func IsURL(p string) bool {
	if strings.Contains(p, "://") {
		return true
	}
	at, colon := strings.Index(p, "@"), strings.Index(p, ":")
	slash := strings.Index(p, "/")
	return at > 0 && colon > at && (slash < 0 || slash > colon)
}

func typeText(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m.IsDir():
		return "a directory"
	}
	return "no regular file"
}

// cause is the reason of an error without the path, which the message names already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
