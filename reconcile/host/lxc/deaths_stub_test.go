//go:build !linux || !cgo

package lxc

import (
	"context"
	"testing"
)

func TestNobodyIsWatchedWithoutLiblxc(t *testing.T) {
	var h Host
	err := h.Deaths(context.Background(), nil, func(string) { t.Error("nobody has died") })
	if err == nil {
		t.Error("containers seem to be watched")
	}
}
