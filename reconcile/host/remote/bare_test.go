package remote

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/host/hosttest"
	"reconciler/spec"
)

// bareServer is a machine whose loader does not find LXC before apt-get ran.
func bareServer(t *testing.T, containers ...string) (*server, Options) {
	t.Helper()
	s := newServer(t)
	s.program("ldd", "echo '	liblxc.so.1 => not found'")
	s.program("ls", "exit 0") // the directory of containers looks as if it were empty
	s.program("dpkg", `case $* in --print-architecture) echo amd64 ;;
		*) echo "$DEBIAN_FRONTEND dpkg $*" >>`+s.path("apt")+" ;; esac")
	s.program("apt-get", `echo "$DEBIAN_FRONTEND $*" >>`+s.path("apt")+"; cat >>"+s.path("apt"))
	fake := hosttest.New(hosttest.Config{Host: testHost, Installation: testInstallation})
	for _, name := range containers {
		fake.CreateByHand(name)
	}
	o := s.options(listen(t, fake))
	o.libraries, o.lxcNet = "/nonexistent/liblxc.so.1", s.path("lxc-net")
	return s, o
}

func reach(t *testing.T, o Options) *Bare {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	h, bare, err := Reach(ctx, o)
	if err != nil || h != nil {
		t.Fatalf("a host without LXC is taken for %v, %v", h, err)
	}
	t.Cleanup(func() { _ = bare.Close() })
	return bare
}

func TestHostWithoutLXCIsEmptyUntilItIsPrepared(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	b := reach(t, o)
	want := spec.Preparation{Sysctl: map[string]string{"net.ipv4.ip_forward": "1"}}
	actual, err := b.Observe(t.Context())
	if err != nil || actual.Host != testHost || len(actual.Containers) != 0 || actual.Known {
		t.Fatalf("observed %+v, %v", actual, err)
	}
	facts, changes, err := b.Check(t.Context(), &want)
	const packages = "package debootstrap, package iproute2, package lxc, package lxc-templates, " +
		"package openssl, package rsync, package uidmap, package wget, "
	got := strings.Replace(whatOf(changes), "package apparmor, ", "", 1) // the machine may have it
	if err != nil || got != packages+"sysctl net.ipv4.ip_forward" {
		t.Fatalf("it lacks %q, %v", whatOf(changes), err)
	}
	if facts.LXC != "" || facts.Memory == 0 || facts.CPUs == 0 || facts.DiskTotal == 0 ||
		facts.Kernel == "" || facts.Distribution == "" {
		t.Errorf("facts %+v", facts)
	}
	if _, err := os.Stat(s.path("apt")); err == nil {
		t.Error("to look changes the host")
	}
	unlock, err := b.Lock(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.Prepare(t.Context(), want)
	if err != nil || len(done) != 2 || !strings.Contains(done[0], "lxc") {
		t.Fatalf("done %q, %v", done, err)
	}
	const apt = "noninteractive dpkg --force-confdef --force-confold --configure -a\n" +
		"noninteractive -qy update\n" +
		"noninteractive -qy -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef " +
		"-o Dpkg::Options::=--force-confold --no-install-recommends install lxc\n"
	if got := s.read("apt"); got != apt {
		t.Errorf("apt-get is run as\n%s", got)
	}
	if facts, _, err := b.Check(t.Context(), nil); err != nil || facts.LXC == "" {
		t.Errorf("in the same pass it can do %+v, %v", facts, err)
	}
	checkLocked(t, o, true)
	if err := unlock(); err != nil {
		t.Error(err)
	}
	checkLocked(t, o, false)
	if done, err := b.Prepare(t.Context(), want); err != nil || len(done) != 0 {
		t.Errorf("the second time it does %q, %v", done, err)
	}
	if !b.Spent() {
		t.Error("a daemon keeps what does not tell when containers end")
	}
}

// The package of LXC comes with a bridge of its own, which would have the name or the addresses of
// a declared one: that would be refused for ever.
func TestBridgeOfLXCIsKeptOffDeclaredOnes(t *testing.T) {
	t.Parallel()
	for _, bridges := range [][]spec.PreparedBridge{nil, {{Name: "lxcbr0",
		Address: netip.MustParsePrefix("10.5.0.1/16"), NAT: true}}} {
		_, o := bareServer(t)
		b := reach(t, o)
		want := spec.Preparation{Bridges: bridges}
		_, changes, err := b.Check(t.Context(), &want)
		forwards := strings.Contains(whatOf(changes), "sysctl net.ipv4.ip_forward")
		if err != nil || forwards != (bridges != nil) {
			t.Errorf("it is told to change %q, %v", whatOf(changes), err)
		}
		if _, err := b.Prepare(t.Context(), want); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(o.lxcNet)
		if off := strings.Contains(string(text), "\nUSE_LXC_BRIDGE=false\n"); off != (bridges != nil) {
			t.Errorf("with bridges %v there is written %q, %v", bridges, text, err)
		}
	}
}

// What was planned for an empty host must not be done to one where somebody else has made
// containers since, or whose disk was not seen: and from then on it is not empty.
func TestHostThatIsNotAsEmptyAsItSeemed(t *testing.T) {
	t.Parallel()
	_, o := bareServer(t, "web1")
	b := reach(t, o)
	if _, err := b.Lock(t.Context(), "me"); err != nil {
		t.Fatal(err)
	}
	want := spec.Preparation{Sysctl: map[string]string{"net.ipv4.ip_forward": "1"}}
	done, err := b.Prepare(t.Context(), want)
	if err == nil || !strings.Contains(err.Error(), `it has "web1"`) || len(done) != 0 {
		t.Errorf("it is prepared: %q, %v", done, err)
	}
	if actual, err := b.Observe(t.Context()); err == nil {
		t.Errorf("it still counts as empty: %+v", actual)
	}
	if done, err := b.Prepare(t.Context(), want); err == nil {
		t.Errorf("the second time it does %q", done)
	}
	checkLocked(t, o, false)
}

// What a host without LXC looked like when it was reached says nothing of it days later.
func TestWhatIsSeenOfAHostWithoutLXCIsForOneVisit(t *testing.T) {
	t.Parallel()
	_, o := bareServer(t)
	b := reach(t, o)
	unlock, err := b.Lock(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	if b.Spent() {
		t.Error("it cannot even be looked at once")
	}
	if err := unlock(); err != nil || !b.Spent() {
		t.Errorf("it is taken to be empty for as long as the connection holds: %v", err)
	}
}

func TestDirectoryThatCannotBeReadIsNotEmpty(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	s.program("ls", "echo ls: reading directory: Input/output error >&2; exit 2")
	_, bare, err := Reach(t.Context(), o)
	if bare != nil || err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("it is taken for a host without containers: %v", err)
	}
}

// checkLocked asks over another connection, to a host that has LXC now.
func checkLocked(t *testing.T, o Options, want bool) {
	t.Helper()
	o.libraries = "/bin/sh"
	other := dial(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	if want {
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 100*1e6)
	}
	defer cancel()
	unlock, err := other.Lock(ctx, "other")
	if (err != nil) != want {
		t.Errorf("another writer: %v; locked shall be %v", err, want)
	}
	if err == nil {
		_ = unlock()
	}
}

func TestHostWithoutLXCThatNobodyPreparesSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, o := bareServer(t)
	_, err := Dial(t.Context(), o)
	const hint = "LXC is not installed there: declare prepare: {}"
	if err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("no hint: %v", err)
	}
}

func TestPackagesThatCannotBeInstalled(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	// To be without its mirrors is no error to apt-get update.
	s.program("apt-get", `case "$*" in *update)
		echo "Ign:1 http://mirror.example.org bookworm InRelease"
		echo "Err:1 http://mirror.example.org bookworm InRelease"
		echo "  Connection refused"; exit 0 ;; esac
		echo "Reading package lists..."
		echo "E: Unable to locate package lxc" >&2; exit 100`)
	b := reach(t, o)
	_, err := b.Prepare(t.Context(), spec.Preparation{})
	const want = `cannot install LXC on host "` + testHost + `": apt-get says there: Err:1 ` +
		"http://mirror.example.org bookworm InRelease; Connection refused; " +
		"E: Unable to locate package lxc"
	if err == nil || err.Error() != want {
		t.Errorf("people read\n%v, want\n%s", err, want)
	}
	if _, err := b.Observe(t.Context()); err == nil {
		t.Error("a connection that has ended shows an empty host")
	}
}

// A package manager that talks to a connection that is lost dies of it, and leaves packages half
// configured.
func TestPackagesAreInstalledWithoutTheConnection(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	s.program("apt-get", `case $* in *install*) ;; *) exit 0 ;; esac
		cd `+s.dir+`; touch begun; until [ -e lost ]; do sleep 0.01; done
		for i in 1 2 3 4 5 6 7 8 9; do echo "Setting up $i"; sleep 0.1; done
		touch installed`)
	b := reach(t, o)
	failed := make(chan error)
	go func() {
		_, err := b.Prepare(context.WithoutCancel(t.Context()), spec.Preparation{})
		failed <- err
	}()
	appears := func(name string) {
		t.Helper()
		for late := time.Now().Add(tolerance); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(s.path(name)); err == nil {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("the file %q never appears", name)
			}
		}
	}
	appears("begun")
	b.d.process.kill()
	if err := <-failed; err == nil {
		t.Error("nobody is told that the connection is lost")
	}
	s.write("lost", "")
	appears("installed")
}

func TestAptGetThatMayNotRun(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	s.program("apt-get", "echo 'sudo: a password is required' >&2; exit 1")
	_, err := reach(t, o).Prepare(t.Context(), spec.Preparation{})
	if err == nil || !strings.Contains(err.Error(), allowAll[:40]) {
		t.Errorf("nobody says what sudo must allow: %v", err)
	}
}

func TestHostWithoutLXCButWithContainersIsNotEmpty(t *testing.T) {
	t.Parallel()
	s, o := bareServer(t)
	s.program("ls", "echo web1")
	_, bare, err := Reach(t.Context(), o)
	const why = "LXC is missing there, but something"
	if bare != nil || err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("containers that are there are taken for none: %v", err)
	}
}

func TestDistributionsWithoutAptAreRefused(t *testing.T) {
	t.Parallel()
	d := &dialer{Options: Options{Target: testTarget()}}
	b, err := newBare(d, "kept=no apt=no id=fedora version=42 mem=1 cgroup=2 cpus=1 total=1 free=1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.changes(&spec.Preparation{Packages: []string{"rsync"}}) {
		if !strings.Contains(c.Refused, `"fedora 42"`) {
			t.Errorf("%s would be made on Fedora: %q", c.What, c.Refused)
		}
	}
}

// Packages bring their own directory of containers, not another one.
func TestDirectoryThatNoPackageBringsIsListed(t *testing.T) {
	t.Parallel()
	const said = "kept=no room=no apt=yes mem=1 cgroup=2 cpus=1 total=1 free=1"
	lxc := spec.Preparation{Directories: []spec.Directory{{Path: "/srv/lxc", Mode: 0o700}}}
	for _, c := range []struct {
		path, said string
		want       spec.Preparation
		times      int
	}{
		{"/srv/lxc", said, spec.Preparation{}, 1},
		{"/srv/lxc", said, lxc, 1},
		{"/srv/lxc", strings.Replace(said, "room=no", "room=yes", 1), spec.Preparation{}, 0},
		{"/var/lib/lxc", said, spec.Preparation{}, 0},
	} {
		d := &dialer{Options: Options{Target: Target{Host: testHost, LXCPath: c.path}}}
		b, err := newBare(d, c.said)
		if err != nil {
			t.Fatal(err)
		}
		if got := whatOf(b.changes(&c.want)); strings.Count(got, "directory ") != c.times {
			t.Errorf("lxcpath %s, %q: it lists %s", c.path, c.said, got)
		}
	}
}

func TestNonsenseAboutABareHostIsRefused(t *testing.T) {
	t.Parallel()
	const good = "kept=no apt=yes mem=1 cgroup=2 cpus=1 total=1 free=1"
	d := &dialer{Options: Options{Target: testTarget()}}
	if _, err := newBare(d, good); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"", "kept=no", strings.Replace(good, "mem=1", "mem=x", 1),
		strings.Replace(good, "free=1", "free=-1", 1), strings.Replace(good, "kept=no", "", 1),
		strings.Replace(good, "cpus=1", "cpus=99999999999999999999", 1)} {
		if b, err := newBare(d, said); err == nil {
			t.Errorf("%q is taken for %+v", said, b.facts)
		}
	}
}

func FuzzBare(f *testing.F) {
	f.Add("kept=no apt=yes id=debian version=12 kernel=6.1 mem=1 cgroup=2 cpus=1 bridges=,a,b " +
		"total=1 free=1")
	f.Add("kept=no mem== = a=b=c")
	f.Fuzz(func(t *testing.T, said string) {
		b, err := newBare(&dialer{Options: Options{Target: testTarget()}}, said)
		if err == nil && (b.kept || b.facts.Memory < 0 || b.facts.LXC != "") {
			t.Errorf("%q is taken for %+v", said, b)
		}
	})
}
