package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/plan"
)

func TestTheFirstLinesSayWhatIsKnown(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef0123456789abcdef01234567"
	day := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("CET", 3600))
	for name, c := range map[string]struct {
		meta Meta
		want string // above the verdict
	}{
		"a directory": {meta(), ""},
		"a commit": {Meta{Revision: id, Ref: "main", Author: "Ann <a@x>", Subject: "s", Signer: "k"},
			"Revision 0123456789ab (main) by Ann <a@x>, signed by k: s\n" +
				"Knowledge: full, compared with the hosts as they are now.\n\n"},
		"an unsigned commit": {Meta{Revision: id, Author: "Ann", Knowledge: KnowFull},
			"Revision 0123456789ab by Ann, no signature verified\n" +
				"Knowledge: full, compared with the hosts as they are now.\n\n"},
		"an old observation": {Meta{Knowledge: KnowRecorded, ObservedAt: day},
			"Knowledge: recorded, compared with the hosts as they were at 2026-01-02T03:04:05Z; " +
				"no host was asked.\n\n"},
		"an observation of no date": {Meta{Knowledge: KnowRecorded},
			"Knowledge: recorded, compared with the hosts as they were last observed; " +
				"no host was asked.\n\n"},
		"only the tree": {Meta{Knowledge: KnowDeclared, Base: id},
			"Knowledge: declared, compared with revision 0123456789ab of the tree; " +
				"nothing is known of the hosts.\n\n"},
		"only a tree": {Meta{Knowledge: KnowDeclared},
			"Knowledge: declared, compared with another revision of the tree; " +
				"nothing is known of the hosts.\n\n"},
	} {
		text := rendered(t, func(b *bytes.Buffer) error {
			return Text(b, onePlan(), TextOptions{Meta: c.meta})
		})
		got, _, _ := strings.Cut(text, "  ~ "+h1)
		if got != c.want {
			t.Errorf("%s: the text begins with %q, want %q", name, got, c.want)
		}
		d := Document(plan.Plan{}, c.meta)
		if want := c.meta.knowledge(); d.Knowledge != want || want == "" {
			t.Errorf("%s: programs are told of %q knowledge", name, d.Knowledge)
		}
	}
}

func TestNothingToDoSaysWithWhatItWasCompared(t *testing.T) {
	t.Parallel()
	for knowledge, want := range map[Knowledge]string{
		"":           "No changes. 1 container on 2 hosts matches the tree.",
		KnowFull:     "No changes. 1 container on 2 hosts matches the tree.",
		KnowRecorded: "No changes. 1 container on 2 hosts matched the tree when last observed.",
		KnowDeclared: "No changes. 1 container on 2 hosts is declared as before.",
	} {
		text := rendered(t, func(b *bytes.Buffer) error {
			return Text(b, plan.Plan{Unchanged: 1}, TextOptions{Hosts: 2, Meta: Meta{Knowledge: knowledge}})
		})
		if got := lastLine(text); got != want {
			t.Errorf("with %q knowledge the verdict is %q, want %q", knowledge, got, want)
		}
	}
}
