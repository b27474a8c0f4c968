package git

import (
	"errors"
	"testing"

	"reconciler/spec"
	"reconciler/spec/source/git/gittest"
)

// TestAServerThatIsGoneIsToldApart: the daemon goes on with the last tree when the server is gone,
// and must not when the branch is: somebody took it away.
func TestAServerThatIsGoneIsToldApart(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	repo := gittest.Init(t)
	repo.Write(map[string]string{"tree.yaml": "targets: {h1: {}}"})
	repo.Commit("first")
	repo.Bare(root, "tree.git")
	server := gittest.ServeHTTP(t, root, gittest.HTTPOptions{})
	fetch := func(ref string) error {
		s, err := New(Options{URL: server.URL("tree.git"), Ref: ref, Cache: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Fetch(t.Context())
		return err
	}
	if err := fetch(""); err != nil {
		t.Fatal(err)
	}
	if err := fetch("gone"); err == nil || errors.Is(err, spec.ErrSourceUnreachable) {
		t.Errorf("a branch that is gone looks like a server that is: %v", err)
	}
	server.Block(gittest.Refuse)
	if err := fetch(""); !errors.Is(err, spec.ErrSourceUnreachable) {
		t.Errorf("a server that is gone looks like a bad repository: %v", err)
	}
}
