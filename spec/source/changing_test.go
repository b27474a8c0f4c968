package source

import (
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
)

// changing is a directory into which files arrive while it is read, as in a checkout.
type changing struct {
	fstest.MapFS
	left  int // files that are still to come
	reads int
}

func (c *changing) ReadDir(name string) ([]fs.DirEntry, error) {
	if c.left > 0 {
		c.left--
		c.MapFS[fmt.Sprintf("late%d.yaml", c.left)] = &fstest.MapFile{Data: []byte("a: 1")}
	}
	c.reads++
	return c.MapFS.ReadDir(name)
}

func (c *changing) Regular(name string) (fs.FileInfo, error) { return fs.Stat(c.MapFS, name) }

// Half of a checkout would destroy what it does not have yet.
func TestFetchTakesNoHalfOfACheckout(t *testing.T) {
	t.Parallel()
	c := &changing{MapFS: fstest.MapFS{"a.yaml": {}}, left: 3}
	fsys, _, err := fetch(t.Context(), c)
	if err != nil {
		t.Fatalf("a checkout that came to rest is refused: %v", err)
	}
	for _, name := range []string{"a.yaml", "late0.yaml", "late1.yaml", "late2.yaml"} {
		if _, err := fs.Stat(fsys, name); err != nil {
			t.Errorf("%s is missing: %v", name, err)
		}
	}
}

func TestFetchRefusesWhatNeverComesToRest(t *testing.T) {
	t.Parallel()
	c := &changing{MapFS: fstest.MapFS{"a.yaml": {}}, left: 1000}
	fsys, revision, err := fetch(t.Context(), c)
	wantError(t, fsys, revision, err, "changes while it is being read")
	if c.reads > 10 {
		t.Errorf("it was read %d times", c.reads)
	}
}
