package plan_test

import (
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The planner is a value function: what it cannot import, it cannot read.
func TestThePlannerImportsNothingThatTouchesTheWorld(t *testing.T) {
	t.Parallel()
	allowed := []string{"cmp", "fmt", "maps", "net/netip", "slices", "strconv", "strings",
		"reconciler/spec"}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		checked++
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
		for _, d := range file.Scope.Objects {
			if d.Kind.String() == "var" {
				t.Errorf("%s has package state: %s", f.Name(), d.Name)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d files were checked", checked)
	}
}
