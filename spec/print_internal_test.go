package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestBudgetIsSpentOnce(t *testing.T) {
	t.Parallel()
	w := walker{where: Position{File: "a.yaml", Line: 7}}
	if !w.spend(MaxVisits) || w.over != "" {
		t.Fatal("the budget is smaller than its limit")
	}
	if w.spend(1) || w.overAt.Line != 7 {
		t.Fatalf("the budget has no end: %+v", w)
	}
	first := w.over
	w.where.Line = 9
	w.stop("another limit of %d", 1)
	if w.over != first || w.overAt.Line != 7 {
		t.Errorf("the first limit is forgotten: %+v", w)
	}
	if got := w.mapping(&yaml.Node{Kind: yaml.MappingNode,
		Content: []*yaml.Node{{Value: "a"}, {Value: "b"}}}); got != nil {
		t.Errorf("the walk goes on after its end: %v", got)
	}
}

func TestSinkKeepsOneOfEachCauseAndNotTooMany(t *testing.T) {
	t.Parallel()
	var s sink
	if s.err() != nil {
		t.Error("no problem is an error")
	}
	for range 3 {
		s.fail(Problem{Text: "same", Position: Position{"b", 1, 1}})
		s.warn(Problem{Text: "odd", Position: Position{"b", 1, 1}})
	}
	if len(s.problems) != 1 || len(s.warnings) != 1 {
		t.Errorf("one cause is told %d and %d times", len(s.problems), len(s.warnings))
	}
	for i := range 2 * MaxWarnings {
		s.fail(Problem{Text: "x", Position: Position{"a", i, 1}})
		s.warn(Problem{Text: "y", Position: Position{"a", i, 1}})
	}
	if len(s.problems) != MaxProblems+1 || len(s.warnings) != MaxWarnings+1 {
		t.Errorf("kept %d problems and %d warnings", len(s.problems), len(s.warnings))
	}
	var ps Problems
	err := s.err()
	if !errors.As(err, &ps) || !strings.Contains(err.Error(), "more than 1000 problems") {
		t.Errorf("nothing says that there are more: %.200v", err)
	}
	if !slices.IsSortedFunc(ps, func(a, b Problem) int {
		return comparePositions(a.Position, b.Position)
	}) {
		t.Error("problems are not in file order")
	}
}

func TestProblemText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		p    Problem
		want string
	}{
		{Problem{Text: "x"}, "x"},
		{Problem{Text: "x", Hint: "y"}, "x; y"},
		{Problem{Text: "x", Path: "a.b"}, "a.b: x"},
		{Problem{Text: "x", Position: Position{"f", 3, 1}}, "f:3: x"},
		{Problem{Text: "x", Path: "a", Hint: "y", Position: Position{"f", 3, 1},
			Also: Position{"g", 4, 1}}, "f:3: a: x (also at g:4); y"},
	}
	for _, tt := range tests {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	ps := Problems{tests[0].p, tests[1].p}
	if got, want := ps.Error(), "the tree has 2 problem(s):\n  x\n  x; y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPositionText(t *testing.T) {
	t.Parallel()
	if got := (Position{}).String(); got != "built in" {
		t.Errorf("nowhere is %q", got)
	}
	if got := (Position{"a/b.yaml", 12, 3}).String(); got != "a/b.yaml:12" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	s := NewSecret("hush")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "password", s)
	data, err := json.Marshal(struct{ S Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"log": log.String(), "json": string(data), "%v": fmt.Sprintf("%v", s),
		"%q": fmt.Sprintf("%q", s), "%#v": fmt.Sprintf("%#v", s),
		"%+v": fmt.Sprintf("%+v", struct{ S Secret }{s}),
	} {
		if strings.Contains(text, "hush") || !strings.Contains(text, redacted) {
			t.Errorf("%s prints %s", how, text)
		}
	}
	if s.Reveal() != "hush" || s.IsZero() || !(Secret{}).IsZero() || (Secret{}).String() != "" {
		t.Error("a secret is not what it was made of")
	}
}

func TestConnectIsShownWithoutPassword(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ssh://root@h":           "ssh://root@h",
		"ssh://root:hush@h":      "ssh://root:xxxxx@h",
		"ssh://root:hu sh@h":     "…@h",
		"ssh://root:hu%sh@h:x/y": "…@h:x/y",
		"local":                  "local",
		"%zz":                    "%zz",
	} {
		if got := withoutPassword(address); got != want {
			t.Errorf("%q is shown as %q, want %q", address, got, want)
		}
	}
}

// Every setting that is acted on can be read and shown; no two share a number.
func TestTableIsWired(t *testing.T) {
	t.Parallel()
	seen := map[key]string{}
	for _, f := range table.all {
		setting := f.In&(inSettings|InTemplate) != 0
		if setting && f.Status == Acted && f.set == nil {
			t.Errorf("%s is acted on and never read", f.Key)
		}
		if f.Status != Acted && (f.set != nil || f.get != nil || f.put != nil) {
			t.Errorf("%s is not acted on and read", f.Key)
		}
		const entries = InHost | InNetwork | InGroup | InPrepare | InPreparedBridge
		if f.In&entries != 0 && f.Status == Acted && f.put == nil {
			t.Errorf("%s of an entry is never read", f.Key)
		}
		if f.get != nil {
			if other := seen[f.id]; other != "" || f.id == keyNone {
				t.Errorf("%s and %q share a number", f.Key, other)
			}
			seen[f.id] = f.Key
		}
	}
	if len(seen) != int(keyCount)-1 {
		t.Errorf("%d settings are shown, there are %d", len(seen), keyCount-1)
	}
}
