package hosttest

import (
	"errors"
	"flag"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// wanted declares a clone of the base.
func wanted(name, ip string) *plan.Desired {
	return &plan.Desired{
		UID: "uid-" + name,
		Container: spec.Container{Host: testHost, Name: name, Settings: spec.Settings{
			FromContainer: "base", Backing: "overlayfs", Bridge: "br0",
			IP: netip.MustParseAddr(ip), PrefixLen: 24, Gateway: netip.MustParseAddr("10.9.0.1"),
			MAC: "00:16:3e:00:00:01", Domains: []string{name, name + ".example.org"},
			DNSServers:    []netip.Addr{netip.MustParseAddr("192.0.2.53")},
			SearchDomains: []string{"example.org"}, Users: []string{"root"},
			LXCConf: []spec.ConfItem{{Key: "lxc.environment", Value: "A=1"}},
			Memory:  64 << 20, CPUSet: "0-1", CPUShare: 512, Autostart: true,
		}},
	}
}

// make carries out steps that must succeed.
func (f *Fake) make(t *testing.T, w *plan.Desired, actions ...plan.Action) {
	t.Helper()
	for _, a := range actions {
		secrets := execute.Secrets{PasswordHash: "$6$hash"}
		if _, err := f.Do(t.Context(), step(w, a), secrets); err != nil {
			t.Fatalf("%s of %s: %v", a, w.Name, err)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the host prints differently than %s says:\n%s", path, got)
	}
}

func TestStringShowsEverythingOfAHost(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, newSteps()...)
	f.CopyByHand("web", "copy")
	f.DamageByHand("copy")
	tmpl := wanted("busy", "10.9.0.3")
	tmpl.Image, tmpl.Backing = "busybox", "dir"
	f.make(t, tmpl, plan.Create)
	f.Crash("db", plan.Clone, LeftStaging)
	if _, err := f.Do(t.Context(), step(wanted("db", "10.9.0.4"), plan.Clone),
		execute.Secrets{}); !errors.Is(err, ErrCrashed) {
		t.Fatalf("the crash does not show: %v", err)
	}
	golden(t, "host.txt", f.String())
	if strings.Contains(f.String(), "$6$") {
		t.Error("a golden file would hold a password hash")
	}
}

func TestStringDoesNotDependOnTheOrderOfWork(t *testing.T) {
	t.Parallel()
	print := func(names ...string) string {
		f := newFake()
		var all sync.WaitGroup
		for _, name := range names {
			all.Go(func() { f.make(t, wanted(name, "10.9.0.2"), newSteps()...) })
		}
		all.Wait()
		return f.String()
	}
	if a, b := print("a", "b", "c", "d"), print("d", "c", "b", "a"); a != b {
		t.Errorf("two runs of the same work print differently:\n%s\n%s", a, b)
	}
}

func TestWritesCountOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	for _, a := range newSteps() {
		before := f.Writes()
		f.make(t, web, a)
		if writes := f.Writes() - before; (writes == 0) != (a == plan.Address) {
			t.Errorf("the first %s counts %d writes", a, writes)
		}
	}
	before := f.Writes()
	f.make(t, web, newSteps()...)
	if _, err := f.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.Writes() != before {
		t.Error("doing it again counts as writing: no test could prove a no-op")
	}
}

func TestObservationIsACopy(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.make(t, wanted("web", "10.9.0.2"), newSteps()...)
	before := f.String()
	a, err := f.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web := &a.Containers[1]
	web.Mark.UID, web.Live.Memory = "stolen", 1
	web.Config.Raw["lxc.environment"][0] = "A=2"
	web.Live.Raw["lxc.environment"][0] = "A=3"
	if g, _ := f.Guest("web"); g.Shadow["root"] != "$6$hash" {
		t.Error("the password is not in the guest")
	} else {
		g.Shadow["root"] = ""
	}
	f.same(t, before, "who edits an observation edits the host")
}

func (f *Fake) same(t *testing.T, before, loss string) {
	t.Helper()
	if after := f.String(); after != before {
		t.Errorf("%s:\n%s", loss, after)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ghost, other := wanted("ghost", "10.9.0.9"), wanted("web", "10.9.0.2")
	other.Host = "elsewhere"
	image := wanted("new", "10.9.0.3")
	image.Image = "plan9"
	nobody, clone := wanted("new", "10.9.0.3"), wanted("new", "10.9.0.3")
	nobody.UID = ""
	web := wanted("web", "10.9.0.2")
	undeclared := step(web, plan.Configure)
	undeclared.Want = nil
	cases := map[string]struct {
		step plan.Step
		word string
	}{
		"a container that is not there": {step(ghost, plan.Configure), "does not exist"},
		"a step of another host":        {step(other, plan.Start), "elsewhere"},
		"an unknown image":              {step(image, plan.Create), "plan9"},
		"a container without uid":       {step(nobody, plan.Clone), "no uid"},
		"a note":                        {step(web, plan.Note), "not for a host"},
		"a password that is not given":  {step(web, plan.Password), "no password"},
		"a step that wants nothing":     {undeclared, "what is wanted"},
		"a damaged source":              {withSource(clone, "broken"), "broken"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.make(t, wanted("web", "10.9.0.2"), plan.Clone)
			f.CopyByHand("base", "broken")
			f.DamageByHand("broken")
			before := f.String()
			_, err := f.Do(t.Context(), c.step, execute.Secrets{})
			if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("the refusal must be permanent and say %q: %v", c.word, err)
			}
			f.same(t, before, "a refused step changed the host")
		})
	}
}

func withSource(w *plan.Desired, source string) plan.Step {
	w.FromContainer = source
	return step(w, plan.Clone)
}

func TestStartNeedsTheBridge(t *testing.T) {
	t.Parallel()
	f := newFake()
	web := wanted("web", "10.9.0.2")
	f.make(t, web, plan.Clone, plan.Configure)
	f.RemoveBridge("br0")
	_, err := f.Do(t.Context(), step(web, plan.Start), execute.Secrets{})
	if err == nil || errors.Is(err, execute.ErrPermanent) {
		t.Fatalf("a bridge may come: trying again is right, this says %v", err)
	}
	f.AddBridge("br0")
	f.make(t, web, plan.Start)
}

func TestRawLines(t *testing.T) {
	t.Parallel()
	const mount, env = "lxc.mount.entry", "lxc.environment"
	source := map[string][]string{mount: {"/srv"}, env: {"S=0"}}
	conf := func(pairs ...string) (items []spec.ConfItem) {
		for i := 0; i < len(pairs); i += 2 {
			items = append(items, spec.ConfItem{Key: pairs[i], Value: pairs[i+1]})
		}
		return items
	}
	cases := map[string]struct {
		first, then []spec.ConfItem
		unset       []string
		want        map[string][]string
	}{
		"what the source had stays": {nil, nil, nil, source},
		"what is declared comes after it": {nil, conf(env, "B=2", env, "A=1"), nil,
			map[string][]string{mount: {"/srv"}, env: {"S=0", "B=2", "A=1"}}},
		"what is declared no longer goes": {conf(env, "A=1", "lxc.tty.max", "2"), nil, nil, source},
		"what changed is replaced": {conf(env, "A=1"), conf(env, "A=2"), nil,
			map[string][]string{mount: {"/srv"}, env: {"S=0", "A=2"}}},
		"an entry unsets the keys that begin with it": {nil, nil, []string{"lxc.mount"},
			map[string][]string{env: {"S=0"}}},
		"what is declared is not unset": {nil, conf(env, "A=1"), []string{"lxc."},
			map[string][]string{env: {"S=0", "A=1"}}},
		"all can go": {conf(env, "A=1"), nil, []string{"lxc."}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.EditConfig("base", func(p *plan.Config) { p.Raw = maps.Clone(source) })
			web := wanted("web", "10.9.0.2")
			web.LXCConf = c.first
			f.make(t, web, plan.Clone, plan.Configure)
			web.LXCConf, web.LXCConfUnset = c.then, c.unset
			for range 2 {
				f.make(t, web, plan.Configure)
				if raw := f.lookAt(t, "web").Config.Raw; !reflect.DeepEqual(raw, c.want) {
					t.Errorf("the file says %v, want %v", raw, c.want)
				}
			}
			if raw := f.lookAt(t, "base").Config.Raw; !reflect.DeepEqual(raw, source) {
				t.Errorf("the source changed: %v", raw)
			}
		})
	}
}

func TestASnapshotOfASnapshotHasTheSameLowerLayer(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.make(t, wanted("first", "10.9.0.2"), plan.Clone)
	second := wanted("second", "10.9.0.3")
	second.FromContainer = "first"
	f.make(t, second, plan.Clone)
	if lower := f.lookAt(t, "second").Lower; lower != "base" {
		t.Errorf("it is a snapshot of %q, with liblxc it is one of base", lower)
	}
	f.make(t, wanted("first", "10.9.0.2"), plan.Destroy)
	if damage := f.lookAt(t, "second").Damage; damage != "" {
		t.Errorf("it needs nothing of the first, and is damaged: %s", damage)
	}
}
