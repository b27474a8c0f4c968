//go:build linux

package guest_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"reconciler/reconcile/host/lxc/guest"
)

func TestHostname(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fs      files
		want    string
		changed bool
	}{
		"of the origin": {debian(), "web.foo.com\n", true},
		"missing":       {busybox(), "web.foo.com\n", true},
		"without a line end, as liblxc writes it": {
			files{"etc/hostname": "web.foo.com"}, "web.foo.com", false},
		"linked inside": {
			files{"etc/hostname": "-> /data/name", "data/name": "x"}, "web.foo.com\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, c.fs)
			changed, err := r.SetHostname("web.foo.com")
			if err != nil || changed != c.changed {
				t.Fatalf("changed %v, error %v", changed, err)
			}
			file := "etc/hostname"
			if _, linked := c.fs["data/name"]; linked {
				file = "data/name"
				if target, err := os.Readlink(filepath.Join(dir, "etc/hostname")); err != nil ||
					target != "/data/name" {
					t.Errorf("the guest's own link became %q, %v", target, err)
				}
			}
			content(t, dir, file, c.want)
		})
	}
}

func TestNamesThatBreakFilesAreRefused(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	before := snapshot(t, dir)
	for _, bad := range []string{"", "a b", "a\nb", "../x", "-x", "a/b", "é"} {
		if _, err := r.SetHostname(bad); err == nil {
			t.Errorf("host name %q was accepted", bad)
		}
		if _, err := r.SetHosts(guest.Hosts{Names: []string{"ok", bad}}); err == nil {
			t.Errorf("hosts entry %q was accepted", bad)
		}
		if _, err := r.OwnInterface(bad); err == nil {
			t.Errorf("interface %q was accepted", bad)
		}
		if _, err := r.SetResolver([]netip.Addr{netip.MustParseAddr("::1")}, []string{bad}); err == nil {
			t.Errorf("search domain %q was accepted", bad)
		}
	}
	if _, err := r.OwnInterface("sixteen-letters-"); err == nil {
		t.Error("an interface name that no kernel takes was accepted")
	}
	same(t, dir, before, "a bad name changed the guest")
}

func TestHosts(t *testing.T) {
	t.Parallel()
	const own = "# reconciler: begin\n10.5.0.9\tweb.foo.com web\n# reconciler: end\n"
	for name, c := range map[string]struct{ before, want string }{
		"Debian's template": {
			debian()["etc/hosts"],
			"127.0.0.1 localhost\n\n::1 ip6-localhost\n" + own,
		},
		"empty": {"", "127.0.0.1\tlocalhost\n" + own},
		"lines of the user around an old block": {
			"127.0.0.1 me localhost\n# reconciler: begin\n10.5.0.7 old\n# reconciler: end\n192.0.2.1 db\n",
			"127.0.0.1 me localhost\n" + own + "192.0.2.1 db\n",
		},
		"two blocks": {
			"127.0.0.1 localhost\n" + own + "192.0.2.1 db\n" + own,
			"127.0.0.1 localhost\n" + own + "192.0.2.1 db\n",
		},
		"lost end mark": {
			"127.0.0.1 localhost\n# reconciler: begin\n192.0.2.1 db",
			"127.0.0.1 localhost\n" + own + "192.0.2.1 db\n",
		},
		"lost end mark before a whole block": {
			"127.0.0.1 localhost\n# reconciler: begin\n192.0.2.1 db\n" + own,
			"127.0.0.1 localhost\n" + own + "192.0.2.1 db\n",
		},
		"localhost only in a comment": {
			"127.0.0.1 me # localhost\n", "127.0.0.1\tlocalhost\n127.0.0.1 me # localhost\n" + own,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, files{"etc/hosts": c.before})
			_, err := r.SetHosts(guest.Hosts{
				Address: netip.MustParseAddr("10.5.0.9"), Names: []string{"web.foo.com", "web"},
			})
			check(t, err)
			content(t, dir, "etc/hosts", c.want)
		})
	}
}

func TestHostsWithoutAnAddress(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	_, err := r.SetHosts(guest.Hosts{Names: []string{"web"}})
	check(t, err)
	want := "127.0.0.1 localhost\n\n::1 ip6-localhost\n" +
		"# reconciler: begin\n127.0.1.1\tweb\n# reconciler: end\n"
	content(t, dir, "etc/hosts", want)
	if changed, err := r.SetHosts(guest.Hosts{Names: []string{"web"}}); changed || err != nil {
		t.Errorf("second call: changed %v, error %v", changed, err)
	}
}

func TestHostsWithoutNamesTakesTheBlockOut(t *testing.T) {
	t.Parallel()
	r, dir := open(t, files{"etc/hosts": "127.0.0.1 localhost\n192.0.2.1 db\n"})
	before := "127.0.0.1 localhost\n192.0.2.1 db\n"
	_, err := r.SetHosts(guest.Hosts{Names: []string{"web"}})
	check(t, err)
	_, err = r.SetHosts(guest.Hosts{})
	check(t, err)
	content(t, dir, "etc/hosts", before)
}

func TestResolver(t *testing.T) {
	t.Parallel()
	servers := []netip.Addr{netip.MustParseAddr("10.5.0.1"), netip.MustParseAddr("2001:db8::1")}
	const head = "# reconciler: this file is made from the declaration of the container\n"
	const want = head + "search foo.com bar.com\nnameserver 10.5.0.1\nnameserver 2001:db8::1\n"
	for name, before := range map[string]string{
		"file": "nameserver 8.8.8.8\n", "link to systemd-resolved": debian()["etc/resolv.conf"],
		"link to a file of the guest": "-> /etc/mine", "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, files{"etc/resolv.conf": before, "etc/mine": "nameserver 1.1.1.1\n"})
			changed, err := r.SetResolver(servers, []string{"foo.com", "bar.com"})
			if err != nil || !changed {
				t.Fatalf("changed %v, error %v", changed, err)
			}
			content(t, dir, "etc/resolv.conf", want)
			content(t, dir, "etc/mine", "nameserver 1.1.1.1\n")
			info, err := os.Lstat(filepath.Join(dir, "etc/resolv.conf"))
			check(t, err)
			if !info.Mode().IsRegular() {
				t.Errorf("%v: the servers are gone when /run is", info.Mode())
			}
		})
	}
}

func TestResolverKeepsNetworkManagerAway(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	_, err := r.SetResolver([]netip.Addr{netip.MustParseAddr("10.5.0.1")}, nil)
	check(t, err)
	content(t, dir, "etc/NetworkManager/conf.d/99-reconciler-dns.conf",
		"# reconciler: this file is made from the declaration of the container\n"+
			"[main]\ndns=none\nrc-manager=unmanaged\n")
}

func TestNoServersDeclaredKeepsTheGuestsOwn(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	before := snapshot(t, dir)
	if changed, err := r.SetResolver(nil, []string{"foo.com"}); changed || err != nil {
		t.Errorf("changed %v, error %v", changed, err)
	}
	same(t, dir, before, "a guest without declared servers lost its own")
}
