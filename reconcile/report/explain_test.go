package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"reconciler/spec"
)

// explained is an explanation with everything that there is to say.
func explained() Explained {
	layer := func(name, value string, line int, c *LineChange) ExplainedLayer {
		l := ExplainedLayer{Layer: spec.Layer{Name: name, Value: value, Wins: c != nil}, Change: c}
		if line > 0 {
			l.Position, l.LastLine = at(line), line
		}
		return l
	}
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	signed := &LineChange{Committed: true, Commit: strings.Repeat("ab", 20), Subject: "more memory",
		Author: "Ann <ann@example.com>", Time: day, Signer: "ann@example.com (ssh SHA256:x)"}
	unsigned := *signed
	unsigned.Signer, unsigned.Doubt = "", "it is not signed"
	p := fullPlan()
	return Explained{Host: "devhost10.local", Container: "web.example.com", Declared: true, Plan: &p,
		Notes: []string{"who wrote it: it is no git repository"},
		Settings: []ExplainedSetting{
			{Key: "image", Class: spec.Recreate, Acted: true,
				Layers: []ExplainedLayer{layer("defaults", "busybox", 3, nil)}},
			{Key: "ip", Class: spec.Live, Acted: true, Layers: []ExplainedLayer{{Layer: spec.Layer{
				Name: "generated", Value: "(generated in the first run)", Wins: true}}}},
			{Key: "memory", Class: spec.Live, Acted: true, Layers: []ExplainedLayer{
				layer("profile web", "1073741824", 7, signed), layer("defaults", "64M", 2, nil)}},
			{Key: "mode", Layers: []ExplainedLayer{layer("container", "(sensitive)", 9, &unsigned)}},
			{Key: "password", Class: spec.Once, Acted: true,
				Layers: []ExplainedLayer{layer("container", "(sensitive)", 10, &LineChange{})}},
			{Key: "size", Class: spec.Recreate, Acted: true},
			{Key: "users", Class: spec.Once, Acted: true, Layers: []ExplainedLayer{
				layer("defaults", "root ops", 2, &LineChange{Committed: true, Cut: true,
					Commit: signed.Commit}), layer("built in", "root", 0, nil)}},
		}}
}

func TestExplainedGoldens(t *testing.T) {
	t.Parallel()
	full := explained()
	bare := Explained{Host: "devhost10.local", Container: "gone.example.com"}
	for name, e := range map[string]Explained{"explain": full, "explain-undeclared": bare} {
		golden(t, name+".txt", func(w io.Writer) error { return e.Text(w, TextOptions{}) })
		golden(t, name+".json", e.JSON)
	}
}

// Whoever writes a tree or a commit must not be able to play tricks on a terminal or a build log.
func TestExplainedIsHarmless(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\x1b[2Jgone", "a\nb", "\u202ereversed", "##[group]x", "\xff",
		"::error::x"} {
		e := poisoned[Explained](s)
		for i := range e.Settings {
			for j := range e.Settings[i].Layers {
				change := poisoned[LineChange](s)
				change.Committed, change.Cut = true, j == 1
				e.Settings[i].Layers[j].Change = &change
			}
		}
		var text, document bytes.Buffer
		if err := e.Text(&text, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := e.JSON(&document); err != nil || !json.Valid(document.Bytes()) {
			t.Errorf("%q breaks the document: %v", s, err)
		}
		for _, out := range []string{text.String(), document.String()} {
			if bad := harmful(out); bad != "" || strings.Contains(out, "##[") {
				t.Errorf("%q brings %s onto the terminal:\n%s", s, bad, out)
			}
			for line := range strings.Lines(out) {
				if strings.HasPrefix(strings.TrimSpace(line), "::") {
					t.Errorf("%q gives a command to a build server: %s", s, line)
				}
			}
		}
	}
}
