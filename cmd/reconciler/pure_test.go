package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStoriesOfThePureBinary runs the stories that need no host once more, with the binary that
// has no cgo in it: whoever reviews a change needs nothing but that and the repository.
func TestStoriesOfThePureBinary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "reconciler"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the pure binary cannot be built: %v\n%s", err, out)
	}
	var files []string
	for _, name := range []string{"against", "observed", "hostile"} {
		files = append(files, filepath.Join("..", "..", "testdata", "stories", name+".txtar"))
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", dir+string(os.PathListSeparator)+e.Getenv("PATH"))
			return setUpAlone(e)
		},
		Cmds:                storyCommands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
