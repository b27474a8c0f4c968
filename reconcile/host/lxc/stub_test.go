//go:build !linux || !cgo

package lxc

import (
	"context"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestBuildWithoutLiblxcSaysSo(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "liblxc") {
		t.Errorf("New says %v", err)
	}
	var h Host
	if _, err := h.Observe(context.Background()); err == nil {
		t.Error("a host that cannot be seen looks empty")
	}
	if _, err := h.Do(context.Background(), plan.Step{}, execute.Secrets{}); err == nil {
		t.Error("a step seems to be done")
	}
	if _, err := h.Lock(context.Background(), "test"); err == nil {
		t.Error("a lock seems to be held")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
