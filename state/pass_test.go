package state_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"reconciler/state"
)

func pass(id string) state.Pass {
	return state.Pass{
		ID: id, Source: "ssh://git@code.example.org/tree.git", Revision: "rev-" + id,
		Began: moment(), Ended: moment().Add(time.Second),
	}
}

// The git source refuses rewritten history by this answer: a pass that was not allowed to touch
// hosts must not move it.
func TestLastRevision(t *testing.T) {
	t.Parallel()
	good, older, failed, unread, other := pass("b"), pass("a"), pass("c"), pass("d"), pass("e")
	failed.Error = "history was rewritten"
	unread.Revision = ""
	other.Source = "/tree"
	partly := pass("f")
	partly.Failed = 3 // of its containers: the revision was applied
	for name, tt := range map[string]struct {
		passes []state.Pass
		want   string
	}{
		"nothing remembered":   {nil, ""},
		"the newest":           {[]state.Pass{good, older}, good.Revision},
		"failures above":       {[]state.Pass{failed, unread, good, older}, good.Revision},
		"another source above": {[]state.Pass{other, good}, good.Revision},
		"only others":          {[]state.Pass{other, failed, unread}, ""},
		"failed containers":    {[]state.Pass{partly, good}, partly.Revision},
	} {
		if got := (state.Snapshot{Passes: tt.passes}).LastRevision(good.Source); got != tt.want {
			t.Errorf("%s: the last revision is %q, not %q", name, got, tt.want)
		}
	}
}

func TestCheckOfPass(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*state.Pass)
		want   string // in the error; empty: it is good
	}{
		"as it is":        {func(*state.Pass) {}, ""},
		"no revision":     {func(p *state.Pass) { p.Revision = "" }, ""},
		"in no time":      {func(p *state.Pass) { p.Ended = p.Began }, ""},
		"long error":      {func(p *state.Pass) { p.Error = "web.yaml:7: bad\n\tweb.yaml:8: bad\n" }, ""},
		"a user":          {func(p *state.Pass) { p.Source = "https://ann@code.example.org/t" }, ""},
		"short ssh":       {func(p *state.Pass) { p.Source = "git@code.example.org:t:u@v" }, ""},
		"no id":           {func(p *state.Pass) { p.ID = "" }, "id or source"},
		"no source":       {func(p *state.Pass) { p.Source = "" }, "id or source"},
		"password":        {func(p *state.Pass) { p.Source = "ssh://a:hunter2@h/t" }, "credentials"},
		"two-line author": {func(p *state.Pass) { p.Author = "a\nb" }, "its author"},
		"ringing signer":  {func(p *state.Pass) { p.Signer = "\a" }, "its signer"},
		"ringing ref":     {func(p *state.Pass) { p.Ref = "\a" }, "its ref"},
		"ringing id":      {func(p *state.Pass) { p.ID = "a\a" }, "its id"},
		"ringing source":  {func(p *state.Pass) { p.Source = "\a" }, "its source"},
		"high control":    {func(p *state.Pass) { p.Subject = "\u009b2J" }, "its subject"},
		"returning error": {func(p *state.Pass) { p.Error = "good\rbad" }, "its error"},
		"less than none":  {func(p *state.Pass) { p.Destroyed = -1 }, "negative"},
		"no begin":        {func(p *state.Pass) { p.Began = time.Time{} }, `"began"`},
		"no end":          {func(p *state.Pass) { p.Ended = time.Time{} }, `"ended"`},
		"backwards":       {func(p *state.Pass) { p.Ended = p.Began.Add(-1) }, "before it began"},
	} {
		p := pass("a")
		tt.change(&p)
		err := state.Batch{Pass: &p}.Check()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: a good pass was refused: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) ||
			!strings.HasPrefix(err.Error(), "cannot store pass ")):
			t.Errorf("%s: the error does not say %q: %v", name, tt.want, err)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}

// TestCleanLaws: whatever stands in a commit or an error, the pass can be remembered, and what
// could be stored as it was is stored as it was.
func TestCleanLaws(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.StringN(1, 5, -1), func(s string) string {
			return strings.Repeat(s, 5000/len(s))
		}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		p := pass("a")
		for name, field := range map[string]*string{
			"ref": &p.Ref, "author": &p.Author, "subject": &p.Subject, "signer": &p.Signer,
			"error": &p.Error,
		} {
			if rapid.Bool().Draw(rt, "with "+name) {
				*field = text.Draw(rt, name)
			}
		}
		p.Ended = p.Began.Add(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "length")))
		good := state.Batch{Pass: &p}.Check() == nil
		clean := p.Clean()
		if err := (state.Batch{Pass: &clean}).Check(); err != nil {
			rt.Fatalf("a pass is lost because of its texts: %v\n%+v", err, p)
		}
		if good && clean != p {
			rt.Fatalf("a good pass was changed from\n%+v to\n%+v", p, clean)
		}
		if clean.Clean() != clean {
			rt.Fatalf("cleaning twice changes a pass again:\n%+v", clean)
		}
		if (p.Error == "") != (clean.Error == "") || p.Revision != clean.Revision {
			rt.Fatalf("cleaning changed what the pass means:\n%+v\n%+v", p, clean)
		}
	})
}

func TestCleanKeepsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	p := pass("a")
	p.Subject = "web:\tmore\x1b[2J memory\xfffür alle"
	p.Error = "cannot read:\n\tweb.yaml\r"
	p.Author = strings.Repeat("ü", 3000)
	clean := p.Clean()
	if want := "web: more [2J memory für alle"; clean.Subject != want {
		t.Errorf("the subject became %q, not %q", clean.Subject, want)
	}
	if want := "cannot read:\n\tweb.yaml "; clean.Error != want {
		t.Errorf("the error became %q, not %q", clean.Error, want)
	}
	if n := len(clean.Author); n < 4090 || n > 4096 || !strings.HasSuffix(clean.Author, "ü…") {
		t.Errorf("a long text was cut to %d bytes that end with %q", n, clean.Author[n-8:])
	}
}
