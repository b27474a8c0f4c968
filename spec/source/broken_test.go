package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

// broken is a place in which some paths cannot be opened.
type broken struct {
	fstest.MapFS
	errs map[string]error
}

func (b broken) Open(name string) (fs.File, error) {
	if err := b.errs[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return b.MapFS.Open(name)
}

func (b broken) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := b.errs[name]; err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return b.MapFS.ReadDir(name)
}

func (b broken) ReadFile(name string) ([]byte, error) { return fs.ReadFile(b.MapFS, name) }

func (b broken) Regular(name string) (fs.FileInfo, error) { return fs.Stat(b.MapFS, name) }

func TestFetchOfABrokenSource(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"a.yaml": {}, "b.yaml": {}, "sub/c.yaml": {}, "sub2/d.yaml": {}}
	tests := []struct {
		name string
		errs map[string]error
		want []string
	}{
		{"one file", map[string]error{"b.yaml": fs.ErrPermission},
			[]string{`b.yaml:1: cannot read "b.yaml": permission denied`}},
		{"one directory", map[string]error{"sub": syscall.EIO},
			[]string{`sub:1: cannot read "sub": input/output error`}},
		{"everything at once", map[string]error{"a.yaml": syscall.EIO, "sub": fs.ErrPermission,
			"sub2/d.yaml": syscall.ESTALE}, []string{"a.yaml:1", "sub:1", "sub2/d.yaml:1"}},
		{"the directory itself", map[string]error{".": syscall.EIO}, []string{".:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fsys, revision, err := fetch(t.Context(), broken{files, tt.errs})
			wantError(t, fsys, revision, err, tt.want...)
		})
	}
}

func TestFetchIsBounded(t *testing.T) {
	t.Parallel()
	big := make([]byte, spec.MaxFileSize)
	tests := []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"one file too large", fstest.MapFS{"a.yaml": {Data: make([]byte, spec.MaxFileSize+1)}},
			"a.yaml:1: cannot read \"a.yaml\": it has more than 16 MiB"},
		{"all files too large", fstest.MapFS{"a.yaml": {Data: big}, "b.yaml": {Data: big},
			"c.yaml": {Data: big}, "d.yaml": {Data: big}, "e.yaml": {Data: []byte("x")}},
			"e.yaml:1: the YAML files have more than 64 MiB together"},
		{"too many files", many(spec.MaxFiles+1, ".yaml"), "more than 10000 YAML files"},
		{"too many other files", many(spec.MaxEntries, ".txt"),
			"more than 100000 files and directories"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys, revision, err := fetch(t.Context(), broken{MapFS: tt.files})
			wantError(t, fsys, revision, err, tt.want)
		})
	}
}

func many(n int, ext string) fstest.MapFS {
	files := make(fstest.MapFS, n)
	for i := range n {
		name := "d/" + string(rune('a'+i%26)) + "/" + strconv.Itoa(i) + ext
		files[name] = &fstest.MapFile{}
	}
	return files
}

func TestFetchOfAFiftyMegabyteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "huge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(50<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	fsys, revision, err := fetchDir(t.Context(), dir)
	wantError(t, fsys, revision, err, `"huge.yaml": it has more than 16 MiB`)
}
