package prepare

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
)

func TestNeededSettings(t *testing.T) {
	t.Parallel()
	nat := []spec.PreparedBridge{{Name: "b", NAT: true,
		Address: netip.MustParsePrefix("10.5.0.1/16")}}
	for name, c := range map[string]struct {
		want   spec.Preparation
		result map[string]string
	}{
		"nothing": {spec.Preparation{}, map[string]string{}},
		"NAT":     {spec.Preparation{Bridges: nat}, map[string]string{forwarding: "1"}},
		"a bridge without": {spec.Preparation{Bridges: []spec.PreparedBridge{{Name: "b"}}},
			map[string]string{}},
		"NAT, and it is declared": {spec.Preparation{Bridges: nat,
			Sysctl: map[string]string{"net.ipv4.ip_forward": "1"}}, map[string]string{forwarding: "1"}},
		"twice the same": {spec.Preparation{Sysctl: map[string]string{"a.b": "1 2", "a/b": "1\t2"}},
			map[string]string{"a/b": "1 2"}},
	} {
		if got := neededSettings(&c.want); !maps.EqualFunc(got, c.result, sameValue) {
			t.Errorf("%s: the kernel is told %v, want %v", name, got, c.result)
		}
	}
}

// TestSettingsSurvive: what is written for the next boot is what is read, also of earlier
// declarations.
func TestSettingsSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := rapid.MapOf(rapid.StringMatching(`[a-z]{1,8}(/[a-z0-9_.-]{1,8}){1,4}`),
			rapid.StringMatching(`[!-~]([ -~]{0,10}[!-~])?`)).Draw(t, "settings")
		text := settingsText(settings)
		if got := parseSettings(text); !maps.Equal(got, settings) {
			t.Fatalf("written is\n%s\nwhich reads as %q, want %q", text, got, settings)
		}
		if again := settingsText(parseSettings(text)); again != text {
			t.Fatalf("the same settings are written as\n%s\nand as\n%s", text, again)
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add("# a\n;b\nnet.ipv4.ip_forward = 1\n-x.y=2\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		once := parseSettings(text)
		for path, value := range once {
			if strings.ContainsAny(path+value, "\n") {
				t.Errorf("%q has a setting of two lines: %q = %q", text, path, value)
			}
		}
	})
}
