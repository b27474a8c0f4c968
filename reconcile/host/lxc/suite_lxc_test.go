//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// TestSuite runs what every driver must pass.
func TestSuite(t *testing.T) {
	for _, backing := range []string{"overlayfs", "dir"} {
		t.Run(backing, func(t *testing.T) {
			t.Parallel()
			hosttest.Run(t, func(t *testing.T) hosttest.Subject { return subject(newLab(t), backing) })
		})
	}
}

func subject(l *lab, backing string) hosttest.Subject {
	first := l.subnet.Addr().As4()
	first[3] = 10
	last := first
	last[3] = 99
	return hosttest.Subject{
		Driver: ownBridge{l.host, l.bridge}, Host: "here", Installation: "inst-1",
		Base: "base", Backing: backing, Image: "busybox",
		Network: &spec.Network{
			Name: l.bridge, Bridge: l.bridge, CIDR: l.subnet.Masked(), Gateway: l.subnet.Addr(),
			First: netip.AddrFrom4(first), Last: netip.AddrFrom4(last),
		},
		Fingerprint: func(t *testing.T) string { return snapshotOf(t, l.path) },
		Damage: func(t *testing.T, container string) {
			setRootfs(t, filepath.Join(l.path, container), "")
		},
		ReadGuest: l.readGuest,
	}
}

// ownBridge is a host that does not see the bridges of other labs, which come and go meanwhile.
type ownBridge struct {
	*Host
	bridge string
}

func (o ownBridge) Observe(ctx context.Context) (plan.Actual, error) {
	actual, err := o.Host.Observe(ctx)
	actual.Bridges = slices.DeleteFunc(actual.Bridges, func(b string) bool { return b != o.bridge })
	return actual, err
}

// readGuest reads a file of a container, running or not, as the guest sees it.
func (l *lab) readGuest(t *testing.T, container, path string) string {
	t.Helper()
	if l.observe(container).PID != 0 {
		return readFile(t, l.rootPath(container, path))
	}
	root := parseRootfs(parseConfig([]byte(l.config(container))).last(keyRootfs))
	text, err := os.ReadFile(filepath.Join(root.own(), path))
	if errors.Is(err, fs.ErrNotExist) && root.lower != "" {
		return readFile(t, filepath.Join(root.lower, strings.TrimPrefix(path, "/")))
	}
	must(t, err)
	return string(text)
}
