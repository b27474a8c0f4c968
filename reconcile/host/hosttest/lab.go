package hosttest

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// patience ends a driver that hangs; no healthy step comes near it.
const patience = 2 * time.Minute

const megabyte = 1 << 20

// testHash is the SHA-512 crypt(5) of a word that nobody uses.
const testHash = "$6$rounds=1000$hosttest$" +
	"Yc1mG4mXTRUdqJmlG5iKkJ0Y1qQqKq7JmG0a3l8q3HnR2mNnNWnAhqkMxNTfB4NGTcD1pWcSkQXw5c8yWuF1x."

// lab is one case of the suite at work.
type lab struct {
	t *testing.T
	s Subject
}

func newLab(t *testing.T, s Subject) *lab {
	t.Helper()
	return &lab{t: t, s: s}
}

// want declares a clone of the base with the n-th address of the range, from 0.
func (l *lab) want(name string, n int) *plan.Desired {
	address := l.s.Network.First
	for range n {
		address = address.Next()
	}
	return &plan.Desired{
		UID: digest(name),
		Container: spec.Container{
			Host: l.s.Host,
			Name: name,
			Settings: spec.Settings{
				FromContainer: l.s.Base,
				Backing:       l.s.Backing,
				Network:       l.s.Network,
				Bridge:        l.s.Network.Bridge,
				IP:            address,
				PrefixLen:     l.s.Network.CIDR.Bits(),
				Gateway:       l.s.Network.Gateway,
				MAC:           macOf(name),
				Domains:       []string{name, name + ".example.org"},
				DNSServers:    []netip.Addr{netip.MustParseAddr("192.0.2.53")},
				SearchDomains: []string{"example.org"},
				Users:         []string{"root"},
				Running:       true,
				Memory:        64 * megabyte,
			},
		},
	}
}

// newSteps are the actions of a new container, in order.
func newSteps() []plan.Action {
	return []plan.Action{
		plan.Clone, plan.Configure, plan.Start, plan.Password, plan.Address, plan.DNS,
	}
}

func step(w *plan.Desired, a plan.Action) plan.Step {
	return plan.Step{Host: w.Host, Container: w.Name, UID: w.UID, Action: a, Want: w}
}

// try does a step within the patience.
func (l *lab) try(s plan.Step) (string, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	var secrets execute.Secrets
	if s.Action == plan.Password {
		secrets.PasswordHash = testHash
	}
	return l.s.Driver.Do(ctx, s, secrets)
}

// do does steps that must succeed and say what they did.
func (l *lab) do(w *plan.Desired, actions ...plan.Action) {
	l.t.Helper()
	for _, a := range actions {
		message, err := l.try(step(w, a))
		if err != nil {
			l.t.Fatalf("%s of %q fails: %v", a, w.Name, err)
		}
		if message == "" {
			l.t.Errorf("%s of %q does not say what it did", a, w.Name)
		}
	}
}

// refuses checks that a step fails for good, with each of the words in its error.
func (l *lab) refuses(s plan.Step, words ...string) {
	l.t.Helper()
	_, err := l.try(s)
	if err == nil {
		l.t.Fatalf("%s of %q succeeds; it must be refused", s.Action, s.Container)
	}
	if !errors.Is(err, execute.ErrPermanent) {
		l.t.Errorf("%s of %q would be tried again in vain: %v", s.Action, s.Container, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			l.t.Errorf("the error of %s does not name %q: %v", s.Action, word, err)
		}
	}
}

// observe returns the host without what comes and goes by itself.
func (l *lab) observe() plan.Actual {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	actual, err := l.s.Driver.Observe(ctx)
	if err != nil {
		l.t.Fatalf("the host cannot be observed: %v", err)
	}
	for i := range actual.Containers {
		o := &actual.Containers[i]
		o.Addresses = slices.DeleteFunc(o.Addresses, comesByItself)
	}
	return actual
}

// comesByItself reports whether a kernel gives an interface this address unasked.
func comesByItself(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast())
}

// see returns one container that must exist.
func (l *lab) see(name string) plan.Observed {
	l.t.Helper()
	for _, o := range l.observe().Containers {
		if o.Name == name {
			return o
		}
	}
	l.t.Fatalf("container %q is not observed", name)
	return plan.Observed{}
}

// names returns the names of all containers, as observed.
func (l *lab) names() []string {
	l.t.Helper()
	var names []string
	for _, o := range l.observe().Containers {
		names = append(names, o.Name)
	}
	return names
}

// same checks that two observations or parts of them are equal.
func (l *lab) same(loss string, want, got any) {
	l.t.Helper()
	comparable := cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})
	if diff := gocmp.Diff(want, got, comparable, cmpopts.EquateEmpty()); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", loss, diff)
	}
}

// runs checks that a container runs as w declares it, in its file and in truth.
func (l *lab) runs(w *plan.Desired) {
	l.t.Helper()
	o := l.see(w.Name)
	if o.State != plan.Running || o.PID == 0 || o.Live == nil || o.Damage != "" {
		l.t.Fatalf("container %q is %s with pid %d, damage %q; it must run",
			w.Name, o.State, o.PID, o.Damage)
	}
	l.same("the mark is not ours", l.markOf(w), o.Mark)
	want := configOf(w)
	l.same("the file differs from the declaration", want, withoutRaw(o.Config))
	l.same("what runs differs from the declaration", want, asFarAsKnown(*o.Live, want))
	l.same("the container has other addresses", []string{w.IP.String()}, o.Addresses)
}

func (l *lab) markOf(w *plan.Desired) *plan.Mark {
	return &plan.Mark{Installation: l.s.Installation, Host: w.Host, Name: w.Name, UID: w.UID}
}

func configOf(w *plan.Desired) plan.Config {
	return plan.Config{
		Hostname:  w.Name,
		Bridge:    w.Bridge,
		MAC:       w.MAC,
		Address:   netip.PrefixFrom(w.IP, w.PrefixLen),
		Gateway:   w.Gateway,
		Autostart: w.Autostart,
		Memory:    w.Memory,
	}
}

// asFarAsKnown returns a live configuration with the values of want where the host cannot tell or
// where nothing was declared.
func asFarAsKnown(live, want plan.Config) plan.Config {
	live = withoutRaw(live)
	live.Autostart = want.Autostart // means nothing in a container that runs already
	live.Hostname = cmp.Or(live.Hostname, want.Hostname)
	live.Bridge = cmp.Or(live.Bridge, want.Bridge)
	live.MAC = cmp.Or(strings.ToLower(live.MAC), want.MAC)
	live.Gateway = cmp.Or(live.Gateway, want.Gateway)
	live.CPUSet, live.CPUShare = want.CPUSet, want.CPUShare
	return live
}

// withoutRaw leaves out what the base brings along.
func withoutRaw(c plan.Config) plan.Config {
	c.Raw = nil
	return c
}
