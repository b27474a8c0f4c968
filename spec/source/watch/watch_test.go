package watch

import (
	"os"
	"path/filepath"
	"testing"
)

// change is something that happens to a tree; dir has what prepared makes.
type change struct {
	name string
	do   func(t *testing.T, dir string)
}

// prepared makes a tree with some of everything.
func prepared(t *testing.T) string {
	t.Helper()
	dir := mkdir(t, filepath.Join(t.TempDir(), "tree"))
	mkdir(t, filepath.Join(dir, "sub/deep"))
	mkdir(t, filepath.Join(dir, ".git"))
	mkdir(t, filepath.Join(dir, ".shared"))
	for _, name := range []string{"a.yaml", "b.yml", "c.yaml.age", "sub/deep/d.yaml", "notes.txt",
		".hidden.yaml", ".shared/e.yaml", ".git/index"} {
		write(t, filepath.Join(dir, name), "a: 1\n")
	}
	must(t, os.Symlink("sub", filepath.Join(dir, "link")))
	must(t, os.Symlink(".shared/e.yaml", filepath.Join(dir, "e.yaml")))
	return dir
}

func writes(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { write(t, filepath.Join(dir, name), "a: 2\n") }
}

func removes(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, name))) }
}

func renames(from, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)))
	}
}

func chmods(name string, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, name), mode)) }
}

func links(target, name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Symlink(target, filepath.Join(dir, name))) }
}

func makes(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { mkdir(t, filepath.Join(dir, name)) }
}

// atomically replaces a file as editors and git do.
func atomically(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		next := filepath.Join(dir, filepath.Dir(name), ".next")
		write(t, next, "a: 3\n")
		must(t, os.Rename(next, filepath.Join(dir, name)))
	}
}

// relevant are changes after which a tree must be read again.
func relevant() []change {
	return []change{
		{"a file is written", writes("a.yaml")},
		{"a file of the other ending is written", writes("b.yml")},
		{"an encrypted file is written", writes("c.yaml.age")},
		{"a file far below is written", writes("sub/deep/d.yaml")},
		{"a file is added", writes("new.yaml")},
		{"a file is added far below", writes("sub/deep/new.yml.age")},
		{"a file is removed", removes("a.yaml")},
		{"a file is replaced", atomically("a.yaml")},
		{"a file is renamed", renames("a.yaml", "z.yaml")},
		{"a file no longer belongs to the tree", renames("a.yaml", "a.txt")},
		{"a file becomes part of the tree", renames("notes.txt", "notes.yaml")},
		{"a file cannot be read any more", chmods("a.yaml", 0)},
		{"a directory cannot be read any more", chmods("sub", 0)},
		{"a directory is added", makes("new")},
		{"a directory is removed", removes("sub")},
		{"a directory is renamed", renames("sub", "other")},
		{"a directory is hidden", renames("sub", ".other")},
		{"a directory is taken out of the tree", renames("sub", "../out")},
		{"a hidden directory is shown", renames(".git", "git")},
		{"a link is added, of whatever name", links("sub", "other")},
		{"a link is removed, of whatever name", removes("link")},
		{"what a link stands for is written, in a hidden directory", writes(".shared/e.yaml")},
		{"what a link stands for is removed", removes(".shared/e.yaml")},
		{"what a link stands for is replaced", atomically(".shared/e.yaml")},
		{"a volume's first files", links(".shared", "..data")},
	}
}

func TestEveryChangeOfATreeIsNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range relevant() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			w := watchTree(t, dir, eventsOnly())
			tt.do(t, dir)
			t.Cleanup(func() { os.Chmod(filepath.Join(dir, "sub"), 0o755) })
			wantWake(t, w, tt.name)
		})
	}
}

func TestWhatATreeDoesNotConsistOfDoesNotWake(t *testing.T) {
	t.Parallel()
	tests := []change{
		{"nothing", func(*testing.T, string) {}},
		{"a text file is written", writes("notes.txt")},
		{"a text file is added", writes("sub/readme.md")},
		{"a text file is removed", removes("notes.txt")},
		{"an editor's swap file", writes("sub/x.swp")},
		{"an editor's backup", writes("a.yaml~")},
		{"an editor's hidden file", writes(".a.yaml.swp")},
		{"an editor's lock", links("me@here.17", ".#a.yaml")},
		{"a hidden file is written", writes(".hidden.yaml")},
		{"git's index is written", writes(".git/index")},
		{"a hidden directory is added", makes(".cache/deep")},
		{"a hidden directory is removed", removes(".git")},
		{"a file beside what a link stands for", writes(".shared/f.yaml")},
		{"a file beside the tree", writes("../other.yaml")},
		{"a directory beside the tree", makes("../other")},
		{"all files are read", func(t *testing.T, dir string) { treeOf(dir) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			w := watchTree(t, dir, eventsOnly())
			tt.do(t, dir)
			wantNone(t, w, tt.name)
			write(t, filepath.Join(dir, "a.yaml"), "a: 4\n")
			wantWake(t, w, "a change after "+tt.name)
		})
	}
}

func TestAPathIsRequired(t *testing.T) {
	t.Parallel()
	if w, err := New("", Options{}); err == nil {
		must(t, w.Close())
		t.Error("a path that was forgotten is taken for the working directory")
	}
}

func TestARelativePathIsThatOfTheStart(t *testing.T) {
	t.Chdir(mkdir(t, filepath.Join(t.TempDir(), "tree")))
	here, err := os.Getwd()
	must(t, err)
	w := watchTree(t, ".", eventsOnly())
	t.Chdir(t.TempDir())
	write(t, filepath.Join(here, "a.yaml"), "a: 1\n")
	wantWake(t, w, "a file in the directory that was meant")
}

// The defaults are what a program gets that does not care.
func TestTheDefaultsWork(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	w, err := New(dir, Options{})
	must(t, err)
	defer func() { must(t, w.Close()) }()
	write(t, filepath.Join(dir, "a.yaml"), "a: 2\n")
	wantWake(t, w, "a change")
	wantNone(t, w, "the wake for it")
}
