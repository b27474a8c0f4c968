package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/spec"
	"reconciler/spec/source"
	"reconciler/state"
	"reconciler/state/statetest"
)

// TestExamples validates and plans every tree below examples/: an example that does not work is
// worse than none.
func TestExamples(t *testing.T) {
	t.Parallel()
	trees, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "tree"))
	if err != nil || len(trees) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	for _, tree := range trees {
		t.Run(filepath.Base(filepath.Dir(tree)), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(tree, "..", "README.md")); err != nil {
				t.Error("the example has no README.md")
			}
			if code := run([]string{"validate", "--source", tree, "--config", os.DevNull},
				streams{out: io.Discard, err: io.Discard}); code != 0 {
				t.Fatalf("validate exits with %d", code)
			}
			planExample(t, tree)
		})
	}
}

// planExample plans the tree for hosts on which nothing exists yet but what it needs.
func planExample(t *testing.T, tree string) {
	t.Helper()
	store := statetest.NewMemory()
	snapshot, err := store.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := state.OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	declared, err := reconcile.Fetch(context.Background(), source.Dir{Path: tree},
		spec.Options{Hostname: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	pass, err := reconcile.Plan(context.Background(), declared, reconcile.Options{
		Store: store, Sealer: keys, Random: rand.Reader,
		Dial: func(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
			c := hosttest.Config{Host: h.Name, Installation: snapshot.Installation,
				Images: []string{"busybox", "debian"}, Bare: h.Prepare != nil}
			if !c.Bare {
				c.Bridges = []string{"lxcbr1", "rcqs0"}
			}
			return hosttest.New(c), nil
		},
		Parallel: 2, LockTimeout: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range pass.Plan.Blocked {
		if b.Failed {
			t.Errorf("%s/%s: %s", b.Host, b.Container, b.Text)
		}
	}
	if len(pass.Plan.Unreachable) > 0 || pass.Plan.Empty() {
		t.Errorf("nothing is planned: unreachable %v", pass.Plan.Unreachable)
	}
}
