package hosttest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const testHost = "h1.example.org"

func newFake() *Fake {
	f := New(Config{
		Host:         testHost,
		Installation: "inst",
		Bridges:      []string{"br0"},
		Images:       []string{"busybox"},
	})
	f.CreateByHand("base")
	return f
}

func subjectOf(f *Fake, d Driver, backing string) Subject {
	return Subject{
		Driver: d, Host: testHost, Installation: "inst", Base: "base", Backing: backing,
		Image: "busybox",
		Network: &spec.Network{
			Name: "net", Bridge: "br0",
			CIDR:    netip.MustParsePrefix("10.9.0.0/24"),
			Gateway: netip.MustParseAddr("10.9.0.1"),
			First:   netip.MustParseAddr("10.9.0.2"),
			Last:    netip.MustParseAddr("10.9.0.20"),
		},
		Fingerprint: f.fingerprint,
		Damage:      func(_ *testing.T, name string) { f.DamageByHand(name) },
		ReadGuest:   f.readGuest,
	}
}

// fingerprint prints the files alone, not what runs.
func (f *Fake) fingerprint(*testing.T) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		printConfig(&b, name, &f.containers[name].config)
	}
	return b.String()
}

func (f *Fake) readGuest(t *testing.T, name, path string) string {
	g, ok := f.Guest(name)
	if !ok {
		t.Fatalf("container %q has no root file system", name)
	}
	var shadow strings.Builder
	for user, hash := range g.Shadow {
		fmt.Fprintf(&shadow, "%s:%s:::\n", user, hash)
	}
	return map[string]string{
		"/etc/shadow": shadow.String(), "/etc/hosts": g.Hosts, "/etc/resolv.conf": g.Resolv,
	}[path]
}

func TestFakePassesTheSuite(t *testing.T) {
	t.Parallel()
	for _, backing := range []string{"dir", "overlayfs"} {
		t.Run(backing, func(t *testing.T) {
			Run(t, func(*testing.T) Subject {
				f := newFake()
				return subjectOf(f, f, backing)
			})
		})
	}
}

// broken is a driver with one bug.
type broken struct {
	*Fake
	bug string
}

// bugs names, for each bug, a case of the suite that must fail on it.
var bugs = map[string]string{
	"destroys what is not ours":      "destroy_spares_what_does_not_carry_the_mark",
	"restarts on configure":          "an_address_changes_while_the_container_runs",
	"forgets to configure what runs": "a_memory_limit_changes_while_the_container_runs",
	"hands the lock to everybody":    "the_lock_excludes_a_second_writer",
	"clones what runs":               "a_running_source_is_refused_by_name",
	"starts what is damaged":         "a_container_without_root_file_system_is_not_started",
	"tries again in vain":            "a_missing_source_is_refused_by_name",
	"writes for nothing":             "a_second_configure_writes_nothing",
	"keeps the password to itself":   "the_guest_has_the_password",
	"shows half of the host":         "an_untouched_host_shows_its_bridge",
	"starts once more":               "a_step_that_was_done_can_be_done_again",
	"makes it without a mark":        "a_template_script_makes_a_container",
	"finds every image":              "a_missing_template_script_is_refused_by_name",
	"loses the mark":                 "the_steps_of_a_new_container_bring_what_was_declared",
}

func (b broken) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	f := b.Fake
	switch is := func(bug string, a plan.Action) bool { return b.bug == bug && s.Action == a }; {
	case is("destroys what is not ours", plan.Destroy) && f.is(s.Container, present):
		f.DestroyByHand(s.Container)
		return "gone", nil
	case is("restarts on configure", plan.Configure) && f.is(s.Container, running):
		f.StopByHand(s.Container)
		defer f.StartByHand(s.Container)
	case is("forgets to configure what runs", plan.Configure) && f.is(s.Container, running):
		return "configured", nil
	case is("clones what runs", plan.Clone) && f.is(s.Want.FromContainer, present):
		f.StopByHand(s.Want.FromContainer)
	case is("starts what is damaged", plan.Start):
		f.mustHave(s.Container, func(c *container) { c.rootfs = &Guest{} })
	case is("tries again in vain", plan.Clone) && s.Want.FromContainer == "nowhere":
		return "", fmt.Errorf("no source %q", s.Want.FromContainer)
	case is("writes for nothing", plan.Configure):
		f.EditConfig(s.Container, func(c *plan.Config) {
			c.Raw = map[string][]string{"#": append(c.Raw["#"], "again")}
		})
	case is("keeps the password to itself", plan.Password):
		return "set", nil
	case is("starts once more", plan.Start) && f.is(s.Container, running):
		f.StopByHand(s.Container)
	case is("makes it without a mark", plan.Create):
		defer f.EditMark(s.Container, nil)
	case is("finds every image", plan.Create):
		f.config.Images = append(f.config.Images, s.Want.Image)
	case is("loses the mark", plan.DNS):
		defer f.EditMark(s.Container, nil)
	}
	return f.Do(ctx, s, x)
}

func present(*container) bool   { return true }
func running(c *container) bool { return c.live != nil }

// is reports whether there is such a container and it is so.
func (f *Fake) is(name string, so func(*container) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.containers[name]
	return ok && so(c)
}

func (b broken) Observe(ctx context.Context) (plan.Actual, error) {
	a, err := b.Fake.Observe(ctx)
	if b.bug == "shows half of the host" {
		a.Containers = a.Containers[len(a.Containers)/2+1:]
	}
	return a, err
}

func (b broken) Lock(ctx context.Context, by string) (func() error, error) {
	if b.bug == "hands the lock to everybody" {
		return func() error { return nil }, nil
	}
	return b.Fake.Lock(ctx, by)
}

// TestSuiteCatches runs the suite on broken drivers in a process of its own, since there it must
// fail.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for bug, failing := range bugs {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			child := exec.Command(os.Args[0], "-test.run=^TestBrokenDriver$", "-test.v")
			child.Env = append(os.Environ(), "HOSTTEST_BUG="+bug)
			out, err := child.CombinedOutput()
			if err == nil {
				t.Fatal("the suite lets a driver pass that a user must not get")
			}
			if !strings.Contains(string(out), "--- FAIL: TestBrokenDriver/"+failing) {
				t.Errorf("the case that is meant for this bug does not fail:\n%s", out)
			}
		})
	}
}

func TestBrokenDriver(t *testing.T) {
	bug := os.Getenv("HOSTTEST_BUG")
	if bug == "" {
		t.Skip("only for TestSuiteCatches")
	}
	Run(t, func(*testing.T) Subject {
		f := newFake()
		f.EditConfig("base", func(c *plan.Config) { c.Raw = map[string][]string{"#": {"base"}} })
		return subjectOf(f, broken{Fake: f, bug: bug}, "dir")
	})
}
