package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/state"
)

// recorded reads what the store has.
func (w *world) recorded() reconcile.Recorded {
	w.t.Helper()
	r, err := reconcile.ReadRecorded(context.Background(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// planRecorded plans a tree without the hosts.
func (w *world) planRecorded(
	r reconcile.Recorded, yaml string, o reconcile.Options,
) reconcile.Pass {
	w.t.Helper()
	pass, err := reconcile.PlanRecorded(parsed(w.t, yaml), r, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return pass
}

// What comes and goes by itself is no news: a pass with nothing to do writes nothing.
func TestWhatChangesByItselfIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	began := time.Now()
	w.run()
	first := w.recorded().Hosts["h1"]
	if first.At.Before(began) || len(first.Actual.Containers) != 4 {
		t.Fatalf("after a run it is recorded at %s what was before: %+v", first.At, first.Actual)
	}
	host := w.hosts["h1"]
	host.StopByHand("a.example.com")
	host.StartByHand("a.example.com") // another process id
	host.AddAddress("a.example.com", netip.MustParseAddr("2001:db8::7"))
	host.AddAddress("a.example.com", netip.MustParseAddr("fe80::1"))
	host.AddAddress("a.example.com", netip.MustParseAddr("169.254.0.7"))
	w.run()
	if again := w.recorded().Hosts["h1"]; !again.At.Equal(first.At) {
		t.Errorf("a second run stored the host again:\n%+v\n%+v", first.Actual, again.Actual)
	}
	host.CreateByHand("other")
	serial := w.snapshot().Serial
	w.run()
	if again := w.recorded().Hosts["h1"]; len(again.Actual.Containers) != 5 {
		t.Error("what somebody made on the host is not recorded")
	}
	if now := w.snapshot().Serial; now != serial {
		t.Errorf("it moved the serial from %d to %d: a reviewed plan would be refused", serial, now)
	}
}

func TestPlanRecordsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.plan()
	if r := w.recorded(); len(r.Hosts) != 0 {
		t.Errorf("plan recorded %+v", r.Hosts)
	}
}

// An observation that cannot be stored harms nobody, and is told.
func TestAnObservationThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.run()
	w.hosts["h1"].CreateByHand("other")
	w.store = failingStore{w.store}
	var log bytes.Buffer
	o := w.options()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := w.tryRun(o); err != nil {
		t.Errorf("the run failed: %v", err)
	}
	if !strings.Contains(log.String(), "disk full") {
		t.Errorf("nobody is told: %s", log.String())
	}
}

// A host that nobody can see after the work keeps what was recorded of it.
func TestAHostThatIsGoneAfterTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare("targets: {h1: {a.example.com: {}}, h2: {b.example.com: {}}}")
	w.run()
	before := w.recorded()
	w.declare("targets: {h1: {a.example.com: {}, c.example.com: {}}, h2: {b.example.com: {}}}")
	w.hosts["h2"].Unreachable(errors.New("connection timed out"))
	w.run()
	after := w.recorded()
	gone := after.Hosts["h2"]
	if !gone.At.Equal(before.Hosts["h2"].At) || len(gone.Actual.Containers) != 2 {
		t.Errorf("of a host that cannot be seen it is recorded: %+v", gone)
	}
	if len(after.Hosts["h1"].Actual.Containers) != 3 {
		t.Errorf("of the other one it is recorded: %+v", after.Hosts["h1"])
	}
}

func TestAHostThatWasNeverSeenIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare("targets: {h1: {a.example.com: {}}}")
	w.run()
	pass := w.planRecorded(w.recorded(),
		"targets: {h1: {a.example.com: {}}, h2: {b.example.com: {}}}", w.options())
	if u := pass.Plan.Unreachable; len(u) != 1 || u[0].Host != "h2" || len(pass.Plan.Steps) != 0 {
		t.Errorf("unreachable %v, steps %v: a host that nobody looked at must not seem empty",
			u, actions(pass.Plan.Steps))
	}
	o := w.options()
	o.Hosts = []string{"nowhere"}
	if _, err := reconcile.PlanRecorded(parsed(t, "targets: {h1: {}}"), w.recorded(), o); err == nil {
		t.Error("a filter that names nothing was accepted")
	}
}

func TestWhatIsSuspendedIsHeldInARecordedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare("targets: {h1: {a.example.com: {}}}")
	w.run()
	_, err := w.store.Apply(context.Background(), state.Batch{Suspend: []state.Suspension{
		{Host: "h1", By: "ann@desk", Since: time.Now()}}})
	if err != nil {
		t.Fatal(err)
	}
	exported := w.exported()
	for name, r := range map[string]reconcile.Recorded{"store": w.recorded(), "export": exported} {
		o := w.options()
		if name == "export" {
			o.Sealer = nil
		}
		p := w.planRecorded(r, "targets: {h1: {a.example.com: {memory: 1G}}}", o).Plan
		if len(p.Steps) != 0 || len(p.Held) != 1 || !strings.Contains(p.Held[0].Text, "ann@desk") {
			t.Errorf("%s: steps %v, held %v", name, actions(p.Steps), p.Held)
		}
	}
}

// exported is what the store has, after it went through a file.
func (w *world) exported() reconcile.Recorded {
	w.t.Helper()
	var b bytes.Buffer
	if err := reconcile.Export(&b, w.recorded()); err != nil {
		w.t.Fatal(err)
	}
	r, err := reconcile.ReadExport(&b)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// An export may be given to whoever may see the tree: it has no more secrets than that.
func TestAnExportHasNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	host := w.hosts["h1"]
	token := func(key string) func(*plan.Config) {
		return func(c *plan.Config) {
			c.Raw = map[string][]string{key: {"TOKEN=hunter2"}, "lxc.a": {"1", "hunter2"}}
		}
	}
	host.EditConfig("base", token("lxc.environment"))
	w.declare("targets: {h1: {a.example.com: {password: hunter2, lxc_conf: {lxc.a: 1}}, " +
		"b.example.com: {}}}")
	w.run()
	host.EditConfig("a.example.com", token("lxc.mount.entry"))
	host.EditLive("a.example.com", token("lxc.mount.entry"))
	host.Fail("b.example.com", plan.Start, -1, errors.New("refused: hunter2"))
	host.StopByHand("b.example.com")
	w.run()
	var b bytes.Buffer
	r := w.recorded()
	if err := reconcile.Export(&b, r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, rec := range r.State.Records {
		for what, secret := range map[string]string{"sealed password": string(rec.Password),
			"fingerprint of the password": rec.Applied["password"]} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("the %s of %s is in the export", what, rec.Name)
			}
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in the export:\n%s", text)
	}
	for _, want := range []string{`"lxc.mount.entry"`, `"a.example.com"`, `"withheld"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the export does not have %s:\n%s", want, text)
		}
	}
}

// Without the key nobody can tell whether a password changes. That is told, not passed over.
func TestAnExportSaysThatPasswordsAreUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.run()
	o := w.options()
	o.Sealer = nil
	changed := strings.Replace(threeContainers, "foobar", "other", 1)
	p := w.planRecorded(w.exported(), changed, o).Plan
	if len(p.Steps) != 0 || len(p.Warnings) != 1 ||
		!strings.Contains(p.Warnings[0].Text, "passwords change (containers: 1)") {
		t.Errorf("steps %v, warnings %v", actions(p.Steps), p.Warnings)
	}
	if p := w.planRecorded(w.recorded(), changed, w.options()).Plan; len(p.Steps) != 1 {
		t.Errorf("with the key the change is not seen: %v", actions(p.Steps))
	}
}

func TestBadExports(t *testing.T) {
	t.Parallel()
	const good = `{"format": "reconciler recorded", "version": 1, "installation": "i", "serial": 1,
		"records": [{"uid": "u", "host": "h", "name": "a"}],
		"hosts": [{"at": "2024-05-06T07:08:09Z", "host": "h"}]}`
	if _, err := reconcile.ReadExport(strings.NewReader(good)); err != nil {
		t.Fatalf("a good export is refused: %v", err)
	}
	for name, edit := range map[string][2]string{
		"another format":  {"reconciler recorded", "terraform"},
		"a newer version": {`"version": 1`, `"version": 2`},
		"an unknown key":  {`"serial"`, `"sereal"`},
		"no installation": {`"i"`, `""`},
		"no uid":          {`"u"`, `""`},
		"no host":         {`"host": "h"}]}`, `"host": ""}]}`},
		"half of it":      {`"hosts": [`, ``},
		"a bad address":   {`"name": "a"`, `"name": "a", "ip": "10.0.0"`},
		"a host twice": {`"hosts": [`,
			`"hosts": [{"at": "2024-05-06T07:08:09Z", "host": "h"}, `},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if _, err := reconcile.ReadExport(strings.NewReader(bad)); err == nil ||
			!strings.HasPrefix(err.Error(), "cannot read the export") {
			t.Errorf("an export with %s: error %v", name, err)
		}
	}
}

// A damaged observation is told, not taken for an empty host.
func TestADamagedObservation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.store.Apply(context.Background(), state.Batch{Observed: map[string]state.Observation{
		"h1": {At: time.Now(), Content: []byte("{")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reconcile.ReadRecorded(context.Background(), w.store); err == nil ||
		!strings.Contains(err.Error(), `host "h1"`) {
		t.Errorf("error %v", err)
	}
}
