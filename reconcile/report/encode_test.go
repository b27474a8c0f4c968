package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type sample struct {
	Name  string         `json:"name"`
	Rows  []sampleRow    `json:"rows"`
	Inner map[string]any `json:"inner"`
	Names []string       `json:"names"`
}

type sampleRow struct {
	Text string   `json:"text"`
	More []string `json:"more,omitempty"`
}

// TestStreamedDocumentsAreThoseOfTheEncoder: reading rows one by one changes nothing.
func TestStreamedDocumentsAreThoseOfTheEncoder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// A doubled # would be written as an escape; see the next test.
		text := rapid.StringMatching(`([a-z<>&"\\ é/]#?){0,9}`)
		d := sample{Name: text.Draw(t, "name"), Rows: []sampleRow{}, Inner: map[string]any{
			"x": text.Draw(t, "inner")}, Names: rapid.SliceOfN(text, 0, 3).Draw(t, "names")}
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			d.Rows = append(d.Rows, sampleRow{text.Draw(t, "row"), rapid.SliceOfN(text, 0, 2).Draw(t, "m")})
		}
		var want, streamed, whole bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			t.Fatal(err)
		}
		if err := stream(&streamed, d); err != nil {
			t.Fatal(err)
		}
		if err := encode(&whole, d); err != nil {
			t.Fatal(err)
		}
		if streamed.String() != want.String() || whole.String() != want.String() {
			t.Fatalf("want\n%s\nstreamed\n%s\nwhole\n%s", &want, &streamed, &whole)
		}
	})
}

func TestEscapesMeanTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(rapid.OneOf(rapid.String(), nasty()).Draw(t, "text"), "?")
		var b bytes.Buffer
		if err := stream(&b, sample{Name: s, Rows: []sampleRow{{Text: s}}}); err != nil {
			t.Fatal(err)
		}
		if bad := harmful(b.String()); bad != "" || strings.Contains(b.String(), "##") {
			t.Fatalf("%q brings %s or a command into a log", s, bad)
		}
		var got sample
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Name != s || got.Rows[0].Text != s {
			t.Fatalf("%q comes back as %q and %q", s, got.Name, got.Rows[0].Text)
		}
	})
}

func TestWhatCannotBeEncodedIsAnError(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	d := sample{Inner: map[string]any{"x": math.NaN()}}
	if err := stream(&b, d); err == nil {
		t.Error("a document is lost and nobody learns of it")
	}
	if err := encode(&b, d); err == nil {
		t.Error("a document is lost and nobody learns of it")
	}
}
