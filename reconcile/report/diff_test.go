package report_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"reconciler/reconcile/report"
	"reconciler/spec"
)

func aDiff() report.Diff {
	at := spec.Position{File: "a.yaml", Line: 3}
	return report.Diff{Old: strings.Repeat("a", 40), New: strings.Repeat("b", 40),
		Containers: []spec.Difference{
			{Host: "h", Container: "changed", Kind: spec.DiffChanged, Position: at,
				Settings: []spec.SettingChange{
					{Key: "memory", Old: "512M", New: "1G", OldLayer: "profile web",
						NewLayer: "profile web", NewPosition: at, Acted: true},
					{Key: "cpushare", New: "10", NewLayer: "defaults", NewPosition: at, Acted: true},
					{Key: "cpuset", Old: "0", OldLayer: "container", OldPosition: at, Acted: true},
					{Key: "backing", Old: "overlayfs", New: "dir", OldLayer: "container",
						NewLayer: "built in", Acted: true},
					{Key: "mode", Old: "salt", New: "pepper", OldLayer: "container",
						NewLayer: "container", NewPosition: at},
					{Key: "password", Old: "hush", New: "hush2", OldLayer: "container",
						NewLayer: "container", NewPosition: at, Acted: true, Sensitive: true},
				}},
			{Host: "h", Container: "gone", Kind: spec.DiffRemoved, Position: at,
				Settings: []spec.SettingChange{
					{Key: "memory", Old: "1G", OldLayer: "container", OldPosition: at, Acted: true},
					{Key: "running", Old: "true", OldLayer: "built in", Acted: true}}},
			{Host: "h", Container: "new", Kind: spec.DiffAdded, Position: at,
				Settings: []spec.SettingChange{
					{Key: "memory", New: "1G", NewLayer: "container", NewPosition: at, Acted: true},
					{Key: "running", New: "true", NewLayer: "built in", Acted: true}}},
		}}
}

func diffText(t *testing.T, d report.Diff) string {
	t.Helper()
	var b strings.Builder
	if err := d.Text(&b, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextOfADiff(t *testing.T) {
	t.Parallel()
	want := `  ~ h/changed changed
      declared at a.yaml:3
      ~ memory: 512M → 1G  (profile web, a.yaml:3)
      + cpushare: 10  (defaults, a.yaml:3)
      - cpuset: 0  (container, a.yaml:3)
      ~ backing: overlayfs → dir  (built in)
      ~ mode: salt → pepper  (container, a.yaml:3; not acted on yet)
      ~ password: (sensitive) → (sensitive)  (container, a.yaml:3)

  - h/gone removed
      was declared at a.yaml:3
      - memory: 1G  (container, a.yaml:3)

  + h/new added
      declared at a.yaml:3
      + memory: 1G  (container, a.yaml:3)

Declared: 1 added, 1 changed, 1 removed. aaaaaaaaaaaa → bbbbbbbbbbbb
`
	if got := diffText(t, aDiff()); got != want {
		t.Errorf("the diff reads\n%s\nnot\n%s", got, want)
	}
	none := diffText(t, report.Diff{Old: "v1", New: "v2"})
	if none != "No differences. v1 → v2\n" {
		t.Errorf("without a difference it reads %q", none)
	}
}

func TestJSONOfADiff(t *testing.T) {
	t.Parallel()
	d := aDiff()
	d.Containers = append(d.Containers, spec.Difference{Host: "h", Container: "z"})
	var b strings.Builder
	if err := d.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		FormatVersion string `json:"format_version"`
		Old, New      string
		Containers    []spec.Difference
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.FormatVersion == "" || got.Old != d.Old || got.New != d.New || len(got.Containers) != 4 {
		t.Errorf("the document is %+v", got)
	}
	if s := got.Containers[0].Settings[0]; s != d.Containers[0].Settings[0] {
		t.Errorf("a setting came back as %+v", s)
	}
	if got.Containers[3].Settings == nil {
		t.Error("an empty list is null")
	}
}

// Whoever writes the tree must not write to the terminal of who reviews it, nor show a secret.
func TestADiffIsSafeToPrint(t *testing.T) {
	t.Parallel()
	d := aDiff()
	evil := "\x1b[2J::error::x\n\u202e"
	d.Old, d.Containers[0].Container = evil, evil
	for i := range d.Containers[0].Settings {
		s := &d.Containers[0].Settings[i]
		s.Key, s.Old, s.New, s.NewLayer, s.NewPosition.File = evil, evil, evil, evil, evil
	}
	secret := &d.Containers[0].Settings[5]
	secret.Old, secret.New = "hush", "hush2"
	var b strings.Builder
	if err := d.JSON(&b); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"text": diffText(t, d), "JSON": b.String()} {
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\n::") {
			t.Errorf("%s: acts on a terminal: %q", name, text)
		}
		if strings.Contains(text, "hush") {
			t.Errorf("%s: shows a secret: %s", name, text)
		}
	}
	if err := d.Text(lost{}, report.TextOptions{}); err == nil {
		t.Error("a text that is lost is no error")
	}
	if err := d.JSON(lost{}); err == nil {
		t.Error("a document that is lost is no error")
	}
}

// lost is a pipe that nobody reads.
type lost struct{}

func (lost) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
