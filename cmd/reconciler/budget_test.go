package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// What may be how large. Beyond this a reader loses the thread.
const (
	mostFileLines = 400 // tests too
	mostFuncLines = 60
	mostParams    = 4
	mostMethods   = 3
)

// larger are the interfaces that may have more methods, and how many.
func larger() map[string]int { return map[string]int{"state.Store": 5} }

// TestBudget keeps every piece small enough to be read at once.
func TestBudget(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if n := fset.Position(file.FileEnd).Line - 1; n > mostFileLines {
			t.Errorf("%s has %d lines", path, n)
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				for _, wrong := range overBudget(fset, file.Name.Name, n) {
					t.Errorf("%s: %s", fset.Position(n.Pos()), wrong)
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"cmd", "reconcile", "spec", "state"} {
		if err := filepath.WalkDir(filepath.Join("../..", dir), walk); err != nil {
			t.Fatal(err)
		}
	}
}

// overBudget says what is too large about one declaration.
func overBudget(fset *token.FileSet, pkg string, n ast.Node) (wrong []string) {
	switch x := n.(type) {
	case *ast.FuncDecl:
		lines := fset.Position(x.End()).Line - fset.Position(x.Pos()).Line + 1
		if lines > mostFuncLines {
			wrong = append(wrong, fmt.Sprintf("%s has %d lines", x.Name.Name, lines))
		}
		if params := x.Type.Params.NumFields(); params > mostParams {
			wrong = append(wrong, fmt.Sprintf("%s has %d parameters", x.Name.Name, params))
		}
		if x.Recv == nil && x.Name.Name == "init" {
			wrong = append(wrong, "init runs unseen: call what it does")
		}
	case *ast.TypeSpec:
		i, ok := x.Type.(*ast.InterfaceType)
		if ok && i.Methods.NumFields() > max(mostMethods, larger()[pkg+"."+x.Name.Name]) {
			wrong = append(wrong, fmt.Sprintf("%s has %d methods", x.Name.Name, i.Methods.NumFields()))
		}
	}
	return wrong
}
