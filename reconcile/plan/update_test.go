package plan_test

import (
	"net/netip"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// changed is a scene in which "web" ran as declared before the edits were made to the tree.
func changed(edits ...edit) *scene {
	s := onHost(template("base")).has(template("base")).both(declare("web"))
	for _, e := range edits {
		e(&s.in.Desired[1])
	}
	return s
}

func TestChangesOfTheDeclaration(t *testing.T) {
	t.Parallel()
	set := func(f func(*plan.Desired)) *scene { return changed(f) }
	run(t, []scenario{
		{"nothing changed", changed(), `= 1`},
		{"memory is changed live", changed(memory(1 << 30)), `web: configure(changed)`},
		{"autostart is only written", set(func(d *plan.Desired) { d.Autostart = false }),
			`web: configure(changed)`},
		{"cpuset", set(func(d *plan.Desired) { d.CPUSet = "0" }), `web: configure(changed)`},
		{"cpushare", set(func(d *plan.Desired) { d.CPUShare = 2 }), `web: configure(changed)`},
		{"a new address is set, awaited, and told to the guest",
			set(func(d *plan.Desired) { d.IP = netip.MustParseAddr("10.5.9.9") }),
			`web: configure(changed) address dns`},
		{"a new prefix length is a new address",
			set(func(d *plan.Desired) { d.PrefixLen = 24 }), `web: configure(changed) address dns`},
		{"a new gateway needs no new names",
			set(func(d *plan.Desired) { d.Gateway = netip.MustParseAddr("10.5.0.2") }),
			`web: configure(changed) address`},
		{"domains are only names", set(func(d *plan.Desired) {
			d.Domains = []string{"web", "www"}
		}), `web: dns(changed)`},
		{"name servers", set(func(d *plan.Desired) { d.DNSServers = nil }), `web: dns(changed)`},
		{"a second name server", set(func(d *plan.Desired) {
			d.DNSServers = append(d.DNSServers, netip.MustParseAddr("10.5.0.2"))
		}), `web: dns(changed)`},
		{"search domains", set(func(d *plan.Desired) { d.SearchDomains = []string{"lan"} }),
			`web: dns(changed)`},
		{"password", set(func(d *plan.Desired) { d.PasswordTag = "other" }),
			`web: password(changed)`},
		{"users get the password too", set(func(d *plan.Desired) { d.Users = []string{"joe", "root"} }),
			`web: password(changed)`},
		{"a password that is declared no more stays in the guest",
			set(func(d *plan.Desired) { d.PasswordTag = "" }), `web: note(changed)`},
	})
}

func TestChangesThatNeedARestart(t *testing.T) {
	t.Parallel()
	set := func(f func(*plan.Desired)) *scene { return changed(f) }
	run(t, []scenario{
		{"a MAC needs a restart", set(func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" }),
			`web: stop(changed) configure(changed) start address`},
		{"a bridge needs a restart", set(func(d *plan.Desired) { d.Bridge = "br1" }),
			`web: stop(changed) configure(changed) start address`},
		{"a bridge that does not exist does not stop the container",
			set(func(d *plan.Desired) { d.Bridge = "br9" }), `web! bridge configure failed`},
		{"a raw line needs a restart", changed(conf("lxc.tty.max=4")),
			`web: stop(changed) configure(changed) start address`},
		{"live and restart and once together are one restart", changed(memory(1<<30),
			conf("lxc.tty.max=4"), func(d *plan.Desired) { d.PasswordTag = "other" }),
			`web: stop(changed) configure(changed) start password(changed) address`},
		{"shall not run any more", changed(stopped), `web: stop(changed)`},
		{"shall not run any more, and is changed", changed(stopped, memory(1<<30)),
			`web: stop(changed) configure(changed)`},
		{"the name of a network is only recorded", set(func(d *plan.Desired) {
			n := network()
			n.Name = "dmz"
			d.Network = n
		}), `web: note(changed)`},
		{"protection is only recorded", changed(protect), `web: note(changed)`},
		{"a key that we do not act on may be unknown", set(func(d *plan.Desired) {
			d.Unknown = []string{"ports"}
		}), `= 1`},
		{"an address that will only be known in the run is planned",
			set(func(d *plan.Desired) { d.IP, d.Unknown = netip.Addr{}, []string{"ip"} }),
			`web: configure(changed) address dns`},
	})
}

func TestRestartChangeOfAStoppedContainer(t *testing.T) {
	t.Parallel()
	s := onHost(template("base")).has(template("base")).both(declare("web", stopped))
	s.in.Desired[1].MAC = "00:16:3e:00:00:01"
	expect(t, "it is not started for a change", text(plan.Compute(s.Input)),
		`web: configure(changed)`)
	s.in.Desired[1].Running = true
	expect(t, "it is changed before it starts", text(plan.Compute(s.Input)),
		`web: configure(changed) start(not_running) address`)
}

func TestAStoppedContainerWhoseBridgeIsGoneIsNotStarted(t *testing.T) {
	t.Parallel()
	s := changed()
	s.in.Actual.Bridges = nil
	expect(t, "a running container does not mind", text(plan.Compute(s.Input)), `= 1`)
	stop(s.got("web"))
	expect(t, "the missing bridge is named instead of a failing start",
		text(plan.Compute(s.Input)), `web! bridge configure failed`)
}

func TestReaderOfAChangeSeesOldAndNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, got, want string }{
		{"live and once", changesText(plan.Compute(changed(memory(1<<30), func(d *plan.Desired) {
			d.IP, d.PasswordTag = netip.MustParseAddr("10.5.9.9"), "other"
			d.Domains = []string{"web", "www"}
		}).Input), "web"), `
			configure ip: ` + declare("web").IP.String() + `/16 → 10.5.9.9/16 (live)
			configure memory: - → 1G (live)
			password password#: - → - (once)
			dns domains: web → web www (live)`},
		{"raw lines", changesText(plan.Compute(func() plan.Input {
			s := onHost(template("base")).both(declare("web", conf("lxc.a=1", "lxc.a=2", "lxc.b=x")))
			d := &s.in.Desired[1]
			d.LXCConf = nil
			conf("lxc.c=3", "lxc.a=1")(d)
			return s.Input
		}()), "web"), `
			configure lxc_conf.lxc.a: 1, 2 → 1 (restart)
			configure lxc_conf.lxc.b: x → - (restart)
			configure lxc_conf.lxc.c: - → 3 (restart)`},
		{"removed lines", changesText(plan.Compute(func() plan.Input {
			s := onHost(template("base")).both(declare("web"))
			s.got("web").Config.Raw = map[string][]string{"lxc.cap.drop": {"mknod"}}
			s.in.Desired[1].LXCConfUnset = []string{"lxc.cap."}
			return s.Input
		}()), "web"), `
			configure lxc_conf.lxc.cap.drop: mknod → - (restart)`},
		{"lines that hold inside", changesText(plan.Compute(func() plan.Input {
			s := onHost().both(declare("web", conf("lxc.tty.max=4"), func(d *plan.Desired) {
				d.LXCConfUnset = []string{"lxc.cap."}
			}))
			s.got("web").Live.Raw = map[string][]string{"lxc.tty.max": {"1"}, "lxc.cap.drop": {"x"}}
			return s.Input
		}()), "web"), `
			stop lxc_conf.lxc.tty.max~: 1 → 4 (restart)
			stop lxc_conf.lxc.cap.drop~: x → - (restart)`},
		{"values that hold inside", changesText(plan.Compute(func() plan.Input {
			s := onHost().both(declare("web", memory(1<<30)))
			s.got("web").Live.Memory, s.got("web").Addresses = 4096, []string{"10.5.7.7"}
			return s.Input
		}()), "web"), `
			configure ip~: 10.5.7.7 → ` + declare("web").IP.String() + `/16 (live)
			configure memory~: 4K → 1G (live)`},
		{"a stop", changesText(plan.Compute(changed(stopped).Input), "web"), `
			stop running: true → false (live)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, c.name, c.got, c.want)
		})
	}
}

func TestClassOfAStepIsItsMostDemandingChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		edit   edit
		action plan.Action
		class  spec.Class
	}{
		{memory(1 << 30), plan.Configure, spec.Live},
		{conf("lxc.tty.max=4"), plan.Configure, spec.Restart},
		{conf("lxc.tty.max=4"), plan.Stop, spec.Restart},
		{stopped, plan.Stop, spec.Live},
		{func(d *plan.Desired) { d.PasswordTag = "other" }, plan.Password, spec.Once},
	} {
		for _, s := range plan.Compute(changed(c.edit).Input).Steps {
			if s.Action == c.action && s.Class != c.class {
				t.Errorf("%s is said to be %q, but is %q", s.Action, s.Class, c.class)
			}
		}
	}
}

func TestRecreate(t *testing.T) {
	t.Parallel()
	image := func(d *plan.Desired) { d.FromContainer = "gold" }
	gold := template("gold")
	with := func(edits ...edit) *scene {
		s := changed(edits...)
		s.in.Desired = append(s.in.Desired, gold)
		return s
	}
	run(t, []scenario{
		{"data is not lost without a word", with(image), `
			web! recreate destroy`},
		{"the other changes happen anyway", with(image, memory(1<<30)), `
			web: configure(changed)
			web! recreate destroy`},
		{"with recreate: allow it is replaced", with(image, recreate), `
			gold: create(needed_by)
			web <gold: destroy(recreate) clone(recreate) ` + all},
		{"nothing is destroyed whose source is missing",
			changed(from("nothing"), recreate, memory(1<<30)), `
			web: configure(changed)
			web! source clone failed`},
		{"nothing is destroyed whose bridge is missing", with(image, recreate, func(d *plan.Desired) {
			d.Bridge = "br9"
		}), `
			web! bridge configure failed`},
		{"a protected container is not replaced", with(image, recreate, protect), `
			web: note(changed)
			web! protected destroy`},
		{"every setting of the creation counts", with(overlay), `
			web! recreate destroy`},
	})
	s := with(image, recreate)
	for _, step := range plan.Compute(s.Input).Steps {
		if step.Container == "web" && (step.UID != "uid-web" || step.Want.IP != declare("web").IP) {
			t.Errorf("the new web is another container: %+v", step)
		}
	}
	expect(t, "the replacement names what forces it", changesText(plan.Compute(s.Input), "web"), `
		destroy from_container: base → gold (recreate)
		clone from_container: - → gold (recreate)
		clone bridge: - → br0 (restart)
		clone ip: - → `+declare("web").IP.String()+`/16 (live)
		clone mac: - → `+declare("web").MAC+` (restart)
		clone password#: - → - (once)`)
}

func TestANoteDoesNotNameWhatIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	p := plan.Compute(changed(from("gold"), protect).Input)
	expect(t, "only the protection is recorded", text(p)+changesText(p, "web"), `
		web: note(changed)
		web! recreate destroy
		note protect: - → true (live)`)
	held := p.Steps[0].Want.Applied()
	if held["from_container"] != "base" || held["protect"] != "true" {
		t.Errorf("the record would hold %v", held)
	}
}

func TestUnknownValuesOfAContainerThatExists(t *testing.T) {
	t.Parallel()
	unknown := func(keys ...string) plan.Plan {
		return plan.Compute(changed(func(d *plan.Desired) {
			d.Unknown = keys
			d.IP, d.MAC = netip.Addr{}, ""
		}).Input)
	}
	p := unknown("ip", "mac")
	expect(t, "a new MAC needs a restart, whatever it will be", text(p), `
		web: stop(changed) configure(changed) start address dns`)
	expect(t, "the reader sees what goes and that the new is not known", changesText(p, "web"), `
		configure ip?: `+declare("web").IP.String()+`/16 → - (live)
		configure mac?: `+declare("web").MAC+` → - (restart)`)
}

// A blocked recreate must stay visible after the other changes were carried out and recorded.
func TestABlockedRecreateIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := changed(from("gold"), overlay, memory(1<<30))
	for range 3 {
		p := plan.Compute(s.Input)
		if len(p.Blocked) != 1 || p.Blocked[0].Code != plan.BlockedRecreate {
			t.Fatalf("the blocked change is gone: %s", text(p))
		}
		s.Input = mustApply(t, s.Input, p)
	}
	if p := plan.Compute(s.Input); len(p.Steps) != 0 {
		t.Errorf("the blocked container is changed again and again: %s", text(p))
	}
}
