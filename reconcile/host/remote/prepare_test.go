package remote

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func wanted() spec.Preparation {
	return spec.Preparation{
		Packages: []string{"debootstrap"},
		Bridges: []spec.PreparedBridge{{Name: "br9", Address: netip.MustParsePrefix("10.9.0.1/24"),
			NAT: true, DHCPFirst: netip.MustParseAddr("10.9.0.5"),
			DHCPLast: netip.MustParseAddr("10.9.0.9")}},
		SubIDs:      map[string]spec.IDRange{"root": {First: 100000, Count: 65536}},
		Sysctl:      map[string]string{"net.ipv4.ip_forward": "1"},
		Directories: []spec.Directory{{Path: "/srv/lxc", Mode: 0o755}},
	}
}

func whatOf(changes []plan.HostChange) string {
	var all []string
	for _, c := range changes {
		all = append(all, c.What)
	}
	return strings.Join(all, ", ")
}

func TestHostIsPreparedOverTheWire(t *testing.T) {
	t.Parallel()
	fake := newFake()
	h := over(t, fake, slow())
	want := wanted()
	facts, changes, err := h.Check(t.Context(), &want)
	nearFacts, near, _ := fake.Check(t.Context(), &want)
	if err != nil || whatOf(changes) != whatOf(near) || facts.LXC != nearFacts.LXC ||
		facts.Memory != nearFacts.Memory || !slices.Equal(facts.Backings, nearFacts.Backings) {
		t.Fatalf("a remote host says %+v, %q, %v; it is %+v, %q", facts, whatOf(changes), err,
			nearFacts, whatOf(near))
	}
	done, err := h.Prepare(t.Context(), want)
	if err != nil || len(done) != len(near) ||
		!strings.Contains(fake.String(), "bridge br9: 10.9.0.1/24, NAT, DHCP 10.9.0.5-10.9.0.9") {
		t.Errorf("done %q, %v\n%s", done, err, fake)
	}
	if done, err := h.Prepare(t.Context(), want); err != nil || len(done) != 0 {
		t.Errorf("the second time it does %q, %v", done, err)
	}
	if _, changes, err := h.Check(t.Context(), nil); err != nil || len(changes) != 0 {
		t.Errorf("asked for facts alone: %q, %v", whatOf(changes), err)
	}
}

func TestWhatWasDoneIsToldWithTheError(t *testing.T) {
	t.Parallel()
	fake := newFake()
	h := over(t, fake, slow())
	fake.FailPreparing(errors.New("E: the disk is full"))
	done, err := h.Prepare(t.Context(), wanted())
	if err == nil || err.Error() != "E: the disk is full" || len(done) != 1 {
		t.Errorf("done %q, %v", done, err)
	}
	if _, err := h.Observe(t.Context()); err != nil {
		t.Errorf("the connection is lost by it: %v", err)
	}
}

func TestBadPreparationsReachNoHost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a package that is an option": `{"packages":["-oX=y"]}`,
		"a bridge with a shell":       `{"bridges":[{"name":"a;b"}]}`,
		"a sysctl that climbs":        `{"sysctl":{"net/../../etc/passwd":"x"}}`,
		"a directory of the system":   `{"directories":[{"path":"/etc","mode":511}]}`,
		"an unknown key":              `{"shell":"rm"}`,
		"another type":                `{"packages":"lxc"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake()
			r, _ := rawTo(t, fake)
			r.ask(helloText)
			for _, method := range []string{"check", "prepare"} {
				got := r.ask(`{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":{"Want":` +
					want + `}}`)
				if !strings.Contains(got, `"error"`) || fake.Writes() != 0 {
					t.Errorf("%s is answered with %s, %d writes", method, got, fake.Writes())
				}
			}
		})
	}
}

// slowPreparer waits in Prepare until it is told to end.
type slowPreparer struct {
	*hosttest.Fake
	begun chan struct{}
}

func (s slowPreparer) Prepare(ctx context.Context, _ spec.Preparation) ([]string, error) {
	close(s.begun)
	<-ctx.Done()
	return []string{"made a half"}, context.Cause(ctx)
}

func TestPreparationIsCancelled(t *testing.T) {
	t.Parallel()
	waiting := slowPreparer{newFake(), make(chan struct{})}
	h := over(t, waiting, slow())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-waiting.begun
		cancel()
	}()
	done, err := h.Prepare(ctx, wanted())
	if !errors.Is(err, context.Canceled) || len(done) != 1 {
		t.Errorf("done %q, %v", done, err)
	}
}

// dumb is a driver that cannot prepare its machine.
type dumb struct{ Driver }

func TestAgentThatCannotPrepareSaysSo(t *testing.T) {
	t.Parallel()
	h := over(t, dumb{newFake()}, slow())
	_, _, err := h.Check(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "cannot prepare a host") {
		t.Errorf("check: %v", err)
	}
	if _, err := h.Prepare(t.Context(), wanted()); err == nil {
		t.Error("nothing is prepared, and nobody learns it")
	}
}
