package lxc

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

func TestMarkSurvivesTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 30, -1)
		want := plan.Mark{
			Installation: text.Draw(t, "installation"), Host: text.Draw(t, "host"),
			Name: text.Draw(t, "name"), UID: text.Draw(t, "uid"),
		}
		line := formatMark(want)
		if strings.ContainsAny(line, "\n\r\x00") {
			t.Fatalf("the mark breaks the file: %q", line)
		}
		got := parseConfig([]byte("lxc.x = 1\n" + line + "\n")).mark()
		if got == nil || *got != want {
			t.Fatalf("wrote %+v, read %+v", want, got)
		}
	})
}

func TestWhatIsNoMark(t *testing.T) {
	for _, line := range []string{
		"", commentPrefix, commentPrefix + " installation=a host=b name=c",
		commentPrefix + " installation=a host=b name=c uid=",
		commentPrefix + " host=b installation=a name=c uid=d",
		"reconciler: installation=a host=b name=c uid=d", blockBegin, sharesPrefix + "5",
		commentPrefix + " installation=%zz host=b name=c uid=d",
	} {
		if m, ok := parseMark(line); ok {
			t.Errorf("%q counts as the mark %+v: a stranger's container would be ours", line, m)
		}
	}
}

func FuzzMark(f *testing.F) {
	f.Add(formatMark(testMark()))
	f.Add(commentPrefix + " installation=a host=b name=c uid=%41")
	f.Fuzz(func(t *testing.T, line string) {
		m, ok := parseMark(line)
		if !ok {
			return
		}
		if again, ok := parseMark(formatMark(m)); !ok || again != m {
			t.Errorf("%q is read as %+v, which is written as something else: %+v", line, m, again)
		}
	})
}
