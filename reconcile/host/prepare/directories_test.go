//go:build linux

package prepare

import (
	"os"
	"path/filepath"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// The directory of the containers is made where there is none, and left as it is where there is.
func TestRoomForContainersIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "srv", "lxc")
	h := New(path)
	look := func(want spec.Preparation) []plan.HostChange {
		t.Helper()
		found, err := h.directories(t.Context(), &want)
		if err != nil {
			t.Fatal(err)
		}
		var changes []plan.HostChange
		for _, d := range found {
			changes = append(changes, d.change)
		}
		return changes
	}
	missing := plan.HostChange{What: "directory " + path, New: "mode 0755"}
	if c := look(spec.Preparation{}); len(c) != 1 || c[0] != missing {
		t.Errorf("without a directory for containers it lacks %+v", c)
	}
	own := spec.Preparation{Directories: []spec.Directory{{Path: path, Mode: 0o700}}}
	if c := look(own); len(c) != 1 || c[0].New != "mode 0700" {
		t.Errorf("declared, it lacks %+v", c)
	}
	if os.Geteuid() != 0 {
		t.Skip("to make it takes root")
	}
	if done, err := h.MakeRoom(t.Context(), own); err != nil || len(done) != 1 {
		t.Fatalf("made %q, %v", done, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("it is not as declared: %v, %v", info, err)
	}
	if c := look(spec.Preparation{}); len(c) != 0 {
		t.Errorf("the mode that it has is changed, which nobody declares: %+v", c)
	}
	if done, err := h.MakeRoom(t.Context(), spec.Preparation{}); err != nil || len(done) != 0 {
		t.Errorf("a second time %q is done, %v", done, err)
	}
	if err := os.Symlink("/none", path+"2"); err != nil {
		t.Fatal(err)
	}
	if _, err := New(path+"2").MakeRoom(t.Context(), spec.Preparation{}); err == nil {
		t.Error("a link to what is not mounted counts as a place for containers")
	}
}
