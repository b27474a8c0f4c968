package reconcile_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

const twoHosts = `
networks: {lxcbr1: {cidr: 10.5.0.0/16, gateway: 10.5.0.1}}
defaults: {from_container: base, backing: overlayfs}
targets: {h1: {a: {}}, h2: {b: {}}}
`

// tardy is a host that shows what it has when it may.
type tardy struct {
	reconcile.Host
	may <-chan error // why it does not, or nil
}

// Observe implements reconcile.Host.
func (h tardy) Observe(ctx context.Context) (plan.Actual, error) {
	select {
	case err := <-h.may:
		if err != nil {
			return plan.Actual{}, err
		}
		return h.Host.Observe(ctx)
	case <-ctx.Done():
		return plan.Actual{}, ctx.Err()
	}
}

// late makes h1 answer only after b of h2 runs: whoever waits for h1 before that waits in vain. It
// ends ctx if that is not so within a minute.
func (w *world) late(o *reconcile.Options, answer error) context.Context {
	may := make(chan error, 8)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	o.Patience = time.Millisecond
	o.Dial = func(ctx context.Context, h *spec.Host, i string) (reconcile.Host, error) {
		host, err := w.dial(ctx, h, i)
		if h.Name == "h1" && err == nil {
			return tardy{host, may}, nil
		}
		return host, err
	}
	go func() {
		for ctx.Err() == nil && !w.has("h2", "b") {
			time.Sleep(time.Millisecond)
		}
		for range cap(may) {
			may <- answer
		}
	}()
	return ctx
}

func (w *world) has(host, name string) bool {
	actual, err := w.hosts[host].Observe(context.Background())
	if err != nil {
		w.t.Error(err)
	}
	for i := range actual.Containers {
		if actual.Containers[i].Name == name && actual.Containers[i].State == plan.Running {
			return true
		}
	}
	return false
}

func (w *world) declaration() reconcile.Declaration {
	w.t.Helper()
	d, err := reconcile.Fetch(context.Background(), w, spec.Options{Hostname: "h1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// A host that is slow must neither hold up the others nor be left out.
func TestASlowHostHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(twoHosts)
	o := w.options()
	o.PassID, o.SourceName = "p1", "tree"
	pass, err := reconcile.Run(w.late(&o, nil), w.declaration(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !w.has("h1", "a") || len(pass.Plan.Unreachable) > 0 || pass.Result.Interrupted {
		t.Errorf("the slow host is not served: %v", pass.Plan.Unreachable)
	}
	sum := pass.Plan.Summary()
	if sum.Create != 2 || len(pass.Result.Outcomes) != 2 || pass.Result.Outcomes[0].Host != "h1" {
		t.Errorf("of two containers are told %+v, %+v", sum, pass.Result.Outcomes)
	}
	if got := pass.HostNames(); len(got) != 2 {
		t.Errorf("the hosts that were seen are told to be %v", got)
	}
	history := w.snapshot().Passes
	if len(history) != 1 || history[0].Created != 2 || history[0].Revision != "r1" {
		t.Errorf("the history has %+v", history)
	}
	w.mustBeConverged()
}

// A host that is slow and then fails is unreachable, and not a failure of the others.
func TestASlowHostThatFailsIsUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(twoHosts)
	o := w.options()
	pass, err := reconcile.Run(w.late(&o, errors.New("broken on purpose")), w.declaration(), o)
	if err != nil {
		t.Fatal(err)
	}
	u := pass.Plan.Unreachable
	if len(u) != 1 || u[0].Host != "h1" || !strings.Contains(u[0].Text, "on purpose") {
		t.Errorf("unreachable are %v", u)
	}
	if len(pass.Result.Outcomes) != 1 || pass.Result.Outcomes[0].Failed() {
		t.Errorf("the other host is told to have %+v", pass.Result.Outcomes)
	}
}

// What nobody waits for any more must not look as if it were done.
func TestAPassThatEndsBeforeASlowHostAnswersIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(twoHosts)
	o := w.options()
	w.late(&o, nil)
	ctx, cancel := context.WithCancel(context.Background())
	o.Dial = func(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
		if h.Name == "h1" {
			return tardy{w.hosts["h1"], nil}, nil // it never answers
		}
		return w.hosts[h.Name], nil
	}
	go func() {
		for !w.has("h2", "b") {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	pass, err := reconcile.Run(ctx, w.declaration(), o)
	if err != nil || !pass.Result.Interrupted {
		t.Errorf("the pass ends with %+v, %v", pass.Result, err)
	}
	if u := pass.Plan.Unreachable; len(u) != 1 || u[0].Host != "h1" {
		t.Errorf("unreachable are %v", u)
	}
	if w.has("h1", "a") {
		t.Error("a host that was not seen was touched")
	}
}

// The addresses of hosts that were served before are known to a late one: neither is one of a
// container that somebody made by hand there given out, nor is one kept from it that became free.
func TestALateHostGetsNoAddressThatIsInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare("targets: {h1: {}, h2: {gone: {from_container: base, ip: 10.5.0.9}}}")
	w.run()
	inUse := netip.MustParsePrefix("10.5.0.2/16")
	w.hosts["h2"].CreateByHand("hand")
	w.hosts["h2"].EditConfig("hand", func(c *plan.Config) { c.Address = inUse })
	w.declare(`
networks: {lxcbr1: {cidr: 10.5.0.0/16, gateway: 10.5.0.1}}
defaults: {from_container: base, backing: overlayfs}
targets: {h1: {a: {}, heir: {ip: 10.5.0.9}}, h2: {b: {}}}
`)
	o := w.options()
	pass, err := reconcile.Run(w.late(&o, nil), w.declaration(), o)
	if err != nil || len(pass.Plan.Blocked) > 0 {
		t.Fatalf("blocked are %v, %v", pass.Plan.Blocked, err)
	}
	for _, r := range w.snapshot().Records {
		if r.IP == inUse.Addr() {
			t.Errorf("%s/%s gets the address of a container that was made by hand", r.Host, r.Name)
		}
	}
	w.mustBeConverged()
}

// leaving is a store that cannot be read any more once a container runs.
type leaving struct {
	state.Store
	w *world
}

// Load implements state.Store.
func (l leaving) Load(ctx context.Context) (state.Snapshot, error) {
	if l.w.has("h2", "b") {
		return state.Snapshot{}, errors.New("the disk is gone on purpose")
	}
	return l.Store.Load(ctx)
}

// Without the state nobody knows what of a late host is ours: it is left alone, with the reason.
// What was done to the others before stands.
func TestALateHostIsLeftAloneWithoutTheState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(twoHosts)
	o := w.options()
	o.Store = leaving{w.store, w}
	pass, err := reconcile.Run(w.late(&o, nil), w.declaration(), o)
	if err != nil {
		t.Fatal(err)
	}
	if w.has("h1", "a") {
		t.Error("a host was changed without the state")
	}
	u := pass.Plan.Unreachable
	if len(u) != 1 || u[0].Host != "h1" || !strings.Contains(u[0].Text, "on purpose") {
		t.Errorf("the late host is told to be %v", u)
	}
	if len(pass.Result.Outcomes) != 1 || pass.Result.Outcomes[0].Failed() {
		t.Errorf("the other host is told to have %+v", pass.Result.Outcomes)
	}
}

// What the flags name may be gone when a late host answers, because an earlier round destroyed it.
func TestFlagsHoldForLateHosts(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*reconcile.Options){
		"allow": func(o *reconcile.Options) { o.Allow = []plan.Allowance{{Host: "h2", Container: "x"}} },
		"only": func(o *reconcile.Options) {
			o.Only = []reconcile.Target{{"h1", ""}, {"h2", "b"}, {"h2", "x"}}
		},
	} {
		w := newWorld(t, 2)
		w.declare("targets: {h1: {}, h2: {x: {from_container: base}}}")
		w.run()
		w.declare(twoHosts)
		o := w.options()
		limit(&o)
		pass, err := reconcile.Run(w.late(&o, nil), w.declaration(), o)
		if err != nil || len(pass.Plan.Unreachable) > 0 || !w.has("h1", "a") {
			t.Errorf("%s: the late host is not served: %v, %v", name, pass.Plan.Unreachable, err)
		}
		w.mustBeConverged()
	}
}

// An approved plan is about all hosts, and a rollout must know how its hosts are: there a pass does
// not begin with some of them.
func TestApprovedPlansAndRolloutsWaitForAllHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for name, change := range map[string]func(*reconcile.Options) string{
		"approved": func(o *reconcile.Options) string {
			o.Approve = func(p reconcile.Pass) error {
				if len(p.Observed) != 2 {
					t.Errorf("approved are only the hosts %v", p.HostNames())
				}
				return errors.New("enough seen")
			}
			return twoHosts
		},
		"rollout": func(o *reconcile.Options) string {
			return twoHosts + "groups: {all: {hosts: [h1, h2], canary: 1}}"
		},
	} {
		o := w.options()
		w.declare(change(&o))
		o.Patience = time.Nanosecond
		may := make(chan error)
		o.Dial = func(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
			if h.Name == "h1" {
				return tardy{w.hosts["h1"], may}, nil
			}
			time.AfterFunc(50*time.Millisecond, func() { close(may) })
			return w.hosts[h.Name], nil
		}
		rounds := 0
		o.Observer = func(plan.Plan) execute.Observer {
			rounds++
			return nil
		}
		pass, err := reconcile.Run(context.Background(), w.declaration(), o)
		if name == "rollout" && (err != nil || len(pass.Observed) != 2 || rounds != 1) {
			t.Errorf("%s: %d rounds, %v", name, rounds, err)
		}
	}
}
