package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/spec"
)

// bare adds a host without LXC, bridge and base, as it comes from its installer.
func (w *world) bare(name string) *hosttest.Fake {
	w.hosts[name] = hosttest.New(hosttest.Config{Host: name, Bare: true,
		Installation: w.snapshot().Installation, Images: []string{"busybox", "debian"}})
	return w.hosts[name]
}

const prepareTree = `
hosts:
  new: {prepare: {sysctl: {net.ipv4.ip_forward: 1}}}
targets:
  h1: {a: {}}
  new: {b: {}, c: {}}
`

// passText is what a pass would do or did to hosts, containers counted.
func passText(p reconcile.Pass) string {
	var b strings.Builder
	for _, x := range p.Plan.Prepare {
		b.WriteString(x.Host + ":")
		for _, c := range x.Changes {
			b.WriteString(" " + c.What + ",")
		}
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

func TestBareHostBecomesOneWithContainersInOnePass(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	w.declare(prepareTree)
	pass := w.run()
	want := "new: bridge lxcbr1, package lxc, sysctl net.ipv4.ip_forward,"
	if got := passText(pass); got != want {
		t.Errorf("the plan is about %q, want %q", got, want)
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitDone {
		t.Errorf("exit code %d: %+v", code, pass.Result)
	}
	for _, line := range []string{"bridge lxcbr1: 10.5.0.1/16, NAT", "sysctl net.ipv4.ip_forward: 1",
		"container b: running", "container c: running"} {
		if !strings.Contains(host.String(), line) {
			t.Errorf("%q is missing on\n%s", line, host)
		}
	}
	writes, serial := host.Writes(), w.snapshot().Serial
	again := w.run()
	if !again.Plan.Empty() || again.Result != nil || host.Writes() != writes ||
		w.snapshot().Serial != serial {
		t.Errorf("a second pass does something: %q, %d writes more", passText(again),
			host.Writes()-writes)
	}
}

// A host may have LXC, and not yet the directory in which its containers shall be.
func TestDirectoryOfContainersIsMadeBeforeThem(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	host.LoseDirectory("/srv/lxc")
	w.declare(prepareTree)
	pass := w.run()
	want := "new: bridge lxcbr1, directory /srv/lxc, package lxc, sysctl net.ipv4.ip_forward,"
	if got := passText(pass); got != want {
		t.Errorf("the plan is about %q", got)
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitDone ||
		!strings.Contains(host.String(), "container b: running") || !w.plan().Empty() {
		t.Errorf("exit code %d, and then\n%s", code, host)
	}
}

// Nothing tells a directory that was never made from one whose disk is not mounted but that nothing
// was ever made in it, and that somebody says that it shall be made.
func TestMissingDirectoryIsNoEmptyHost(t *testing.T) {
	for name, c := range map[string]struct {
		tree string
		made bool
		says string
	}{
		"containers were made there": {prepareTree, true, "none of the 2 recorded containers"},
		"nothing is to be prepared": {strings.Replace(prepareTree,
			"prepare: {sysctl: {net.ipv4.ip_forward: 1}}", "", 1), false, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			host := w.bare("new")
			w.declare(prepareTree)
			if c.made {
				w.run()
			}
			host.LoseDirectory("/var/lib/lxc")
			before := host.Writes()
			w.declare(c.tree)
			pass := w.run()
			if u := pass.Plan.Unreachable; len(u) != 1 || !strings.Contains(u[0].Text, c.says) ||
				host.Writes() != before || len(pass.Plan.Prepare) != 0 {
				t.Errorf("it is taken for an empty host: %+v, %q\n%s", u, passText(pass), host)
			}
		})
	}
}

func TestPlanPreparesNothing(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	w.declare(prepareTree)
	if p := w.plan(); len(p.Prepare) != 1 || host.Writes() != 0 {
		t.Errorf("planned %d hosts, %d writes", len(p.Prepare), host.Writes())
	}
}

func TestHostIsPreparedWithoutContainers(t *testing.T) {
	w := newWorld(t, 1)
	w.bare("new")
	w.declare("hosts: {new: {prepare: {}}}\ntargets: {new: {}}")
	pass := w.run()
	if pass.Result == nil || len(pass.Result.Hosts) != 1 || pass.Result.Hosts[0].Err != nil {
		t.Fatalf("the host is not prepared: %+v", pass.Result)
	}
	if p := w.plan(); !p.Empty() {
		t.Errorf("something is left: %+v", p.Prepare)
	}
}

func TestHostThatCannotBePreparedHarmsNoOther(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	host.FailPreparing(errors.New("E: the disk is full"))
	w.declare(prepareTree)
	pass := w.run()
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(w.hosts["h1"].String(), "container a: running") {
		t.Error("another host's container waits for ever")
	}
	if strings.Contains(host.String(), "container") {
		t.Errorf("containers are made on a host that is not ready:\n%s", host)
	}
	for _, o := range pass.Result.Outcomes {
		for _, s := range o.Steps {
			if o.Host == "new" && s.Status != execute.Skipped {
				t.Errorf("%s of %s is %s", s.Step.Action, o.Container, s.Status)
			}
		}
	}
	if h := pass.Result.Hosts; len(h) != 1 || h[0].Err == nil || len(h[0].Done) != 1 {
		t.Errorf("nobody learns what was done and what failed: %+v", h)
	}
	host.FailPreparing(nil)
	pass = w.run()
	if got := passText(pass); got != "new: bridge lxcbr1, sysctl net.ipv4.ip_forward," {
		t.Errorf("the next pass does %q", got)
	}
	if !strings.Contains(host.String(), "container b: running") || !w.plan().Empty() {
		t.Errorf("it does not heal:\n%s", host)
	}
}

func TestWhatIsRefusedKeepsNothingElseFromBeingDone(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	host.RefuseToMake("directory /srv/x", "a file is in its place")
	w.declare(strings.Replace(prepareTree, "sysctl", "directories: {/srv/x: 0755}, "+
		"volume_group: vg, sysctl", 1))
	pass := w.run()
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitFailed {
		t.Errorf("exit code %d for a declaration that cannot be carried out", code)
	}
	if len(pass.Plan.Blocked) != 2 || !strings.Contains(host.String(), "container b: running") {
		t.Errorf("blocked %+v\n%s", pass.Plan.Blocked, host)
	}
	if again := w.plan(); !again.Empty() || len(again.Blocked) != 2 {
		t.Errorf("the next pass would do %+v", again.Prepare)
	}
}

func TestDriftOfAHostIsPutRight(t *testing.T) {
	for mode, held := range map[string]int{"correct": 0, "report": 1, "ignore": 0} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, 1)
			host := w.bare("new")
			w.declare(prepareTree)
			w.run()
			host.EditMachine("sysctl net.ipv4.ip_forward", "0")
			w.declare(strings.Replace(prepareTree, "{prepare:",
				"{defaults: {drift: "+mode+"}, prepare:", 1))
			pass := w.run()
			if n := len(pass.Plan.Held); n != held {
				t.Errorf("%d are told of, want %d: %+v", n, held, pass.Plan.Held)
			}
			right := strings.Contains(host.String(), "sysctl net.ipv4.ip_forward: 1")
			if right != (mode == "correct") {
				t.Errorf("drift: %s, and it is put right: %v", mode, right)
			}
		})
	}
}

func TestHostIsPreparedInItsWindows(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	w.declare(strings.Replace(prepareTree, "{prepare:",
		`{defaults: {windows: ["daily 02:00-03:00"]}, prepare:`, 1))
	o := w.options()
	o.Now = func() time.Time { return time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) }
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(pass.Plan.Prepare) != 0 || host.Writes() != 0 || len(pass.Plan.Held) == 0 ||
		pass.Opens.Hour() != 2 {
		t.Errorf("outside of its windows: %q, %d writes, held %+v, opens %v", passText(pass),
			host.Writes(), pass.Plan.Held, pass.Opens)
	}
	o.Now = func() time.Time { return time.Date(2026, 1, 6, 2, 30, 0, 0, time.UTC) }
	if pass, err = w.tryRun(o); err != nil || len(pass.Plan.Prepare) != 1 {
		t.Errorf("inside of its window: %q, %v", passText(pass), err)
	}
}

func TestReviewedPlanIsNotApplied(t *testing.T) {
	w := newWorld(t, 1)
	host := w.bare("new")
	w.declare(prepareTree)
	reviewed := report.PlanID(w.plan())
	host.EditMachine("sysctl net.ipv4.ip_forward", "1")
	o := w.options()
	o.Approve = func(p reconcile.Pass) error {
		if report.PlanID(p.Plan) != reviewed {
			return errors.New("it is another plan")
		}
		return nil
	}
	if _, err := w.tryRun(o); err == nil || host.Writes() != 0 {
		t.Errorf("what is done to the host is not what was reviewed: %v", err)
	}
}

func TestMoreThanAHostHasIsRefused(t *testing.T) {
	w := newWorld(t, 1)
	w.declare("targets: {h1: {a: {memory: 64G}, b: {}}}")
	pass := w.run()
	if len(pass.Plan.Blocked) != 1 || pass.Plan.Blocked[0].Code != plan.BlockedMemory ||
		!strings.Contains(pass.Plan.Blocked[0].Text, "64G") {
		t.Errorf("a container larger than its host is made: %+v", pass.Plan.Blocked)
	}
	w.declare("targets: {h1: {b: {memory: 64G}}}")
	pass = w.run()
	if len(pass.Plan.Blocked) != 1 || pass.Plan.Blocked[0].Code != plan.BlockedMemory {
		t.Errorf("a container becomes larger than its host: %+v", pass.Plan.Blocked)
	}
}

// counted counts how often a host is checked.
type counted struct {
	*hosttest.Fake
	checks *int
}

func (c counted) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	*c.checks++
	return c.Fake.Check(ctx, want)
}

func TestPassWithNothingToMakeAsksNoFacts(t *testing.T) {
	w := newWorld(t, 1)
	w.declare("targets: {h1: {a: {}, b: {memory: 1G}}}")
	w.run()
	checks := 0
	o := w.options()
	o.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
		return counted{w.hosts["h1"], &checks}, nil
	}
	if _, err := w.tryRun(o); err != nil || checks != 0 {
		t.Errorf("%d round trips for nothing, %v", checks, err)
	}
}

// interrupted is a host whose preparation somebody tries to end.
type interrupted struct {
	*hosttest.Fake
	end    context.CancelFunc
	broken error
}

func (i *interrupted) Prepare(ctx context.Context, want spec.Preparation) ([]string, error) {
	i.end()
	i.broken = ctx.Err()
	return i.Fake.Prepare(ctx, want)
}

// What was begun ends: a package manager that is killed leaves a broken host. Who wants the program
// to end learns what keeps it.
func TestPreparationOutlivesTheRun(t *testing.T) {
	w := newWorld(t, 1)
	host := &interrupted{Fake: w.bare("new")}
	w.declare("hosts: {new: {prepare: {}}}\ntargets: {new: {}}")
	d, err := reconcile.Fetch(t.Context(), w, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := w.options()
	o.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) { return host, nil }
	told := make(lines, 100)
	o.Log = slog.New(slog.NewTextHandler(told, nil))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	host.end = cancel
	if _, err := reconcile.Run(ctx, d, o); err != nil || host.broken != nil ||
		strings.Contains(host.String(), "without LXC") {
		t.Errorf("it is broken off: %v, %v\n%s", err, host.broken, host)
	}
	for late := time.After(20 * time.Second); ; {
		select {
		case line := <-told:
			if strings.Contains(line, "waiting until") && strings.Contains(line, "host=new") {
				return
			}
		case <-late:
			t.Fatal("nobody learns which host is waited for")
		}
	}
}

// lines is a log whose lines are waited for.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// dumb is a host that cannot be prepared.
type dumb struct{ reconcile.Host }

func TestHostThatCannotBePreparedAtAll(t *testing.T) {
	w := newWorld(t, 1)
	w.bare("new")
	w.declare(prepareTree)
	o := w.options()
	o.Dial = func(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
		return dumb{w.hosts[h.Name]}, nil
	}
	pass, err := w.tryRun(o)
	if err != nil || len(pass.Plan.Unreachable) != 1 ||
		!strings.Contains(pass.Plan.Unreachable[0].Text, "cannot be prepared") {
		t.Errorf("prepare is declared and quietly ignored: %+v, %v", pass.Plan.Unreachable, err)
	}
}
