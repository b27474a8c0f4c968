// Package memfs is a file system of a few regular files in memory: what a source has read of one
// revision.
//
// It promises never to change once it is filled, so that it may be read from several goroutines.
// It never holds links, modes or times.
package memfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// FS holds regular files. Add fills it from one goroutine; then it may be read from several.
type FS struct {
	files map[string][]byte
	dirs  map[string][]fs.DirEntry // sorted by name
}

// New returns an empty file system: only its root exists.
func New() *FS {
	return &FS{files: map[string][]byte{}, dirs: map[string][]fs.DirEntry{".": nil}}
}

// Len returns the number of files.
func (m *FS) Len() int { return len(m.files) }

// Add puts a file in, with the directories above it. name is a path as in fs.ValidPath.
func (m *FS) Add(name string, data []byte) {
	m.files[name] = data
	child := entry{name: path.Base(name), size: int64(len(data)), mode: 0o444}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		entries, known := m.dirs[dir]
		i, found := slices.BinarySearchFunc(entries, child.name, func(e fs.DirEntry, n string) int {
			return strings.Compare(e.Name(), n)
		})
		if !found {
			m.dirs[dir] = slices.Insert(entries, i, fs.DirEntry(child))
		}
		if dir == "." || known {
			return
		}
		child = entry{name: path.Base(dir), mode: fs.ModeDir | 0o555}
	}
}

// Open implements fs.FS.
func (m *FS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if data, ok := m.files[name]; ok {
		return &file{Reader: bytes.NewReader(data), entry: entry{name: path.Base(name),
			size: int64(len(data)), mode: 0o444}}, nil
	}
	if entries, ok := m.dirs[name]; ok {
		return &dir{entry: entry{name: path.Base(name), mode: fs.ModeDir | 0o555},
			rest: entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// entry describes a file or directory; it is its own FileInfo.
type entry struct {
	name string
	size int64
	mode fs.FileMode
}

func (e entry) Name() string               { return e.name }
func (e entry) Size() int64                { return e.size }
func (e entry) Mode() fs.FileMode          { return e.mode }
func (e entry) Type() fs.FileMode          { return e.mode.Type() }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) IsDir() bool                { return e.mode.IsDir() }
func (e entry) Sys() any                   { return nil }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) Stat() (fs.FileInfo, error) { return e, nil }
func (e entry) Close() error               { return nil }

// file is an open file.
type file struct {
	*bytes.Reader
	entry
}

// Size settles which of the two sizes is meant.
func (f *file) Size() int64 { return f.entry.size }

// dir is an open directory.
type dir struct {
	entry
	rest []fs.DirEntry
}

// Read fails: a directory has no bytes.
func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.rest) {
		n = len(d.rest)
	}
	out := slices.Clone(d.rest[:n])
	d.rest = d.rest[n:]
	return out, nil
}

// Digest returns 64 hexadecimal digits that depend on the paths and contents and nothing else.
func (m *FS) Digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		// Lengths keep names and contents apart.
		for _, part := range [][]byte{[]byte(name), m.files[name]} {
			_ = binary.Write(h, binary.BigEndian, int64(len(part)))
			_, _ = h.Write(part)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
