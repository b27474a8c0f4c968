package plan_test

import (
	"net/netip"
	"testing"

	"reconciler/reconcile/plan"
)

// drifted is a scene in which somebody changed "web" on the host.
func drifted(f func(*plan.Observed)) *scene {
	s := onHost(template("base")).has(template("base")).both(declare("web", memory(512<<20),
		conf("lxc.tty.max=4", "lxc.mount.entry=a", "lxc.mount.entry=b")))
	f(s.got("web"))
	return s
}

func raw(lines ...string) map[string][]string {
	d := plan.Desired{}
	conf(lines...)(&d)
	return d.Config().Raw
}

func TestDrift(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"stopped by hand", drifted(stop), `web: start(not_running) address`},
		{"frozen by hand", drifted(func(o *plan.Observed) { o.State, o.Live = plan.Frozen, nil }),
			`web: start(not_running) address`},
		{"autostart edited by hand", drifted(func(o *plan.Observed) { o.Config.Autostart = false }),
			`web: configure(drift)`},
		{"a MAC edited in the file only needs no restart",
			drifted(func(o *plan.Observed) { o.Config.MAC = "00:16:3e:ff:ff:ff" }),
			`web: configure(drift)`},
		{"a bridge edited in the file only needs no restart",
			drifted(func(o *plan.Observed) { o.Config.Bridge = "br1" }), `web: configure(drift)`},
		{"a MAC that holds inside needs one", drifted(func(o *plan.Observed) {
			o.Config.MAC, o.Live.MAC = "00:16:3e:ff:ff:ff", "00:16:3e:ff:ff:ff"
		}), `web: stop(drift) configure(drift) start address`},
		{"a restart that was never done is done",
			drifted(func(o *plan.Observed) { o.Live.MAC = "00:16:3e:ff:ff:ff" }),
			`web: stop(drift) start address`},
		{"a file that differs while nothing is known of what holds needs a restart",
			drifted(func(o *plan.Observed) { o.Config.MAC, o.Live = "00:16:3e:ff:ff:ff", nil }),
			`web: stop(drift) configure(drift) start address`},
	})
}

func TestDriftOfAddressesAndLimits(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"an address edited in the file", drifted(func(o *plan.Observed) {
			o.Config.Address = netip.MustParsePrefix("10.5.7.7/16")
		}), `web: configure(drift) address`},
		{"an address taken away inside", drifted(func(o *plan.Observed) { o.Addresses = nil }),
			`web: configure(drift) address`},
		{"an address replaced by DHCP", drifted(func(o *plan.Observed) {
			o.Addresses = []string{"10.5.200.200", "not an address"}
		}), `web: configure(drift) address`},
		{"a gateway replaced inside", drifted(func(o *plan.Observed) {
			o.Live.Gateway = netip.MustParseAddr("10.5.0.254")
		}), `web: configure(drift) address`},
		{"a default route deleted inside", drifted(func(o *plan.Observed) {
			o.Live.Gateway = netip.Addr{}
		}), `web: configure(drift) address`},
		{"an address with another length inside", drifted(func(o *plan.Observed) {
			o.Live.Address = netip.PrefixFrom(o.Live.Address.Addr(), 24)
		}), `web: configure(drift) address`},
		{"a memory limit lifted inside", drifted(func(o *plan.Observed) { o.Live.Memory = 0 }),
			`web: configure(drift)`},
		{"a memory limit rounded by the kernel is none", drifted(func(o *plan.Observed) {
			o.Live.Memory -= 4095
		}), `= 1`},
	})
}

func TestDriftOfNamesAndRawLines(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"a host name edited by hand", drifted(func(o *plan.Observed) { o.Config.Hostname = "x" }),
			`web: configure(drift)`},
		{"a host name set by the guest is its own", drifted(func(o *plan.Observed) {
			o.Live.Hostname = "x"
		}), `= 1`},
		{"a raw line removed by hand", drifted(func(o *plan.Observed) {
			o.Config.Raw = raw("lxc.mount.entry=a", "lxc.mount.entry=b")
		}), `web: configure(drift)`},
		{"a raw list reordered by hand", drifted(func(o *plan.Observed) {
			o.Config.Raw = raw("lxc.tty.max=4", "lxc.mount.entry=b", "lxc.mount.entry=a")
		}), `web: configure(drift)`},
		{"a raw value that holds inside", drifted(func(o *plan.Observed) {
			o.Live.Raw = raw("lxc.tty.max=1", "lxc.mount.entry=a", "lxc.mount.entry=b")
		}), `web: stop(drift) start address`},
		{"raw values that came with the template are not ours", drifted(func(o *plan.Observed) {
			o.Config.Raw = raw("lxc.pty.max=1024", "lxc.tty.max=4", "lxc.mount.entry=0",
				"lxc.mount.entry=a", "lxc.mount.entry=b")
		}), `= 1`},
		{"live values that a host cannot tell are no drift", drifted(func(o *plan.Observed) {
			o.Live = &plan.Config{Memory: 512 << 20, Gateway: o.Live.Gateway}
		}), `= 1`},
		{"a MAC in capitals is the same", drifted(func(o *plan.Observed) {
			o.Config.MAC = "00:16:3E" + o.Config.MAC[8:]
		}), `= 1`},
	})
}

func TestDriftOfAContainerThatShallNotRun(t *testing.T) {
	t.Parallel()
	for _, state := range []plan.State{plan.Running, plan.Frozen, "starting"} {
		s := onHost().both(declare("web", stopped))
		start(s.got("web"))
		s.got("web").State = state
		expect(t, string(state), text(plan.Compute(s.Input)), `web: stop(drift)`)
	}
}

func TestChangeAndDriftTogetherAreBothNamed(t *testing.T) {
	t.Parallel()
	s := onHost().both(declare("web"))
	s.in.Desired[0].Memory = 1 << 30
	s.got("web").Config.Autostart = false
	p := plan.Compute(s.Input)
	expect(t, "one step", text(p), `web: configure(changed)`)
	const want = "the declaration changed: memory; changed on the host: autostart"
	if got := p.Steps[0].Reason.Text; got != want {
		t.Errorf("the reader is told %q, not %q", got, want)
	}
	expect(t, "the drift is marked", changesText(p, "web"), `
		configure autostart~: false → true (live)
		configure memory: - → 1G (live)`)
}

func TestCPUSetsAreComparedAsSets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		declared, file string
		same           bool
	}{
		{"0,1,2", "0-2", true}, {"2,0-1", "0-2", true}, {"0-1,1-3", "0-3", true},
		{"0,2", "0-2", false}, {"0", "", false}, {"", "0", false}, {"x", "y", false},
		{"0-x", "0-y", false}, {"x", "x", true},
	} {
		s := onHost().both(declare("web", func(d *plan.Desired) { d.CPUSet = c.declared }))
		s.got("web").Config.CPUSet = c.file
		if got := plan.Compute(s.Input).Empty(); got != c.same {
			t.Errorf("declared %q, found %q: taken for the same: %v", c.declared, c.file, got)
		}
	}
}

func TestWhatAnEarlierRunDidNotFinish(t *testing.T) {
	t.Parallel()
	left := func(f func(*plan.Owned, *plan.Observed)) *scene {
		s := onHost(template("base")).has(template("base")).both(declare("web"))
		s.own("web").Intent = "configure"
		f(s.own("web"), s.got("web"))
		return s
	}
	run(t, []scenario{
		{"a finished container is only noted", left(func(*plan.Owned, *plan.Observed) {}),
			`web: note(unfinished)`},
		{"a created one gets everything that cannot be seen", left(
			func(w *plan.Owned, _ *plan.Observed) { w.Applied = nil }),
			`web: password(unfinished) address(unfinished) dns(unfinished)`},
		{"a created one is configured and started", left(func(w *plan.Owned, o *plan.Observed) {
			w.Applied = nil
			stop(o)
			o.Config = plan.Config{Hostname: "web"}
		}), `web: configure(unfinished) start(not_running) password(unfinished) ` +
			`address(unfinished) dns(unfinished)`},
		{"a password that was not set is set", left(func(w *plan.Owned, _ *plan.Observed) {
			delete(w.Applied, "password")
		}), `web: password(changed)`},
		{"made again after it had vanished: its password is new", left(
			func(w *plan.Owned, _ *plan.Observed) { w.Intent = "clone" }),
			`web: password(unfinished) address(unfinished) dns(unfinished)`},
		{"made again from another source: not a change of the source", left(
			func(w *plan.Owned, _ *plan.Observed) {
				w.Intent, w.Applied["from_container"] = "clone", "old"
			}),
			`web: password(unfinished) address(unfinished) dns(unfinished)`},
		{"being replaced, old or new: the change that asks for a new one still holds", left(
			func(w *plan.Owned, _ *plan.Observed) {
				w.Intent, w.Applied["from_container"] = "destroy", "old"
			}), `
			web: password(unfinished) address(unfinished) dns(unfinished)
			web! recreate destroy`},
		{"damaged while it was replaced: made again", left(func(w *plan.Owned, o *plan.Observed) {
			w.Intent, o.Damage = "destroy", "no lxc.rootfs.path"
		}), `web: destroy(unfinished) clone(unfinished) ` + all},
		{"half made, never finished: made again", left(func(w *plan.Owned, o *plan.Observed) {
			w.Intent, w.Applied, o.Damage = "clone", nil, "no lxc.rootfs.path"
			stop(o)
		}), `web: destroy(unfinished) clone(unfinished) ` + all},
		{"damaged after it was finished: left to a person", left(
			func(_ *plan.Owned, o *plan.Observed) { o.Damage = "no lxc.rootfs.path" }),
			`web! damaged start failed`},
		{"damaged without any work of ours: left to a person", left(
			func(w *plan.Owned, o *plan.Observed) { w.Intent, w.Applied, o.Damage = "", nil, "x" }),
			`web! damaged start failed`},
		{"half made but protected: left to a person", left(func(w *plan.Owned, o *plan.Observed) {
			w.Intent, w.Applied, w.Protect, o.Damage = "clone", nil, true, "x"
		}), `web! protected destroy`},
	})
}

// What our own work left when it failed is not what somebody changed on the host: a reader would
// look for a culprit.
func TestWhatAFailedChangeLeftIsNoDrift(t *testing.T) {
	t.Parallel()
	left := func(intent string, f func(*plan.Observed)) plan.Plan {
		s := onHost(template("base")).has(template("base")).both(declare("web"))
		s.own("web").Intent = intent
		f(s.got("web"))
		return plan.Compute(s.Input)
	}
	// The declaration that was begun with was taken back.
	wrote := func(o *plan.Observed) { o.Config.Memory = 1 << 30 }
	for _, tt := range []struct {
		name   string
		intent string
		found  func(*plan.Observed)
		drift  bool
		reason plan.Reason // of the first step
	}{
		{"what it wrote", "configure", wrote, false,
			plan.Reason{Code: plan.Unfinished, Text: "an earlier run did not finish it: memory"}},
		{"what it stopped", "stop", stop, false,
			plan.Reason{Code: plan.NotRunning, Text: "it is stopped and shall run"}},
		{"a change by hand", "", wrote, true,
			plan.Reason{Code: plan.Drift, Text: "changed on the host: memory"}},
		{"a death", "", stop, true,
			plan.Reason{Code: plan.NotRunning, Text: "it is stopped and shall run"}},
	} {
		first := left(tt.intent, tt.found).Steps[0]
		if first.Reason != tt.reason || first.Changes[0].Drift != tt.drift {
			t.Errorf("%s: %+v, %+v", tt.name, first.Reason, first.Changes)
		}
	}
}

// That nobody has used a half-made container is a guess: more than a quarter of them wait for a
// word.
func TestTheGuardKeepsHalfMadeContainersToo(t *testing.T) {
	t.Parallel()
	s := onHost(template("base")).has(template("base")).both(declare("a"), declare("b"), declare("c"))
	for _, name := range []string{"a", "b", "c"} {
		s.own(name).Applied, s.own(name).Intent = nil, "clone"
		s.got(name).Damage = "no lxc.rootfs.path"
	}
	expect(t, "all are kept", text(plan.Compute(s.Input)),
		"a! guard destroy\nb! guard destroy\nc! guard destroy")
	s.Allow = []plan.Allowance{{Count: 3}}
	again := `destroy(unfinished) clone(unfinished) ` + all
	expect(t, "all are made again", text(plan.Compute(s.Input)),
		"a: "+again+"\nb: "+again+"\nc: "+again)
}
