package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

type rolling struct {
	name string
	f    *convoy
	want string
}

func runRolling(t *testing.T, tests []rolling) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, tt.name, rollouts(plan.Compute(tt.f.Input)), tt.want)
		})
	}
}

func canary(n int) spec.Group { return spec.Group{Canary: n} }

func TestWaves(t *testing.T) {
	t.Parallel()
	reversed := newConvoy(3, canary(1)).change()
	slices.Reverse(reversed.Groups[0].Hosts)
	two := newConvoy(3, canary(1)).change()
	two.Groups = append(two.Groups, spec.Group{Name: "api", Hosts: []string{"h3"}})
	two.Groups[0].Hosts = []string{"h1", "h2"}
	free := newConvoy(3, canary(1)).change()
	free.Groups[0].Hosts = []string{"h2", "h3"}
	runRolling(t, []rolling{
		{"nothing to do", newConvoy(3, canary(1)), ""},
		{"a canary, then the rest", newConvoy(3, canary(1)).change(),
			configured("h1", "h2", "h3") + "web: canary h1 | rest h2 h3"},
		{"two canaries", newConvoy(3, canary(2)).change(),
			configured("h1", "h2", "h3") + "web: canary h1 h2 | rest h3"},
		{"more canaries than hosts", newConvoy(2, canary(5)).change(),
			configured("h1", "h2") + "web: canary h1 h2"},
		{"no canary", newConvoy(2, canary(0)).change(), configured("h1", "h2") + "web: rest h1 h2"},
		{"a change of other hosts has a canary too", newConvoy(4, canary(1)).change(2, 4),
			configured("h2", "h4") + "web: canary h2 | rest h4"},
		{"the order is that of the group", reversed,
			configured("h1", "h2", "h3") + "web: canary h3 | rest h2 h1"},
		{"two groups", two, configured("h1", "h2") + "h3/web: configure [api]\n" +
			"api: rest h3\nweb: canary h1 | rest h2"},
		{"a host in no group waits for nobody", free, "h1/web: configure\n" +
			configured("h2", "h3") + "web: canary h2 | rest h3"},
	})
}

func TestNumbersOfARollout(t *testing.T) {
	t.Parallel()
	f := newConvoy(2, spec.Group{Canary: 1, MaxParallel: 3, MaxFailures: 2,
		Position: spec.Position{File: "a.yaml", Line: 7}}).change()
	r := plan.Compute(f.Input).Rollouts[0]
	if r.MaxParallel != 3 || r.MaxFailures != 2 || r.Position.Line != 7 {
		t.Errorf("the numbers of the group are lost: %+v", r)
	}
}

// What brings a new declaration to a host waits for its turn. What puts back what was there
// before must not: a container that died would stay down until a canary of something else is well.
func TestWhatWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	one := func() *convoy { return newConvoy(1, canary(1)) }
	undeclared := one()
	undeclared.Hosts[0].Desired = undeclared.Hosts[0].Desired[:1]
	vanished, renewed := one(), one().change()
	vanished.Hosts[0].Actual.Containers = vanished.Hosts[0].Actual.Containers[:1]
	renewed.Hosts[0].Actual.Containers = renewed.Hosts[0].Actual.Containers[:1]
	drifted := one()
	drifted.observed(1, "web").Config.Autostart = false
	unfinished := one()
	unfinished.owned(1, "web").Applied = nil
	off := one()
	stopped(off.desired(1, "web"))
	on := one().has(1, declare("job", stopped))
	on.desired(1, "job").Running = true
	forgotten := one()
	old := record(declare("old"))
	old.Host = "h1"
	forgotten.Hosts[0].Owned = append(forgotten.Hosts[0].Owned, old)
	noted := one()
	noted.desired(1, "web").Protect = spec.On
	again := one()
	again.desired(1, "web").Recreate, again.desired(1, "web").FromContainer = true, "web2"
	again.has(1, declare("web2", stopped))
	const web = "\nweb: canary h1"
	made := "clone configure start password address dns"
	runRolling(t, []rolling{
		{"a change", one().change(), "h1/web: configure [web]" + web},
		{"a new container", one().wants(1, declare("new")), "h1/new: " + made + " [web]" + web},
		{"one that is replaced", again, "h1/web: destroy " + made + " [web]" + web},
		{"one that goes", undeclared, "h1/web: destroy [web]" + web},
		{"one that is not finished", unfinished, "h1/web: password address dns [web]" + web},
		{"one that shall not run any more", off, "h1/web: stop [web]" + web},
		{"one that shall run now", on, "h1/job: start address [web]" + web},
		{"one that vanished", vanished, "h1/web: " + made},
		{"one that vanished, declared anew", renewed, "h1/web: " + made + " [web]" + web},
		{"one that died", one().died(1), "h1/web: start address"},
		{"one that died, declared anew", one().died(1).change(),
			"h1/web: configure start address [web]" + web},
		{"one that was changed by hand", drifted, "h1/web: configure"},
		{"a record that goes", forgotten, "h1/old: forget"},
		{"a record that changes", noted, "h1/web: note"},
	})
}

func TestTemplatesWaitWithThoseThatNeedThem(t *testing.T) {
	t.Parallel()
	const made = "configure start password address dns"
	fresh := func() *convoy {
		f := newConvoy(1, canary(1))
		f.Hosts[0] = plan.HostInput{Host: "h1", Actual: f.Hosts[0].Actual}
		f.Hosts[0].Actual.Containers = nil
		return f.wants(1, template("base"), declare("web"))
	}
	lost := fresh()
	lost.Hosts[0].Owned = []plan.Owned{record(*lost.desired(1, "web"))}
	both := fresh().wants(1, declare("new"))
	both.Hosts[0].Owned = []plan.Owned{record(*both.desired(1, "web"))}
	source := fresh().wants(1, declare("gold", stopped))
	source.desired(1, "web").FromContainer = "gold"
	source.Hosts[0].Owned = []plan.Owned{record(*source.desired(1, "web"))}
	runRolling(t, []rolling{
		{"a new container", fresh(), "h1/base: create [web]\nh1/web: clone " + made +
			" [web]\nweb: canary h1"},
		{"one that vanished", lost, "h1/base: create\nh1/web: clone " + made},
		{"both", both, "h1/base: create\nh1/new: clone " + made + " [web]\nh1/web: clone " + made +
			"\nweb: canary h1"},
		{"what needs a new container waits with it", source, "h1/base: create [web]\n" +
			"h1/gold: clone configure password dns [web]\nh1/web: clone " + made +
			" [web]\nweb: canary h1"},
	})
}

func TestAFailedHostStopsTheRollout(t *testing.T) {
	t.Parallel()
	budget := func(n int) spec.Group { return spec.Group{MaxFailures: n} }
	held := func(hosts ...string) string {
		var b strings.Builder
		for _, h := range hosts {
			b.WriteString(h + "/web= rollout\n")
		}
		return b.String()
	}
	failed := func(n int, g spec.Group) *convoy {
		return newConvoy(3, g).change().failed(n).hold(n, plan.HeldBackoff)
	}
	blocked := newConvoy(3, budget(0)).change()
	blocked.desired(1, "web").Bridge = "br9"
	guarded := newConvoy(3, budget(0)).change()
	guarded.desired(1, "web").Backing = "overlayfs"
	template := newConvoy(2, budget(0)).change(2)
	template.owned(1, "base").Failure = "no image"
	done := newConvoy(2, budget(0)).change(2).failed(1)
	flapping := func(g spec.Group) *convoy {
		f := newConvoy(3, g).change(2, 3)
		f.Failing = []plan.Failing{{Host: "h1", Container: "web", Text: "it ended 3 times"}}
		return f
	}
	fixed := flapping(canary(1)).change(1)
	unprepared := func(g spec.Group) *convoy {
		f := newConvoy(3, g).change()
		f.Failing = []plan.Failing{{Host: "h1", Text: "no mirror"}}
		return f
	}
	const why = `host "h1" failed: container "web" failed: no address`
	const down = `host "h1" failed: it cannot be reached: no route`
	runRolling(t, []rolling{
		{"one that is not tried now", failed(1, budget(0)), "h1/web= backoff\n" + held("h2", "h3") +
			"web: ; failed h1; stopped: " + why},
		{"within the budget", failed(1, budget(1)), configured("h2", "h3") + "h1/web= backoff\n" +
			"web: rest h2 h3; failed h1"},
		{"a canary, whatever the budget", failed(1, spec.Group{Canary: 1, MaxFailures: 1}),
			"h1/web= backoff\n" + held("h2", "h3") + "web: ; failed h1; stopped: canary " + why},
		{"one after the canaries, within the budget", failed(2, spec.Group{Canary: 1, MaxFailures: 1}),
			configured("h1", "h3") + "h2/web= backoff\nweb: canary h1 | rest h3; failed h2"},
		{"one that is tried again is the canary again", newConvoy(3, canary(1)).change().failed(1),
			configured("h1", "h2", "h3") + "web: canary h1 | rest h2 h3"},
		{"what failed comes before further hosts", newConvoy(4, spec.Group{Canary: 1}).change().
			failed(3), configured("h1", "h2", "h3", "h4") + "web: canary h1 | again h3 | rest h2 h4"},
		{"what failed is tried again while it is stopped",
			newConvoy(3, budget(0)).change().failed(1, 2).hold(1, plan.HeldBackoff),
			configured("h2") + "h1/web= backoff\n" + held("h3") +
				"web: again h2; failed h1; stopped: " + why},
		{"a host that cannot be reached", newConvoy(3, budget(0)).change().unreachable(1),
			held("h2", "h3") + "web: ; failed h1; stopped: " + down},
		{"a host that cannot be reached, within the budget",
			newConvoy(3, spec.Group{Canary: 1, MaxFailures: 1}).change().unreachable(1),
			configured("h2", "h3") + "web: canary h2 | rest h3; failed h1"},
		{"two of which one may", newConvoy(3, budget(1)).change().unreachable(1, 3),
			held("h2") + "web: ; failed h1; failed h3; stopped: " + down + " (2 hosts failed, 1 may)"},
		{"a mistake to mend", blocked, held("h2", "h3") + "web: ; failed h1; stopped: " +
			`host "h1" failed: container "web" is blocked: bridge "br9" does not exist on the host`},
		{"a guard is no mistake", guarded, configured("h1", "h2", "h3") + "web: rest h1 h2 h3"},
		{"one that could not be prepared", unprepared(canary(1)), held("h1", "h2", "h3") +
			"web: ; failed h1; stopped: canary host \"h1\" failed: no mirror"},
		{"one that could not be prepared, within the budget", unprepared(budget(1)),
			configured("h1", "h2", "h3") + "web: rest h1 h2 h3; failed h1"},
		{"one that crashes", flapping(canary(1)), held("h2", "h3") + "web: ; failed h1; stopped: " +
			`canary host "h1" failed: container "web" failed: it ended 3 times`},
		{"one that crashed is the canary of its mended declaration", fixed,
			configured("h1", "h2", "h3") + "web: canary h1 | rest h2 h3"},
		{"a repair that is tried again", newConvoy(2, budget(0)).change(2).died(1).failed(1),
			"h1/web: start address\n" + held("h2") + "web: ; failed h1; stopped: " + why},
		{"a template that nobody needs", template, configured("h2") + "web: rest h2"},
		{"one that has nothing left to do", done, configured("h2") + "web: rest h2"},
		{"nothing waits", newConvoy(3, budget(0)).unreachable(1), ""},
	})
}

// What people have suspended, or what is outside its windows, is as if it had nothing to do: a
// rollout must not wait for it for ever.
func TestWhatIsHeldDoesNotStopARollout(t *testing.T) {
	t.Parallel()
	f := func() *convoy { return newConvoy(3, canary(1)).change() }
	suspendedHost := f()
	suspendedHost.Holds = []plan.Hold{{Host: "h1", Code: plan.HeldSuspended, Text: "by ann"}}
	deadHost := newConvoy(3, canary(1)).change().unreachable(1)
	deadHost.Holds = suspendedHost.Holds
	bareHost := f()
	bareHost.Failing = []plan.Failing{{Host: "h1", Text: "no mirror"}}
	bareHost.Holds = suspendedHost.Holds
	deadContainer := newConvoy(3, spec.Group{}).change().unreachable(1)
	deadContainer.Holds = []plan.Hold{{Host: "h1", Container: "web", Code: plan.HeldSuspended}}
	gone := f()
	gone.Hosts[0] = plan.HostInput{Host: "h1", Actual: plan.Actual{Host: "h1"}}
	only := f()
	only.Only = func(h, _ string) bool { return h == "h3" }
	const rest = "web: canary h2 | rest h3"
	runRolling(t, []rolling{
		{"suspended", f().hold(1, plan.HeldSuspended),
			configured("h2", "h3") + "h1/web= suspended\n" + rest},
		{"suspended after it failed", f().failed(1).hold(1, plan.HeldSuspended),
			configured("h2", "h3") + "h1/web= suspended\n" + rest},
		{"the whole host is suspended", suspendedHost,
			configured("h2", "h3") + "h1/web= suspended\n" + rest},
		{"the whole host is suspended, and was never reached", deadHost, configured("h2", "h3") + rest},
		{"the whole host is suspended, and cannot be prepared", bareHost,
			configured("h2", "h3") + "h1/web= suspended\n" + rest},
		{"one container of a host that cannot be reached", deadContainer,
			"h2/web= rollout\nh3/web= rollout\nweb: ; failed h1; stopped: host \"h1\" failed: it cannot be reached: no route"},
		{"outside its windows", f().hold(1, plan.HeldWindow),
			configured("h2", "h3") + "h1/web= window\n" + rest},
		{"a host without containers", gone, configured("h2", "h3") + rest},
		{"a pass of one host", only, configured("h3") + "web: canary h3"},
	})
}

// Two passes work at the same time: the second one knows nothing of how the canary of the first
// one is doing, but that it is being worked on.
func TestAnotherPassIsWaitedFor(t *testing.T) {
	t.Parallel()
	const why = `stopped: another pass works on host "h1"`
	other := newConvoy(3, canary(1)).change(2)
	other.Groups[0].Hosts = []string{"h2", "h3"}
	runRolling(t, []rolling{
		{"nothing of the group begins", newConvoy(2, canary(1)).change().hold(1, plan.HeldBusy),
			"h1/web= busy\nh2/web= rollout\nweb: ; " + why},
		{"not even what failed before", newConvoy(2, canary(0)).change().failed(2).
			hold(1, plan.HeldBusy), "h1/web= busy\nh2/web= rollout\nweb: ; " + why},
		{"what failed before is not why it waits", newConvoy(3, canary(1)).change().failed(1).
			hold(1, plan.HeldBusy).unreachable(3), "h1/web= busy\nh2/web= rollout\nweb: ; " + why},
		{"repairs do", newConvoy(2, canary(1)).died(2).hold(1, plan.HeldBusy),
			"h2/web: start address"},
		{"other groups do", other.hold(1, plan.HeldBusy), configured("h2") + "web: canary h2"},
	})
}

// While a rollout has stopped, perhaps for days, a container of a host that waits may die. It is
// started again as it was.
func TestAContainerThatDiesWhileItWaitsIsStarted(t *testing.T) {
	t.Parallel()
	stuck := func() *convoy {
		return newConvoy(2, canary(1)).change().failed(1).hold(1, plan.HeldBackoff).died(2)
	}
	const down = "h1/web= backoff\nh2/web= rollout\n" + `web: ; failed h1; stopped: canary host ` +
		`"h1" failed: container "web" failed: no address`
	moved, frozen, off := stuck(), stuck(), stuck()
	moved.desired(2, "web").IP = declare("other").IP
	frozen.observed(2, "web").State = plan.Frozen
	off.owned(2, "web").Applied["running"] = "false"
	off.Holds = append(off.Holds, plan.Hold{Host: "h2", Container: "web", Code: plan.HeldSuspended})
	failed, tried := stuck().failed(2), stuck().failed(2)
	failed.owned(2, "web").Intent, tried.owned(2, "web").Intent = "configure", "start"
	runRolling(t, []rolling{
		{"with its old declaration", stuck(), "h2/web: start\n" + down},
		{"also if its new one could not be carried out", failed, "h2/web: start\n" + down},
		{"if that has failed the new one is tried again", tried,
			"h2/web: configure start address [web]\nh1/web= backoff\n" + `web: again h2; failed h1; ` +
				`stopped: canary host "h1" failed: container "web" failed: no address`},
		{"not if its address would be another's", moved, down},
		{"not what is frozen", frozen, down},
		{"not what is suspended", off, "h1/web= backoff\nh2/web= suspended"},
	})
	s := plan.Compute(stuck().Input).Steps[0]
	if got, want := s.Want.Applied(), record(declare("web")).Applied; got["memory"] != want["memory"] {
		t.Errorf("the record would say that memory %q was carried out; the rollout would forget it",
			got["memory"])
	}
	if s.Reason.Code != plan.NotRunning {
		t.Errorf("the reason is %+v", s.Reason)
	}
	begun := stuck()
	begun.owned(2, "web").Applied = declare("web", conf("lxc.tty.max=3")).
		Begun(begun.owned(2, "web").Applied)
	begun.owned(2, "web").Intent = "configure"
	s = plan.Compute(begun.Input).Steps[0]
	if got := s.Want.Applied(); !maps.Equal(got, begun.owned(2, "web").Applied) {
		t.Errorf("the record would forget what was begun with, and nobody would take it away: %q", got)
	}
}

// Whether a turn comes is known only when those before have ended: what is down does not wait for
// that.
func TestAContainerThatIsDownDoesNotWaitForTheOthers(t *testing.T) {
	t.Parallel()
	down := func(g spec.Group, hosts ...int) *convoy {
		f := newConvoy(3, g).change()
		for _, h := range hosts {
			f.died(h)
		}
		return f
	}
	const anew, asItWas, held = "h%d/web: configure start address [web]\n",
		"h%d/web: start\n", "h%d/web= rollout\n"
	at := func(format string, host int) string { return fmt.Sprintf(format, host) }
	moved := down(canary(1), 2)
	moved.desired(2, "web").IP = declare("other").IP
	off := down(canary(1), 2)
	off.desired(2, "web").Running = false
	wrote, wroteRaw, tookRaw := down(canary(1), 2).failed(2), down(canary(1), 2).failed(2),
		down(canary(1), 2).failed(2)
	wrote.observed(2, "web").Config.Memory = 2 << 30 // of a declaration that was taken back
	raw := declare("web", conf("lxc.tty.max=3"))
	wroteRaw.owned(2, "web").Applied = raw.Begun(wroteRaw.owned(2, "web").Applied)
	wroteRaw.observed(2, "web").Config.Raw = raw.Config().Raw
	tookRaw.owned(2, "web").Applied["lxc_conf"] = raw.Applied()["lxc_conf"]
	runRolling(t, []rolling{
		{"the canary gets its change at once", down(canary(1), 1),
			at(anew, 1) + configured("h2", "h3") + "web: canary h1 | rest h2 h3"},
		{"behind a canary it is started as it was", down(canary(1), 2),
			configured("h1") + at(asItWas, 2) + configured("h3") + at(held, 2) +
				"web: canary h1 | rest h3"},
		{"also if the canary failed before and is tried again", down(canary(1), 2).failed(1),
			configured("h1") + at(asItWas, 2) + configured("h3") + at(held, 2) +
				"web: canary h1 | rest h3"},
		{"behind another canary as well, and the next host is the canary", down(canary(2), 2),
			configured("h1") + at(asItWas, 2) + configured("h3") + at(held, 2) +
				"web: canary h1 h3"},
		{"the first of those that may not fail gets its change", down(canary(0), 1, 2),
			at(anew, 1) + at(asItWas, 2) + configured("h3") + at(held, 2) + "web: rest h1 h3"},
		{"its turn comes whatever happens", down(spec.Group{MaxFailures: 2}, 3),
			configured("h1", "h2") + at(anew, 3) + "web: rest h1 h2 h3"},
		{"one failure too few is allowed", down(spec.Group{MaxFailures: 1}, 3),
			configured("h1", "h2") + at(asItWas, 3) + at(held, 3) + "web: rest h1 h2"},
		{"also if the last work on it failed", down(canary(1), 2).failed(2),
			configured("h1") + at(asItWas, 2) + configured("h3") + at(held, 2) +
				"web: canary h1 | rest h3"},
		{"if that has written its configuration it is tried again in its turn", wrote,
			configured("h1") + at(anew, 2) + configured("h3") + "web: canary h1 | again h2 | rest h3"},
		{"or a raw setting", wroteRaw,
			configured("h1") + at(anew, 2) + configured("h3") + "web: canary h1 | again h2 | rest h3"},
		{"or has taken one away", tookRaw,
			configured("h1") + at(anew, 2) + configured("h3") + "web: canary h1 | again h2 | rest h3"},
		{"one whose address would be another's waits", moved, configured("h1") +
			"h2/web: configure start address dns [web]\n" + configured("h3") +
			"web: canary h1 | rest h2 h3"},
		{"one that shall not run waits", off, configured("h1", "h2", "h3") +
			"web: canary h1 | rest h2 h3"},
	})
}

func TestWhyAHostWaits(t *testing.T) {
	t.Parallel()
	f := newConvoy(2, canary(1)).change().failed(1).hold(1, plan.HeldBackoff)
	p := plan.Compute(f.Input)
	i := slices.IndexFunc(p.Held, func(h plan.Held) bool { return h.Code == plan.HeldRollout })
	const want = `the rollout of group "web" waits: canary host "h1" failed: container "web" ` +
		"failed: no address"
	if h := p.Held[i]; h.Text != want || len(h.Changes) != 1 || h.Changes[0].Field != "memory" {
		t.Errorf("a reader learns %+v", h)
	}
}
