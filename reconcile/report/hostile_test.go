package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// poison sets every string that v can reach to s, also those of fields that come later. Times and
// secrets keep their own.
func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(s).Convert(v.Type().Key()),
			reflect.ValueOf(s).Convert(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				poison(f, s)
			}
		}
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[error]() {
			v.Set(reflect.ValueOf(errors.New(s)))
		}
	}
}

func poisoned[T any](s string) T {
	var v T
	poison(reflect.ValueOf(&v).Elem(), s)
	return v
}

// texts are all texts of the package, made of one hostile string.
func texts(s string) map[string]func(io.Writer, TextOptions) error {
	p, r := poisoned[plan.Plan](s), poisoned[execute.Result](s)
	return map[string]func(io.Writer, TextOptions) error{
		"plan": func(w io.Writer, o TextOptions) error {
			o.Meta = poisoned[Meta](s)
			return Text(w, p, o)
		},
		"result": func(w io.Writer, o TextOptions) error {
			return ResultText(w, r, p, o)
		},
		"markdown": func(w io.Writer, _ TextOptions) error {
			return Markdown(w, p, MarkdownOptions{Meta: poisoned[Meta](s), Marker: s, PathPrefix: s})
		},
		"github": func(w io.Writer, _ TextOptions) error {
			return GitHub(w, p, GitHubOptions{PathPrefix: s})
		},
		"checks":   poisoned[HostChecks](s).Text,
		"prepared": poisoned[HostPreparations](s).Text,
		"show":     poisoned[Settings](s).Text,
		"status":   poisoned[Status](s).Text,
		"records":  poisoned[Records](s).Text,
		"record":   poisoned[RecordRow](s).Text,
		"validate": poisoned[Validation](s).Text,
		"progress": func(w io.Writer, o TextOptions) error {
			progress := NewProgress(w, ProgressOptions{Total: 3, Color: o.Color})
			for _, status := range []execute.Status{execute.Done, execute.Failed} {
				e := poisoned[execute.Event](s)
				e.Kind, e.Result.Status = execute.StepFinished, status
				progress.Observe(e)
			}
			e := poisoned[execute.Event](s)
			e.Kind, e.Wait = execute.StepRetried, time.Second
			progress.Observe(e)
			return nil
		},
	}
}

func documents(s string) map[string]func(io.Writer) error {
	p, r := poisoned[plan.Plan](s), poisoned[execute.Result](s)
	m := poisoned[Meta](s)
	return map[string]func(io.Writer) error{
		"plan":     func(w io.Writer) error { return JSON(w, p, m) },
		"result":   func(w io.Writer) error { return ResultJSON(w, r, p, m) },
		"checks":   poisoned[HostChecks](s).JSON,
		"prepared": poisoned[HostPreparations](s).JSON,
		"show":     poisoned[Settings](s).JSON,
		"status":   poisoned[Status](s).JSON,
		"records":  poisoned[Records](s).JSON,
		"record":   poisoned[RecordRow](s).JSON,
		"validate": poisoned[Validation](s).JSON,
	}
}

// harmful returns the first rune that is neither a newline nor printable.
func harmful(text string) string {
	for _, r := range strings.ToValidUTF8(text, "\x00") {
		if r != '\n' && !strconv.IsPrint(r) {
			return strconv.QuoteRune(r)
		}
	}
	return ""
}

func ownColors() *regexp.Regexp { return regexp.MustCompile("\x1b\\[(0|1|2|31|32|33)m") }

func checkTexts(t *testing.T, s string) {
	t.Helper()
	for name, render := range texts(s) {
		var plain, colored bytes.Buffer
		if err := errors.Join(render(&plain, TextOptions{}),
			render(&colored, TextOptions{Color: true})); err != nil {
			t.Fatalf("%s: the report is lost: %v", name, err)
		}
		if bad := harmful(plain.String()); bad != "" {
			t.Errorf("%s: %q brings %s onto the terminal", name, s, bad)
		}
		bare := ownColors().ReplaceAllString(colored.String(), "")
		if bare != plain.String() {
			t.Errorf("%s: with colour %q reads otherwise than without", name, s)
		}
		if name != "plan" && name != "result" {
			continue
		}
		verdicts := 0
		for line := range strings.Lines(plain.String()) {
			if strings.HasPrefix(line, "Plan: ") || strings.HasPrefix(line, "Done: ") ||
				strings.HasPrefix(line, "No changes.") {
				verdicts++
			}
		}
		if verdicts != 1 {
			t.Errorf("%s: %q makes %d verdicts, want 1", name, s, verdicts)
		}
	}
}

func checkDocuments(t *testing.T, s string) {
	t.Helper()
	for name, render := range documents(s) {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatalf("%s: the document is lost: %v", name, err)
		}
		if !json.Valid(b.Bytes()) {
			t.Errorf("%s: %q makes a document that no machine can read", name, s)
		}
		if bad := harmful(b.String()); bad != "" {
			t.Errorf("%s: %q brings %s onto the terminal", name, s, bad)
		}
		if strings.Contains(b.String(), "null") && !strings.Contains(s, "null") {
			t.Errorf("%s: %q makes a null", name, s)
		}
	}
}

func FuzzHostileStrings(f *testing.F) {
	for _, s := range []string{
		"", "web", "\x1b[2J\x1b]0;owned\x07", "a\nPlan: 0 to create, 0 to change", "\u009b31m",
		"\r", "\xff\xfe", "\u202egnp.exe", "null", "(sensitive)", `"}],"x":[{"`, "\n\n\t\v",
		"Done: 1 created", "No changes.", "\U000e0001", "\u2028", "<script>", `\u001b`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkTexts(t, s)
		checkDocuments(t, s)
	})
}

func TestEscapedDocumentsMeanTheSame(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"\u009b", "\x7f", "\U000e0041", "\u202e", "日本", "a\\u001b", "##[x]", "####",
	} {
		var b bytes.Buffer
		u := []plan.Unreachable{{Host: s}}
		if err := JSON(&b, plan.Plan{Unreachable: u}, Meta{}); err != nil {
			t.Fatal(err)
		}
		var d PlanDocument
		if err := json.Unmarshal(b.Bytes(), &d); err != nil || d.Unreachable[0].Host != s {
			t.Errorf("host %q comes back as %q (%v)", s, d.Unreachable[0].Host, err)
		}
	}
}

func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	p := onePlan()
	p.Steps[0].Want = &plan.Desired{PasswordTag: secret}
	p.Steps[0].Want.Password = spec.NewSecret(secret)
	p.Steps[0].Changes = []plan.Change{
		{Field: "password", Old: secret, New: secret},
		{Field: "lxc_conf", Old: secret, New: secret, Sensitive: true},
	}
	record := RecordRow{Applied: map[string]string{"password": secret}}
	r := execute.Result{Outcomes: outcomesOf(p)}
	plain := TextOptions{}
	outputs := map[string]func(w io.Writer) error{
		"plan text":    func(w io.Writer) error { return Text(w, p, plain) },
		"plan json":    func(w io.Writer) error { return JSON(w, p, Meta{}) },
		"markdown":     func(w io.Writer) error { return Markdown(w, p, MarkdownOptions{}) },
		"github":       func(w io.Writer) error { return GitHub(w, p, GitHubOptions{}) },
		"result text":  func(w io.Writer) error { return ResultText(w, r, p, plain) },
		"result json":  func(w io.Writer) error { return ResultJSON(w, r, p, Meta{}) },
		"record text":  func(w io.Writer) error { return record.Text(w, plain) },
		"record json":  record.JSON,
		"records json": Records{Records: []RecordRow{record}}.JSON,
	}
	for name, render := range outputs {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), secret) {
			t.Errorf("%s shows a password:\n%s", name, b.String())
		}
	}
	if p.Steps[0].Changes[0].Old != secret || record.Applied["password"] != secret {
		t.Error("a report changed the value that it was given")
	}
}
