//go:build linux

package prepare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A package manager that is broken off leaves packages half configured.
func TestPackagesAreNotBrokenOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const work = `trap "touch killed" TERM; touch begun
until [ -e go ]; do sleep 0.01; done; [ ! -e killed ]`
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := dpkgTool(ctx, "sh", "-c", "cd "+dir+"; "+work)
		ended <- err
	}()
	for _, err := os.Stat(filepath.Join(dir, "begun")); err != nil; {
		time.Sleep(time.Millisecond)
		_, err = os.Stat(filepath.Join(dir, "begun"))
	}
	lost := errors.New("the connection is lost")
	cancel(lost)
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it was broken off: %v", err)
	}
	if _, err := dpkgTool(ctx, "sh", "-c", "exit 0"); !errors.Is(err, lost) {
		t.Errorf("what had not begun begins: %v", err)
	}
}
