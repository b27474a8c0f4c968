package plan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// leftTo is a scene in which somebody changed "web" on the host, whose drift is left as it is.
func leftTo(mode spec.Drift, f func(*plan.Observed), edits ...edit) *scene {
	s := drifted(f).drift(mode)
	for _, e := range edits {
		e(s.declared("web"))
	}
	return s
}

// heldText is what a reader learns of the drift of "web".
func heldText(p plan.Plan) string {
	var b strings.Builder
	for _, h := range p.Held {
		b.WriteString(h.Text + "\n")
		fake := plan.Plan{Steps: []plan.Step{{Container: "web", Action: "held", Changes: h.Changes}}}
		b.WriteString(changesText(fake, "web"))
	}
	return b.String()
}

// Drift alone, in both modes: nothing is done, and one of them tells.
func TestDriftThatIsLeft(t *testing.T) {
	t.Parallel()
	const changed = "changed on the host: "
	for _, c := range []struct {
		name string
		hand func(*plan.Observed)
		told string
	}{
		{"stopped by hand", stop, `
			it is stopped and shall run
			held running~: false → true (live)`},
		{"frozen by hand", func(o *plan.Observed) { o.State, o.Live = plan.Frozen, nil }, `
			it is frozen and shall run
			held running~: false → true (live)`},
		{"a file edited by hand", func(o *plan.Observed) { o.Config.Autostart = false },
			changed + "autostart\nheld autostart~: false → true (live)"},
		{"a MAC in the file and inside", func(o *plan.Observed) {
			o.Config.MAC, o.Live.MAC = "00:16:3e:ff:ff:fe", "00:16:3e:ff:ff:ff"
		}, changed + "mac\nheld mac~: 00:16:3e:ff:ff:fe → " + declare("web").MAC + " (restart)"},
		{"a MAC inside only", func(o *plan.Observed) { o.Live.MAC = "00:16:3e:ff:ff:ff" },
			changed + "mac\nheld mac~: 00:16:3e:ff:ff:ff → " + declare("web").MAC + " (restart)"},
		{"a limit inside", func(o *plan.Observed) { o.Live.Memory = 64 << 20 },
			changed + "memory\nheld memory~: 64M → 512M (live)"},
		{"an address inside", func(o *plan.Observed) { o.Addresses = []string{"10.5.9.9"} },
			changed + "ip\nheld ip~: 10.5.9.9 → " + declare("web").IP.String() + "/16 (live)"},
		{"a raw line", func(o *plan.Observed) {
			o.Config.Raw = raw("lxc.tty.max=1", "lxc.mount.entry=a", "lxc.mount.entry=b")
		}, changed + "lxc_conf\nheld lxc_conf.lxc.tty.max~: 1 → 4 (restart)"},
		{"a name in the file", func(o *plan.Observed) { o.Config.Hostname = "x" },
			changed + "hostname\nheld hostname~: x → web (restart)"},
		{"everything at once", func(o *plan.Observed) {
			stop(o)
			o.Config.Autostart, o.Config.Memory = false, 0
		}, "it is stopped and shall run; " + changed + `autostart, memory
			held autostart~: false → true (live)
			held running~: false → true (live)
			held memory~: - → 512M (live)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan.Compute(leftTo(spec.DriftReport, c.hand).Input)
			expect(t, "reported", text(p), "web= drift change")
			expect(t, "told", heldText(p), c.told)
			expect(t, "ignored", text(plan.Compute(leftTo(spec.DriftIgnore, c.hand).Input)), "= 1")
			if plan.Compute(drifted(c.hand).Input).Empty() {
				t.Error("this is no drift: the case shows nothing")
			}
		})
	}
}

func TestAVanishedContainerThatIsLeft(t *testing.T) {
	t.Parallel()
	for mode, want := range map[spec.Drift]string{spec.DriftCorrect: "web: clone(missing) " + all,
		spec.DriftReport: "web= drift create", spec.DriftIgnore: "= 1"} {
		s := leftTo(mode, stop).gone("web")
		expect(t, mode.String(), text(plan.Compute(s.Input)), want)
		s.declared("web").Memory = 1 << 30
		expect(t, mode.String()+", and declared otherwise", text(plan.Compute(s.Input)), want)
	}
	got := plan.Compute(leftTo(spec.DriftReport, stop).gone("web").Input).Held[0]
	if got.Text != "it was made before and has vanished from the host" || got.Changes != nil {
		t.Errorf("the reader is told %+v", got)
	}
}

// One that is not there and cannot be made is only reported: nobody asked to make it.
func TestAVanishedContainerThatCouldNotBeMade(t *testing.T) {
	t.Parallel()
	s := leftTo(spec.DriftIgnore, stop, func(d *plan.Desired) { d.Bridge = "br9" }).gone("web")
	expect(t, "ignored", text(plan.Compute(s.Input)), "= 1")
	s.drift(spec.DriftReport)
	expect(t, "reported", text(plan.Compute(s.Input)), "web= drift create")
	s.drift(spec.DriftCorrect)
	expect(t, "corrected", text(plan.Compute(s.Input)), "web! bridge configure failed")
}

// Changes of the declaration are carried out beside drift that is left. What a step corrects on its
// way is not left, and the step says so.
func TestChangesBesideDriftThatIsLeft(t *testing.T) {
	t.Parallel()
	more := memory(1 << 30)
	mac := func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" }
	users := func(d *plan.Desired) { d.Users = []string{"joe"} }
	names := func(d *plan.Desired) { d.Domains = []string{"web", "www"} }
	autostart := func(o *plan.Observed) { o.Config.Autostart = false }
	inside := func(o *plan.Observed) { o.Live.MAC = "00:16:3e:ff:ff:ff" }
	both := func(o *plan.Observed) { o.Config.MAC = "00:16:3e:ff:ff:ff"; inside(o) }
	for _, c := range []struct {
		name string
		hand func(*plan.Observed)
		now  edit
		want string // under report; ignore is the same without the line of what is held
	}{
		{"a written configuration corrects the file", autostart, more, "web: configure(changed)"},
		{"drift in the file and inside is half corrected, without a restart", both, more,
			"web: configure(changed)\nweb= drift change"},
		{"drift inside only is not", inside, more, "web: configure(changed)\nweb= drift change"},
		{"what changes on the running guest is corrected with the rest",
			func(o *plan.Observed) { o.Live.Memory = 64 << 20 },
			func(d *plan.Desired) { d.CPUShare = 512 }, "web: configure(changed)"},
		{"a restart corrects everything", autostart, mac,
			"web: stop(changed) configure(changed) start address"},
		{"a password is set, the file is left", autostart, users,
			"web: password(changed)\nweb= drift change"},
		{"names are told, a stopped guest stays stopped", stop, names,
			"web: dns(changed)\nweb= drift change"},
		{"a stopped guest gets its configuration and stays stopped", stop, more,
			"web: configure(changed)\nweb= drift change"},
		{"a stopped guest is not restarted for its new MAC", stop, mac,
			"web: configure(changed)\nweb= drift change"},
		{"a frozen guest is, since it would never see its new MAC",
			func(o *plan.Observed) { o.State, o.Live = plan.Frozen, nil }, mac,
			"web: stop(changed) configure(changed) start address"},
		{"a stopped guest is not waited for at its new address", stop,
			func(d *plan.Desired) { d.IP = d.IP.Next() },
			"web: configure(changed) dns\nweb= drift change"},
		{"a change that is there already is only noted", func(o *plan.Observed) {
			autostart(o)
			o.Config.Memory, o.Live.Memory = 1<<30, 1<<30
		}, more, "web: note(changed)\nweb= drift change"},
		{"protection is a matter of the record", autostart, protect,
			"web: note(changed)\nweb= drift change"},
		{"declared to stop: it is stopped, the file is left", autostart, stopped,
			"web: stop(changed)\nweb= drift change"},
		{"a change that is blocked", autostart, from("gold"), `
			web! recreate destroy
			web= drift change`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan.Compute(leftTo(spec.DriftReport, c.hand, c.now).Input)
			expect(t, "reported", text(p), c.want)
			ignored := strings.ReplaceAll(c.want, "web= drift change", "")
			if !strings.Contains(c.want, "web:") && !strings.Contains(c.want, "web!") {
				ignored = "= 1"
			}
			expect(t, "ignored", text(plan.Compute(leftTo(spec.DriftIgnore, c.hand, c.now).Input)), ignored)
		})
	}
}

// A step that corrects drift on its way says so, and what is left is told beside it.
func TestWhatIsToldOfDriftThatIsHalfCorrected(t *testing.T) {
	t.Parallel()
	p := plan.Compute(leftTo(spec.DriftReport, func(o *plan.Observed) {
		o.Config.MAC, o.Live.MAC = "00:16:3e:ff:ff:fe", "00:16:3e:ff:ff:ff"
		o.Config.Autostart = false
	}, memory(1<<30)).Input)
	mac := declare("web").MAC
	expect(t, "in the step", changesText(p, "web"), `
		configure mac~: 00:16:3e:ff:ff:fe → `+mac+` (restart)
		configure autostart~: false → true (live)
		configure memory: 512M → 1G (live)`)
	expect(t, "beside it", heldText(p), `
		changed on the host: mac
		held mac~: 00:16:3e:ff:ff:ff → `+mac+` (restart)`)
	const want = "the declaration changed: memory; changed on the host: mac, autostart"
	if got := p.Steps[0].Reason.Text; got != want {
		t.Errorf("the step says %q, not %q", got, want)
	}
}

// Starting a container with a drifted file would bring the drift to life.
func TestAContainerThatIsStartedIsMadeAsDeclared(t *testing.T) {
	t.Parallel()
	for _, mode := range []spec.Drift{spec.DriftReport, spec.DriftIgnore} {
		before := declare("web", stopped)
		s := onHost(template("base")).has(template("base")).both(before).drift(mode)
		s.got("web").Config.Address = netip.MustParsePrefix("10.5.250.1/16")
		s.declared("web").Running = true
		expect(t, mode.String(), text(plan.Compute(s.Input)),
			"web: configure(drift) start(not_running) address")
	}
}

func TestAContainerThatRunsAndShallNot(t *testing.T) {
	t.Parallel()
	s := onHost().both(declare("web", stopped)).drift(spec.DriftReport)
	start(s.got("web"))
	p := plan.Compute(s.Input)
	expect(t, "it goes on", text(p), "web= drift change")
	expect(t, "and is told", heldText(p), `
		it is running and shall be stopped
		held running~: true → false (live)`)
	s.declared("web").Memory = 1 << 30
	expect(t, "also with a change", text(plan.Compute(s.Input)),
		"web: configure(changed)\nweb= drift change")
}

// What an earlier run began is finished in every mode, and what is no drift is done.
func TestWhatIsNoDrift(t *testing.T) {
	t.Parallel()
	for _, mode := range []spec.Drift{spec.DriftReport, spec.DriftIgnore} {
		with := func(f func(*scene)) *scene {
			s := leftTo(mode, func(o *plan.Observed) { o.Config.Autostart = false })
			f(s)
			return s
		}
		run(t, []scenario{
			{"an intent", with(func(s *scene) { s.own("web").Intent = "configure" }),
				"web: configure(unfinished)"},
			{"an empty record", with(func(s *scene) { s.own("web").Applied = nil }),
				"web: configure(unfinished) password(unfinished) address(unfinished) dns(unfinished)"},
			{"an empty record, and a name that none would hold", with(func(s *scene) {
				s.own("web").Applied = nil
				s.got("web").Config.Autostart, s.got("web").Config.Hostname = true, "x"
			}), "web: configure(unfinished) password(unfinished) address(unfinished) dns(unfinished)"},
			{"gone while it was made", with(func(s *scene) {
				s.own("web").Intent = "clone"
				s.gone("web")
			}), "web: clone(unfinished) " + all},
			{"gone while it was changed", with(func(s *scene) {
				s.own("web").Intent = "configure"
				s.gone("web")
			}), "web: clone(missing) " + all},
			{"never made", with(func(s *scene) { s.gone("web").in.Owned = s.in.Owned[:1] }),
				"web: clone(declared) " + all},
			{"an orphan", with(func(s *scene) { s.in.Desired = s.in.Desired[:1] }),
				"web: destroy(not_declared)"},
		})
	}
}

// Neither setting is carried out on a container: a change of them alone is nothing to do.
func TestAChangeOfDriftOrWindowsIsNothingToDo(t *testing.T) {
	t.Parallel()
	for _, mode := range []spec.Drift{spec.DriftCorrect, spec.DriftReport, spec.DriftIgnore} {
		s := changed(func(d *plan.Desired) { d.Drift, d.Windows = mode, []spec.Window{{}} })
		expect(t, mode.String(), text(plan.Compute(s.Input)), "= 1")
		for key := range s.in.Desired[1].Applied() {
			if slices.Contains([]string{"drift", "windows"}, key) {
				t.Errorf("the record would hold %s, and a change of it would be work", key)
			}
		}
	}
}

// Containers that need what drift took from them wait: nothing is a fault.
func TestWhatNeedsAContainerWhoseDriftIsLeft(t *testing.T) {
	t.Parallel()
	for mode, told := range map[spec.Drift]string{spec.DriftReport: "gold= drift change\n",
		spec.DriftIgnore: ""} {
		unchanged := ""
		if mode == spec.DriftIgnore {
			unchanged = "= 1"
		}
		gold := func(f func(*scene)) *scene {
			s := onHost(template("base"), declare("web", from("gold"))).has(template("base")).
				both(declare("gold", stopped)).drift(mode)
			f(s)
			return s
		}
		run(t, []scenario{
			{"a source that somebody started", gold(func(s *scene) { start(s.got("gold")) }),
				told + "web= needs create\n" + unchanged},
			{"a source that vanished", gold(func(s *scene) { s.gone("gold") }),
				strings.Replace(told, "change", "create", 1) + "web= needs create\n" + unchanged},
			{"a source that is declared to stop now", gold(func(s *scene) {
				start(s.got("gold"))
				s.got("gold").Config.Autostart = false
				s.own("gold").Applied["running"] = "true"
			}), "gold: stop(changed)\nweb <gold: clone(declared) " + all + "\n" + told},
			{"a source that vanished and is declared to run", gold(func(s *scene) {
				s.declared("gold").Running = true
				s.gone("gold")
			}), "web! source clone failed\n" + strings.Replace(told, "change", "create", 1) + unchanged},
			{"an address that is left for another one", gold(func(s *scene) {
				s.got("gold").Config.Address = netip.PrefixFrom(s.declared("web").IP, 16)
				s.declared("web").FromContainer = "base"
				s.own("gold").Applied["ip"] = s.got("gold").Config.Address.String()
				start(s.got("gold"))
			}), "gold: configure(changed) dns\nweb <gold: clone(declared) " + all + "\n" + told},
			{"a source that differs can be cloned",
				gold(func(s *scene) { s.got("gold").Config.Autostart = false }),
				"web: clone(declared) " + all + "\n" + told + unchanged},
			{"an address that somebody moved to", gold(func(s *scene) {
				s.declared("web").FromContainer = "base"
				s.got("gold").Config.Address = netip.PrefixFrom(s.declared("web").IP, 16)
			}), told + "web= needs create\n" + unchanged},
		})
	}
	s := onHost(template("base"), declare("web", from("gold"))).both(declare("gold", stopped))
	start(s.drift(spec.DriftIgnore).got("gold"))
	if got := plan.Compute(s.Input).Held[0].Text; got != `its source "gold" is held (drift)` {
		t.Errorf("the reader is told %q", got)
	}
}

// A hold defers changes; drift is told beside it.
func TestDriftOfAHeldContainer(t *testing.T) {
	t.Parallel()
	autostart := func(o *plan.Observed) { o.Config.Autostart = false }
	users := func(d *plan.Desired) { d.Users = []string{"joe"} }
	run(t, []scenario{
		{"corrected when the hold ends", leftTo(spec.DriftCorrect, autostart).hold("window"),
			"web= window change"},
		{"reported", leftTo(spec.DriftReport, autostart).hold("window"), "web= drift change"},
		{"ignored", leftTo(spec.DriftIgnore, autostart).hold("window"), "= 1"},
		{"beside a change", leftTo(spec.DriftReport, autostart, users).hold("window"), `
			web= drift change
			web= window change`},
		{"a change that corrects it", leftTo(spec.DriftReport, autostart, memory(1<<30)).hold("window"),
			"web= window change"},
		{"a replacement that ends it",
			leftTo(spec.DriftReport, autostart, from("gold"), recreate).with(template("gold")).
				hold("window web"),
			"web= window replace"},
	})
}
