//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/execute"
)

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a child process ids of its own")
	}
}

func sh(script string) child {
	return child{program: "sh", args: []string{"-c", script}}
}

func TestChildErrorHasWhatItSaid(t *testing.T) {
	needsRoot(t)
	log := filepath.Join(t.TempDir(), "log")
	c := sh("echo from the program; echo from liblxc > " + log + "; exit 4")
	c.log = log
	err := c.run(t.Context())
	for _, word := range []string{"sh", "exit status 4", "from the program", "from liblxc"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q: %v", word, err)
		}
	}
	if err := sh("true").run(t.Context()); err != nil {
		t.Errorf("a program that succeeds gives %v", err)
	}
}

func TestMissingProgramCannotHeal(t *testing.T) {
	err := child{program: "lxc-no-such-tool"}.run(t.Context())
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v", err)
	}
}

func TestChildThatHangsIsKilledWithItsFamily(t *testing.T) {
	needsRoot(t)
	sign := filepath.Join(t.TempDir(), "sign")
	// The grandchild leaves its process group and must die all the same.
	c := sh("setsid sh -c 'trap \"\" TERM; echo > " + sign + "; while :; do sleep 1; done' & wait")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the operator has had enough")
	failed := make(chan error)
	go func() { failed <- c.run(ctx) }()
	waitFor(t, "the grandchild runs", func() bool { _, err := os.Lstat(sign); return err == nil })
	cancel(reason)
	if err := <-failed; !errors.Is(err, reason) {
		t.Errorf("the error does not say why it was killed: %v", err)
	}
	waitFor(t, "the family is gone", func() bool { return len(processesWith(t, sign)) == 0 })
}

func TestChildTimeout(t *testing.T) {
	needsRoot(t)
	late := errors.New("the step took longer than a moment")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, late)
	defer cancel()
	if err := sh("while :; do sleep 1; done").run(ctx); !errors.Is(err, late) {
		t.Errorf("the limit of the step does not end its program, or is not told: %v", err)
	}
}

func TestChildKnowsNothingOfOurs(t *testing.T) {
	t.Setenv("RECONCILER_SECRET", "hunter2")
	t.Setenv("HTTPS_PROXY", "http://proxy.example:3128")
	env := childEnvironment()
	if slices.ContainsFunc(env, func(s string) bool { return strings.Contains(s, "hunter2") }) {
		t.Error("the environment is handed on")
	}
	if !slices.Contains(env, "HTTPS_PROXY=http://proxy.example:3128") {
		t.Error("the way to the proxy is lost")
	}
}

func TestOnlyTheEndOfAnOutputIsKept(t *testing.T) {
	var out tail
	for range 1000 {
		out.Write([]byte("0123456789"))
	}
	out.Write([]byte("the end"))
	if got := out.String(); len(got) != tailSize || !strings.HasSuffix(got, "the end") {
		t.Errorf("kept %d bytes that end in %q", len(got), got[max(0, len(got)-20):])
	}
	path := filepath.Join(t.TempDir(), "log")
	must(t, os.WriteFile(path, []byte(strings.Repeat("a line\n", 1000)+"last line\n"), 0o600))
	got := logTail(path)
	if len(got) > tailSize || !strings.HasPrefix(got, "a line\n") {
		t.Errorf("the tail of the log begins in the middle of a line: %q", got)
	}
	if !strings.HasSuffix(got, "last line") {
		t.Errorf("the tail of the log does not end it: %q", got)
	}
	must(t, os.WriteFile(path, []byte(`lxc a.example.com 20261121212350.303 ERROR    utils - `+
		`../src/lxc/utils.c:safe_mount:1220 - No such file - Failed to mount "/nowhere" - really
lxc a.example.com 20261121212350.303 WARN     start - start.c:__lxc_start:2107 - Failed to spawn
not from liblxc - at all - really
`), 0o600))
	const want = `No such file - Failed to mount "/nowhere" - really
Failed to spawn
not from liblxc - at all - really`
	if got := logTail(path); got != want {
		t.Errorf("the log says %s; want %s", got, want)
	}
	if got := logTail(path + ".none"); got != "" {
		t.Errorf("a missing log says %q", got)
	}
}

func TestControlGroupOfTheContainer(t *testing.T) {
	for path, want := range map[string]string{
		"/lxc.payload.web":                        "/lxc.payload.web",
		"/lxc.payload.web/init.scope":             "/lxc.payload.web",
		"/a/lxc.payload.web-1/system.slice/x":     "/a/lxc.payload.web-1",
		"/lxc/web/user.slice":                     "/lxc/web",
		"/system.slice/ssh.service":               "/system.slice/ssh.service",
		"/lxc.payload.a/lxc.payload.b/init.scope": "/lxc.payload.a",
	} {
		if got := payload(path); got != want {
			t.Errorf("%q is in %q, want %q", path, got, want)
		}
	}
}

func TestMachineID(t *testing.T) {
	const uuid = "0F8FAD5B-D9CB-469F-A165-70867728950E"
	if got := machineID(uuid); got != "0f8fad5bd9cb469fa16570867728950e" {
		t.Errorf("%s gives %q", uuid, got)
	}
	one, other := machineID("uid-1"), machineID("uid-2")
	if one == other || len(one) != 32 || strings.Trim(one, "0123456789abcdef") != "" {
		t.Errorf("uids give %q and %q", one, other)
	}
}

func TestWhichSnapshotsNeedLiblxc(t *testing.T) {
	for lines, want := range map[string]bool{
		"": true,
		"lxc.include = /usr/share/lxc/config/debian.common.conf": true,
		"lxc.include = /usr/share/lxc/config/debian.userns.conf": false,
		"lxc.include = /etc/lxc/site.conf":                       false,
		"lxc.idmap = u 0 100000 65536":                           false,
		"lxc.hook.clone = /usr/local/bin/x":                      false,
		"lxc.hook.start = /srv/base/hook":                        false,
		"lxc.hook.start = /srv/base2/hook":                       true,
		"lxc.mount.fstab = /srv/base/fstab":                      false,
	} {
		c := container{
			dir: "/srv/base", root: rootfs{backing: "dir", path: "/srv/base/rootfs"},
			file: parseConfig([]byte("lxc.rootfs.path = dir:/srv/base/rootfs\n" + lines + "\n")),
		}
		if got := isPlain(c); got != want {
			t.Errorf("%q: a plain snapshot is %v", lines, got)
		}
		c.root.backing = "overlayfs"
		if isPlain(c) {
			t.Errorf("%q: an overlay on an overlay would lose the upper one", lines)
		}
	}
}

func TestMountPointsAreUnescaped(t *testing.T) {
	want := "a b\tc\nd\\e"
	if diff := cmp.Diff(want, unescapeMount(`a\040b\011c\012d\134e`)); diff != "" {
		t.Errorf("a mount with such a name would not be seen:\n%s", diff)
	}
	mounted, err := mountsBelow("/")
	if err != nil || !slices.Contains(mounted, "/proc") {
		t.Errorf("proc is not among %q, %v", mounted, err)
	}
	if mounted, err := mountsBelow(t.TempDir()); err != nil || len(mounted) > 0 {
		t.Errorf("an empty directory has mounts %q, %v", mounted, err)
	}
}

func TestLimitsReadAndWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limit")
	if got, err := readLimit(path); got != "" || err != nil {
		t.Errorf("a controller that the host lacks gives %q, %v", got, err)
	}
	must(t, os.WriteFile(path, []byte("512\n"), 0o600))
	if got, err := readLimit(path); got != "512" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
