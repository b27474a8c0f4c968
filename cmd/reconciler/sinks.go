package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
)

// sinks are where a plan goes besides the standard output, all made from the same plan.
type sinks struct {
	text, json, markdown, gitlab string // files; empty: not asked for
	github                       bool

	marker     string
	linkBase   string
	pathPrefix string
}

func (s *sinks) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.text, "out-text", "", "write the plan as text to this file too")
	flags.StringVar(&s.json, "out-json", "", "write the plan as JSON to this file too, for apply")
	flags.StringVar(&s.markdown, "out-markdown", "",
		"write the plan as markdown to this file too, for a comment of at most 65536 bytes")
	flags.BoolVar(&s.github, "github", false,
		"append the plan to the step summary of GitHub Actions, and annotate the lines of the tree")
	flags.StringVar(&s.gitlab, "gitlab", "",
		"write the counts for a GitLab merge request to this file (artifacts:reports:terraform)")
	flags.StringVar(&s.marker, "marker", "plan",
		"markdown: name in the hidden marker by which a comment is found and updated")
	flags.StringVar(&s.linkBase, "link-base", "",
		"markdown: address of the files of the revision, such as https://HOST/REPO/blob/SHA")
	flags.StringVar(&s.pathPrefix, "path-prefix", "",
		"markdown and --github: folder of the tree in its repository (default: --path)")
}

// write sends the plan everywhere. A sink that cannot be written does not keep the plan from the
// others.
func (s *sinks) write(a *app, p plan.Plan, m report.Meta) error {
	options := report.TextOptions{Hosts: len(m.Hosts), Meta: m}
	return errors.Join(
		toFile(s.text, func(w io.Writer) error { return report.Text(w, p, options) }),
		toFile(s.json, func(w io.Writer) error { return report.JSON(w, p, m) }),
		toFile(s.markdown, func(w io.Writer) error {
			return report.Markdown(w, p, s.page(a, m, report.BudgetComment))
		}),
		toFile(s.gitlab, func(w io.Writer) error { return report.GitLab(w, p) }),
		s.toGitHub(a, p, m),
	)
}

// page says how the plan looks as markdown.
func (s *sinks) page(a *app, m report.Meta, budget int) report.MarkdownOptions {
	return report.MarkdownOptions{Meta: m, Marker: s.marker, Budget: budget, LinkBase: s.linkBase,
		PathPrefix: s.prefix(a)}
}

func (s *sinks) prefix(a *app) string {
	if s.pathPrefix != "" {
		return s.pathPrefix
	}
	return a.path
}

// toGitHub appends to the step summary, of which nothing is shown if it becomes too large.
func (s *sinks) toGitHub(a *app, p plan.Plan, m report.Meta) error {
	if !s.github {
		return nil
	}
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return hinted{errors.New("cannot write the step summary: GITHUB_STEP_SUMMARY is not set"),
			"--github is for a step of GitHub Actions"}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write the step summary to %q: %w", path, fileError(err))
	}
	info, err := f.Stat()
	if err == nil {
		left := report.BudgetSummary - int(info.Size())
		err = report.Markdown(f, p, s.page(a, m, left))
	}
	return errors.Join(err, f.Close(),
		report.GitHub(a.out, p, report.GitHubOptions{PathPrefix: s.prefix(a)}))
}

// toFile writes a report to a file, if one is asked for.
func toFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("cannot make %q: %w", path, err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot write the plan to %q: %w", path, fileError(err))
	}
	return nil
}
