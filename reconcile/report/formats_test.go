package report

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"reconciler/reconcile/plan"
)

// excerpt shortens a long report to its first sixty lines, and a digest of the whole.
func excerpt(render func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			return err
		}
		lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
		_, err := fmt.Fprintf(w, "%d bytes, %d lines, sha256 %x\n\n%s", b.Len(), len(lines)-1,
			sha256.Sum256(b.Bytes()), bytes.Join(lines[:min(60, len(lines))], nil))
		return err
	}
}

// formats are all renderers of a plan, by the ending of their golden files.
func formats(p plan.Plan) map[string]func(io.Writer) error {
	summary := options()
	summary.Budget, summary.Marker = BudgetSummary, ""
	return map[string]func(io.Writer) error{
		"text.txt":   func(w io.Writer) error { return Text(w, p, TextOptions{Meta: gitMeta()}) },
		"plan.json":  func(w io.Writer) error { return JSON(w, p, gitMeta()) },
		"comment.md": func(w io.Writer) error { return Markdown(w, p, options()) },
		"summary.md": func(w io.Writer) error { return Markdown(w, p, summary) },
		"github.txt": func(w io.Writer) error { return GitHub(w, p, GitHubOptions{"lxc"}) },
		"gitlab.json": func(w io.Writer) error {
			return GitLab(w, p)
		},
	}
}

func TestFormatGoldens(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]plan.Plan{
		"0": {Unchanged: 12}, "1": onePlan(), "12": fullPlan(), "5000": manyPlan(5000),
	} {
		for format, render := range formats(p) {
			t.Run(name+"-"+format, func(t *testing.T) {
				t.Parallel()
				if name == "5000" {
					render = excerpt(render)
				}
				golden(t, "review-"+name+"-"+format, render)
			})
		}
	}
}

func TestKnowledgeGoldens(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*Meta){
		"recorded": func(m *Meta) {
			m.Knowledge, m.ObservedAt = KnowRecorded, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		},
		"declared": func(m *Meta) {
			m.Knowledge, m.Base = KnowDeclared, "89abcdef0123456789abcdef0123456789abcdef"
		},
	} {
		m := gitMeta()
		set(&m)
		for kind, p := range map[string]plan.Plan{"none": {Unchanged: 3}, "one": onePlan()} {
			golden(t, "know-"+name+"-"+kind+".txt", func(w io.Writer) error {
				return Text(w, p, TextOptions{Meta: m, Hosts: 2})
			})
			golden(t, "know-"+name+"-"+kind+".md", func(w io.Writer) error {
				return Markdown(w, p, MarkdownOptions{Meta: m})
			})
			golden(t, "know-"+name+"-"+kind+".json", func(w io.Writer) error {
				return JSON(w, p, m)
			})
		}
	}
}
