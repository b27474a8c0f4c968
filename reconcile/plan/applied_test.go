package plan_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func TestAppliedIsTheCanonicalTextOfEverySetting(t *testing.T) {
	t.Parallel()
	d := declare("web", memory(1536<<20), overlay, protect, conf("b=2", "a=1", "b=1"),
		func(d *plan.Desired) {
			d.IP, d.MAC = netip.MustParseAddr("10.5.1.2"), "00:16:3e:00:00:01"
			d.Domains = []string{"web", "a", "b"}
			d.SearchDomains = []string{"lan", "corp"}
			d.Users = []string{"joe", "root"}
			d.CPUSet, d.CPUShare = "0-1", 512
			d.LXCConfUnset = []string{"z", "y"}
			d.Password = spec.NewSecret("clear")
		})
	want := map[string]string{
		"from_container": "base", "backing": "overlayfs", "snapshot": "true", "protect": "true",
		"network": "lan", "bridge": "br0", "ip": "10.5.1.2/16", "gateway": "10.5.0.1",
		"mac": "00:16:3e:00:00:01", "domains": "web a b", "dnsservers": "10.5.0.1",
		"searchdomains": "lan corp", "password": "tag-web", "users": "joe root",
		"autostart": "true", "running": "true", "memory": "1536M", "cpuset": "0-1",
		"cpushare": "512", "lxc_conf": "a=1\nb=2\nb=1", "lxc_conf_unset": "y z",
	}
	if diff := cmp.Diff(want, d.Applied()); diff != "" {
		t.Errorf("the record would hold (-want +got):\n%s", diff)
	}
	bare := plan.Desired{}
	want = map[string]string{"autostart": "false", "running": "false"}
	if diff := cmp.Diff(want, bare.Applied()); diff != "" {
		t.Errorf("what is not declared is recorded (-want +got):\n%s", diff)
	}
	base := template("base", overlay, memory(1), conf("a=1"), unprotect, func(d *plan.Desired) {
		d.Options = map[string]string{"b": "2", "a": "1"}
	})
	want = map[string]string{"image": "busybox", "options": "a=1\nb=2", "backing": "overlayfs",
		"snapshot": "true", "protect": "false"}
	if diff := cmp.Diff(want, base.Applied()); diff != "" {
		t.Errorf("a template records more than its creation (-want +got):\n%s", diff)
	}
}

func TestAppliedHoldsNoSecret(t *testing.T) {
	t.Parallel()
	d := declare("web", func(d *plan.Desired) { d.Password = spec.NewSecret("hunter2") })
	for key, text := range d.Applied() {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password is in the record under %s", key)
		}
	}
}

func TestHeldSettingsKeepTheirRecordedText(t *testing.T) {
	t.Parallel()
	d := declare("web")
	want := maps.Clone(d.Applied())
	want["from_container"] = "old"
	delete(want, "backing")
	d.Held = map[string]string{"from_container": "old", "backing": ""}
	if diff := cmp.Diff(want, d.Applied()); diff != "" {
		t.Errorf("a setting that was not carried out is recorded as done (-want +got):\n%s", diff)
	}
}

func TestSizesHaveOneText(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{
		1: "1", 1023: "1023", 1024: "1K", 1536: "1536", 1 << 20: "1M", 512 << 20: "512M",
		1 << 30: "1G", 3 << 40: "3T", 5 << 50: "5120T",
	} {
		if got := declare("web", memory(bytes)).Applied()["memory"]; got != want {
			t.Errorf("%d bytes are recorded as %q, not %q", bytes, got, want)
		}
	}
}

func TestConfigIsWhatTheFileShallSay(t *testing.T) {
	t.Parallel()
	d := declare("web", memory(1<<30), conf("b=2", "a=1", "b=1"))
	want := plan.Config{
		Hostname: "web", Bridge: "br0", MAC: d.MAC, Address: netip.PrefixFrom(d.IP, 16),
		Gateway: netip.MustParseAddr("10.5.0.1"), Autostart: true, Memory: 1 << 30,
		Raw: map[string][]string{"a": {"1"}, "b": {"2", "1"}},
	}
	same := cmp.Comparer(func(a, b plan.Config) bool {
		return a.Address == b.Address && a.Gateway == b.Gateway && cmp.Equal(a.Raw, b.Raw) &&
			a.Hostname == b.Hostname && a.Bridge == b.Bridge && a.MAC == b.MAC &&
			a.Autostart == b.Autostart && a.Memory == b.Memory
	})
	if !cmp.Equal(want, d.Config(), same) {
		t.Errorf("the file would say %+v, not %+v", d.Config(), want)
	}
	if c := (plan.Desired{}).Config(); c.Address.IsValid() || c.Raw != nil {
		t.Errorf("an empty declaration asks for %+v", c)
	}
}

// A setting without a class would be changed on a running container without a word.
func TestEveryRecordedSettingHasAClass(t *testing.T) {
	t.Parallel()
	d := declare("web", memory(1), overlay, protect, conf("a=1"), func(d *plan.Desired) {
		d.Image, d.Options = "debian", map[string]string{"a": "1"}
		d.SearchDomains, d.LXCConfUnset = []string{"lan"}, []string{"b"}
		d.CPUSet, d.CPUShare = "0", 2
	})
	recorded := d.Applied()
	if len(recorded) != 23 {
		t.Errorf("the test does not know every setting: %v", recorded)
	}
	for key := range recorded {
		if spec.ClassOf(key) == "" {
			t.Errorf("%s has no class", key)
		}
	}
}

// The order in which a tree lists things must not look like a change.
func TestOrderInTheDeclarationIsNoChange(t *testing.T) {
	t.Parallel()
	s := onHost().both(declare("web", conf("a=1", "b=2", "a=3"), func(d *plan.Desired) {
		d.LXCConfUnset = []string{"y", "x"}
	}))
	d := &s.in.Desired[0]
	d.LXCConf = nil
	conf("b=2", "a=1", "a=3")(d)
	d.LXCConfUnset = []string{"x", "y"}
	if p := plan.Compute(s.Input); !p.Empty() {
		t.Errorf("another order of keys is planned as\n%s", text(p))
	}
	d.LXCConf = nil
	conf("b=2", "a=3", "a=1")(d)
	if p := plan.Compute(s.Input); p.Empty() {
		t.Error("another order of the values of one key is not noticed")
	}
}

// A record that only says with which raw settings its container was begun proves nothing more.
func TestCarriedOut(t *testing.T) {
	t.Parallel()
	d := declare("web", conf("a=1"))
	for name, test := range map[string]struct {
		applied map[string]string
		want    bool
	}{
		"nothing yet":                  {nil, false},
		"a first creation was begun":   {d.Begun(nil), false},
		"carried out":                  {d.Applied(), true},
		"carried out, a change begun":  {declare("web", conf("a=2")).Begun(d.Applied()), true},
		"without raw settings nothing": {declare("web").Begun(nil), false},
	} {
		if got := plan.CarriedOut(test.applied); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	applied := d.Applied()
	before := maps.Clone(applied)
	declare("web", conf("a=2")).Begun(applied)
	if !maps.Equal(applied, before) {
		t.Errorf("the caller's map is changed to %v", applied)
	}
}
