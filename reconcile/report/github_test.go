package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// command is a workflow command as the runner of GitHub reads it.
type command struct {
	name  string
	props map[string]string
	text  string
}

// runner reads the output of a step: only lines that begin with :: are commands.
func runner(t *testing.T, output string) []command {
	t.Helper()
	var all []command
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		rest, found := strings.CutPrefix(line, "::")
		head, text, whole := strings.Cut(rest, "::")
		if !found || !whole || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("the runner cannot read %q", line)
		}
		name, props, _ := strings.Cut(head, " ")
		c := command{name: name, props: map[string]string{}, text: unescape(t, text)}
		for _, p := range strings.Split(props, ",") {
			key, value, _ := strings.Cut(p, "=")
			c.props[key] = unescape(t, value)
		}
		all = append(all, c)
	}
	return all
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	text, err := url.PathUnescape(s)
	if err != nil {
		t.Fatalf("%q is not escaped: %v", s, err)
	}
	return text
}

func annotated(t *testing.T, p plan.Plan, prefix string) []command {
	t.Helper()
	return runner(t, rendered(t, func(b *bytes.Buffer) error {
		return GitHub(b, p, GitHubOptions{PathPrefix: prefix})
	}))
}

func TestAnnotationsStandAtTheirLines(t *testing.T) {
	t.Parallel()
	all := annotated(t, fullPlan(), "lxc")
	find := func(title string) command {
		for _, c := range all {
			if strings.HasPrefix(c.props["title"], title) {
				return c
			}
		}
		t.Errorf("nobody is told that %s", title)
		return command{}
	}
	for title, want := range map[string]struct{ level, line, text string }{
		"devhost11.local/b.foo.com is blocked (source)": {"error", "60", "to mend it: stop base"},
		"devhost12.local is unknown":                    {"error", "", "cannot connect to host:\n"},
		"devhost10.local/db.foo.com will be replaced":   {"warning", "30", "~ backing: dir → overlayfs"},
		"devhost10.local/safe.foo.com is blocked":       {"warning", "", "protect: false"},
		"devhost10.local/web.foo.com will be changed":   {"notice", "41", "~ memory: 512M → 1G"},
		"warning": {"warning", "13", "not acted on yet"},
	} {
		c := find(title)
		file := ""
		if want.line != "" {
			file = "lxc/cloud/vms.yaml"
		}
		if c.name != want.level || c.props["line"] != want.line || c.props["file"] != file ||
			!strings.Contains(c.text, want.text) {
			t.Errorf("%s: the annotation is %+v, want %+v", title, c, want)
		}
	}
}

func TestTheMostImportantAnnotationsAreShown(t *testing.T) {
	t.Parallel()
	p := destroyPlan(4)
	for i := range 20 {
		name := "c" + strconv.Itoa(i)
		p.Blocked = append(p.Blocked, plan.Blocked{Host: h1, Container: name, Failed: i%2 == 0})
		p.Warnings = append(p.Warnings, spec.Problem{Text: name})
	}
	p.Steps = append(p.Steps, manyPlan(400).Steps...)
	levels := map[string][]command{}
	for _, c := range annotated(t, p, "") {
		levels[c.name] = append(levels[c.name], c)
	}
	for level, all := range levels {
		if len(all) > 10 {
			t.Errorf("%d annotations of level %s: GitHub drops some", len(all), level)
		}
	}
	if len(levels["error"]) != 10 || strings.Contains(levels["error"][9].text, "more") {
		t.Errorf("ten errors are shown as %v", levels["error"])
	}
	warnings := levels["warning"]
	if !strings.Contains(warnings[0].props["title"], "will be destroyed") {
		t.Errorf("the first warning is %v", warnings[0])
	}
	// 4 and 40 destroyed, 40 replaced, 10 blocked by a guard, 20 odd: nine are shown.
	if got := warnings[9].props["title"]; got != "105 more" {
		t.Errorf("the last warning stands for %s", got)
	}
}

func TestAStringCannotCommandTheRunner(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"\n::stop-commands::x", "::add-mask::x", "##[add-mask]x", "%0A::error::",
		"a,line=7", "a::b", "\r\n::error::x", "x\x1b]0;y\x07", "%", "\u2028::error::x"} {
		p := fullPlan()
		infect(reflect.ValueOf(&p).Elem(), func(old string) string { return s + old })
		want := annotated(t, fullPlan(), "")
		got := annotated(t, p, "")
		if len(got) != len(want) {
			t.Fatalf("%q makes %d commands of %d", s, len(got), len(want))
		}
		for i, c := range got {
			moved := c.props["file"] != "" && c.props["line"] != want[i].props["line"]
			if c.name != want[i].name || moved || len(c.props) > 3 {
				t.Errorf("%q turns %+v into %+v", s, want[i], c)
			}
		}
		for name, text := range map[string]string{
			"text": rendered(t, func(b *bytes.Buffer) error { return Text(b, p, TextOptions{}) }),
			"json": rendered(t, func(b *bytes.Buffer) error { return JSON(b, p, Meta{}) }),
		} {
			for line := range strings.Lines(text) {
				if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") {
					t.Errorf("%q in a log of %s is a command: %q", s, name, line)
				}
			}
		}
	}
}

func TestGitLabCounts(t *testing.T) {
	t.Parallel()
	var got map[string]int
	text := rendered(t, func(b *bytes.Buffer) error { return GitLab(b, fullPlan()) })
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["create"] != 4 || got["update"] != 4 || got["delete"] != 3 {
		t.Errorf("the merge request shows %v", got)
	}
}

func TestALostReviewIsAnError(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"markdown": Markdown(full{}, fullPlan(), MarkdownOptions{}),
		"github":   GitHub(full{}, fullPlan(), GitHubOptions{}),
		"gitlab":   GitLab(full{}, fullPlan()),
	} {
		if !errors.Is(err, errDiskFull{}) {
			t.Errorf("%s: the user does not learn that the report is lost: %v", name, err)
		}
	}
}

func FuzzGitHub(f *testing.F) {
	for _, s := range []string{
		"", "x", "\n::error::x", "::", "%", "%25", ",line=1", ":", "\r", "é\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := fullPlan()
		want := annotated(t, p, "")
		infect(reflect.ValueOf(&p).Elem(), func(old string) string { return old + s })
		got := annotated(t, p, "")
		if len(got) != len(want) {
			t.Fatalf("%q makes %d annotations of %d", s, len(got), len(want))
		}
		for i, c := range got {
			if c.name != want[i].name || !strings.HasPrefix(c.text, want[i].text[:4]) {
				t.Fatalf("%q turns %+v into %+v", s, want[i], c)
			}
			for key := range c.props {
				if key != "file" && key != "line" && key != "title" {
					t.Fatalf("%q sets the property %q", s, key)
				}
			}
		}
	})
}
