package memfs

import (
	"testing"
	"testing/fstest"
)

func filled(files ...string) *FS {
	m := New()
	for i := 0; i < len(files); i += 2 {
		m.Add(files[i], []byte(files[i+1]))
	}
	return m
}

// TestIsAFileSystem: what reads a tree relies on every rule of io/fs.
func TestIsAFileSystem(t *testing.T) {
	t.Parallel()
	m := filled("a.yaml", "1", "b/c/d.yaml", "", "b/e.yml", "three", "b/c/f.yaml", "4")
	if err := fstest.TestFS(m, "a.yaml", "b/c/d.yaml", "b/c/f.yaml", "b/e.yml"); err != nil {
		t.Error(err)
	}
	if m.Len() != 4 {
		t.Errorf("%d files, want 4", m.Len())
	}
	if err := fstest.TestFS(New()); err != nil {
		t.Errorf("empty: %v", err)
	}
}

// TestDigest: two revisions that differ must not look like one.
func TestDigest(t *testing.T) {
	t.Parallel()
	want := filled("a", "12", "b", "3").Digest()
	if got := filled("b", "3", "a", "12").Digest(); got != want {
		t.Errorf("the order of reading changes the digest: %s, %s", got, want)
	}
	for name, other := range map[string]*FS{
		"content": filled("a", "12", "b", "4"),
		"name":    filled("a", "12", "c", "3"),
		"border":  filled("a", "1", "b", "23"),
		"missing": filled("a", "12"),
		"empty":   New(),
	} {
		if other.Digest() == want {
			t.Errorf("%s: another tree has the same digest", name)
		}
	}
}
