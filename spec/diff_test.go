package spec_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reconciler/spec"
	"reconciler/spec/decrypt/decrypttest"
)

// differences prints what two declarations differ in.
func differences(t *testing.T, before, after string) string {
	t.Helper()
	var b strings.Builder
	for _, d := range spec.Diff(parse(t, before), parse(t, after)) {
		fmt.Fprintf(&b, "%s/%s %s at %s\n", d.Host, d.Container, d.Kind, d.Position)
		for _, s := range d.Settings {
			fmt.Fprintf(&b, "  %s: %q [%s %s] -> %q [%s %s] %s %v %v\n", s.Key, s.Old, s.OldLayer,
				s.OldPosition, s.New, s.NewLayer, s.NewPosition, s.Class, s.Acted, s.Sensitive)
		}
	}
	return b.String()
}

func TestDiffOfEffectiveSettings(t *testing.T) {
	t.Parallel()
	const rest = "\ntargets: {h: {a: {profile: web}, b: {cpushare: 10}}}"
	got := differences(t, "profiles: {web: {memory: 512M}}"+rest,
		"profiles: {web: {memory: 1G, mode: salt}}\ndefaults: {cpushare: 10}"+rest)
	want := `h/a changed at a.yaml:3
  cpushare: "" [ built in] -> "10" [defaults a.yaml:2] live true false
  memory: "512M" [profile web a.yaml:1] -> "1G" [profile web a.yaml:1] live true false
  mode: "" [ built in] -> "salt" [profile web a.yaml:1]  false false
`
	if got != want {
		t.Errorf("a change of a profile shows as\n%s\nnot\n%s", got, want)
	}
}

func TestDiffOfContainersThatComeAndGo(t *testing.T) {
	t.Parallel()
	got := differences(t, "targets: {h: {b: {}, a: {}}, i: {c: {}}}",
		"targets: {h: {b: {}}, g: {d: {}}}")
	var heads []string
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, " ") {
			heads = append(heads, line)
		}
	}
	want := []string{"g/d added at a.yaml:1\n", "h/a removed at a.yaml:1\n",
		"i/c removed at a.yaml:1\n"}
	if !slices.Equal(heads, want) {
		t.Errorf("got %q, want %q", heads, want)
	}
	if !strings.Contains(got, `from_container: "" [ built in] -> "base" [built in built in]`) {
		t.Errorf("what a new container will be like is not shown:\n%s", got)
	}
}

// A secret that changes is told, and neither it nor the old one is shown.
func TestDiffShowsNoSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after, want string }{
		"changed":     {"password: hush", "password: hushed", `"(sensitive)" -> "(sensitive)"`},
		"new":         {"", "password: hush", `"" -> "(sensitive)"`},
		"gone":        {"password: hush", "", `"(sensitive)" -> ""`},
		"not acted":   {"priv_key: hush", "priv_key: hushed", `"(sensitive)" -> "(sensitive)"`},
		"same":        {"password: hush", "password: hush", ""},
		"same, later": {"priv_key: hush", "priv_key: hush", ""},
	} {
		a := parse(t, "targets: {h: {c: {"+test.before+"}}}")
		b := parse(t, "targets: {h: {c: {"+test.after+"}}}")
		got := ""
		list := spec.Diff(a, b)
		for _, d := range list {
			for _, s := range d.Settings {
				got += fmt.Sprintf("%q -> %q", s.Old, s.New)
				if !s.Sensitive {
					t.Errorf("%s: %s is not called sensitive", name, s.Key)
				}
			}
		}
		text, err := json.Marshal(list)
		shown := strings.Contains(fmt.Sprintf("%s %+v", text, list), "hush")
		if err != nil || got != test.want || shown {
			t.Errorf("%s: got %s in %s, want %s (error %v)", name, got, text, test.want, err)
		}
	}
}

// Values that are too long to be shown are compared in full.
func TestDiffSeesTheEndOfLongValues(t *testing.T) {
	t.Parallel()
	long := "targets: {h: {c: {mounts: [" + strings.Repeat("x, ", 200) + "%s]}}}"
	if got := differences(t, fmt.Sprintf(long, "y"), fmt.Sprintf(long, "z")); !strings.Contains(got,
		"mounts") {
		t.Errorf("a change at the end is not seen: %s", got)
	}
	if got := differences(t, fmt.Sprintf(long, "y"), fmt.Sprintf(long, "y")); got != "" {
		t.Errorf("the same differs: %s", got)
	}
}

func TestDiffOfUnopenedSecrets(t *testing.T) {
	t.Parallel()
	text := "targets: {h: {c: {password: %s}}}"
	one := fmt.Sprintf(text, tagged("hush", decrypttest.Recipient))
	other := fmt.Sprintf(text, tagged("x", decrypttest.Recipient))
	if got := differences(t, one, other); got != "" {
		t.Errorf("nobody can tell whether they differ: %s", got)
	}
	if got := differences(t, one, "targets: {h: {c: {password: hush}}}"); !strings.Contains(got,
		`"(sensitive)" [container a.yaml:1] -> "(sensitive)"`) {
		t.Errorf("a secret that is in clear now is not told: %s", got)
	}
}

// settingsOf returns the values of all settings of all containers.
func settingsOf(tree *spec.Tree) map[string]string {
	values := map[string]string{}
	for host, h := range tree.Hosts {
		for name := range h.Containers {
			list, _ := tree.Settings(host, name)
			for _, s := range list {
				values[host+"/"+name+" "+s.Key] = s.Value
			}
		}
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	return values
}

// What is in a diff is what leads from one tree to the other, and back.
func TestDiffLeadsFromOneTreeToTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func() *spec.Tree {
			pieces := drawPieces(t)
			place := rapid.SliceOfN(rapid.IntRange(0, 3), len(pieces), len(pieces))
			tree, err := spec.Parse(files(pieces, place.Draw(t, "files")), spec.Options{})
			if err != nil {
				t.Skip("not valid")
			}
			return tree
		}
		a, b := draw(), draw()
		if same := spec.Diff(a, a); len(same) > 0 {
			t.Fatalf("a tree differs from itself: %+v", same)
		}
		there, back := settingsOf(a), settingsOf(b)
		for _, d := range spec.Diff(a, b) {
			for _, s := range d.Settings {
				move(there, d, s.Key, s.New)
				move(back, d, s.Key, s.Old)
			}
		}
		if diff := cmp.Diff(settingsOf(b), there); diff != "" {
			t.Fatalf("with the difference the old tree is not the new one:\n%s", diff)
		}
		if diff := cmp.Diff(settingsOf(a), back); diff != "" {
			t.Fatalf("without the difference the new tree is not the old one:\n%s", diff)
		}
	})
}

func move(values map[string]string, d spec.Difference, key, value string) {
	at := d.Host + "/" + d.Container + " " + key
	if value == "(sensitive)" {
		value = "***"
	}
	if values[at] = value; value == "" {
		delete(values, at)
	}
}
