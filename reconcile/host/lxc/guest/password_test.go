//go:build linux

package guest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"reconciler/reconcile/host/lxc/guest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fs     files
		users  []string
		shadow string
		passwd string
	}{
		"other users and aging stay": {
			fs:    debian(),
			users: []string{"admin"},
			shadow: "root:*:20778:0:99999:7:::\n" +
				"admin:" + hash + ":20800:1:90:7:30::\n",
			passwd: debian()["etc/passwd"],
		},
		"several users": {
			fs:    debian(),
			users: []string{"admin", "root"},
			shadow: "root:" + hash + ":20800:0:99999:7:::\n" +
				"admin:" + hash + ":20800:1:90:7:30::\n",
			passwd: debian()["etc/passwd"],
		},
		"empty shadow of busybox": {
			fs:     busybox(),
			users:  []string{"root"},
			shadow: "root:" + hash + ":20800:0:99999:7:::\n",
			passwd: busybox()["etc/passwd"],
		},
		"password in passwd itself": {
			fs:     files{"etc/passwd": "root:$1$old:0:0::/:/bin/sh\nbin:*:1:1::/:\n"},
			users:  []string{"root"},
			shadow: "root:" + hash + ":20800:0:99999:7:::\n",
			passwd: "root:x:0:0::/:/bin/sh\nbin:*:1:1::/:\n",
		},
		"short and unfinished lines": {
			fs:     files{"etc/passwd": "root", "etc/shadow": "rooted:*:1\nroot"},
			users:  nil,
			shadow: "rooted:*:1\nroot",
			passwd: "root",
		},
		"line of two fields": {
			fs:     files{"etc/passwd": "root:x:0:0::/:", "etc/shadow": "a:b\nroot:!"},
			users:  []string{"root"},
			shadow: "a:b\nroot:" + hash + ":20800::::::\n",
			passwd: "root:x:0:0::/:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, c.fs)
			if _, err := r.SetPassword(c.users, hash, 20800); err != nil {
				t.Fatal(err)
			}
			content(t, dir, "etc/shadow", c.shadow)
			content(t, dir, "etc/passwd", c.passwd)
		})
	}
}

func TestPasswordFileIsMadePrivate(t *testing.T) {
	t.Parallel()
	r, dir := open(t, files{"etc/passwd": "root:x:0:0::/:\n"})
	_, err := r.SetPassword([]string{"root"}, hash, 1)
	check(t, err)
	info, err := os.Stat(filepath.Join(dir, "etc/shadow"))
	check(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v: every user of the guest can read the hash", info.Mode())
	}
}

// Busybox's template makes the file readable for everybody.
func TestPasswordFileThatAllCouldReadIsClosed(t *testing.T) {
	t.Parallel()
	r, dir := open(t, files{"etc/passwd": "root:x:0:0::/:\n", "etc/shadow": "root:::::::\n"})
	path := filepath.Join(dir, "etc/shadow")
	check(t, os.Chmod(path, 0o644))
	_, err := r.SetPassword([]string{"root"}, hash, 1)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode() != 0o640 {
		t.Errorf("mode %v: every user of the guest can read the hash", info.Mode())
	}
}

func TestSamePasswordKeepsTheDayOfItsChange(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	_, err := r.SetPassword([]string{"root"}, hash, 20800)
	check(t, err)
	before := snapshot(t, dir)
	if changed, err := r.SetPassword([]string{"root"}, hash, 20900); changed || err != nil {
		t.Errorf("next day: changed %v, error %v", changed, err)
	}
	same(t, dir, before, "every day the password looks freshly changed")
}

func TestUnknownUsersAreNamedAndNothingChanges(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]files{
		"debian": debian(), "no passwd at all": {"etc/x": ""}, "no etc": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, fs)
			before := snapshot(t, dir)
			changed, err := r.SetPassword([]string{"root", "ghost", "nobody2"}, hash, 1)
			if changed || !errors.Is(err, guest.ErrUnsuitable) {
				t.Fatalf("changed %v, error %v; want ErrUnsuitable", changed, err)
			}
			if text := err.Error(); !strings.Contains(text, "ghost") ||
				!strings.Contains(text, "nobody2") || strings.Contains(text, hash) {
				t.Errorf("error %q must name every missing user and never the hash", text)
			}
			same(t, dir, before, "half of the users got the password")
		})
	}
}

func TestHashThatWouldOpenTheGuestIsRefused(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	before := snapshot(t, dir)
	for _, bad := range []string{"", "a:b", "x\nghost::0:0:::", "a\x00"} {
		if changed, err := r.SetPassword([]string{"root"}, bad, 1); changed || err == nil {
			t.Errorf("hash %q was accepted", bad)
		}
	}
	if _, err := r.SetPassword([]string{"root:x"}, hash, 1); err == nil {
		t.Error("user name with a colon was accepted")
	}
	same(t, dir, before, "a bad hash changed the guest")
}
