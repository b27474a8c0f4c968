package signature

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The law: which names a list of patterns covers is what ssh-keygen says. A pattern read too
// widely lets somebody sign who was excluded.
func TestLawPrincipalsOfSSHKeygen(t *testing.T) {
	w := newWallet(t)
	file := filepath.Join(t.TempDir(), "allowed")
	covered := 0
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[ab@]{1,4}`).Draw(rt, "name")
		patterns := rapid.SliceOfN(rapid.StringMatching(`!?[ab@*?]{1,4}`), 1, 3).Draw(rt, "patterns")
		write(t, file, w.fill(strings.Join(patterns, ",")+" {ann}\n"))
		keys, err := Load(file)
		if err != nil {
			rt.Fatalf("cannot load %q: %v", patterns, err)
		}
		err = exec.Command("ssh-keygen", "-Y", "match-principals", "-I", name, "-f", file).Run()
		got := matchList(name, keys.ssh[0].principals)
		if got != (err == nil) {
			rt.Fatalf("%q covers %q: we say %v, ssh-keygen %v", patterns, name, got, err == nil)
		}
		if got {
			covered++
		}
	})
	if covered == 0 {
		t.Error("no name was covered: the law proves nothing")
	}
}

// A date read in the wrong zone or unit opens or closes the door at the wrong moment.
func TestDatesOfSigners(t *testing.T) {
	local := func(h, m, s int) int64 { return time.Date(2026, 5, 1, h, m, s, 0, time.Local).Unix() }
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Unix()
	cases := map[string]int64{
		"20260501":          local(0, 0, 0),
		"202605011200":      local(12, 0, 0),
		"20260501120030":    local(12, 0, 30),
		"20260501Z":         noon - 12*3600,
		"20260501z":         noon - 12*3600,
		"202605011200Z":     noon,
		"20260501120000UTC": noon,
		"19690101Z":         0, "2026": 0, "202605": 0, "20261301": 0, "2026-05-01": 0, "Z": 0,
		"20260501120060": 0, "always": 0, "+1w": 0,
	}
	for text, want := range cases {
		got, err := parseTime(text)
		if int64(got) != want || (err == nil) != (want != 0) {
			t.Errorf("%q is read as %d, %v; want %d", text, got, err, want)
		}
	}
}

// The date counts that git shows as the committer's or tagger's, and no other text of the object.
func TestDateOfObject(t *testing.T) {
	cases := map[string]uint64{
		commitText(may): uint64(may.Unix()),
		"tree x\nauthor A <a> 5 +0000\ncommitter B <b> 7 +0000\n\nm\n":     7,
		"tree x\ncommitter A <a> 9 <b> 7 -0800\n\nm\n":                     7,
		"tree x\nmergetag object y\n tagger C <c> 3 +0000\ncommitter <> 7": 7,
		"object x\ntype commit\ntag v\ntagger A <a> 7 +0000\n\nm\n":        7,
		"object x\ntype commit\ntag v\n\ntagger A <a> 7 +0000\n":           0,
		"object x\ncommitter A <a> 7 +0000\n\n":                            0,
		"tree x\ncommitter A <a> -7 +0000\n\n":                             0,
		"tree x\ncommitter A <a>\n\n":                                      0,
		"tree x\ncommitter \n\n":                                           0,
		"tree x\ncommitter A <a> 99999999999999999999 +0000\n\n":           0,
		"": 0,
	}
	for text, want := range cases {
		got, err := date([]byte(text))
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("the date of %q is %d, %v; want %d", text, got, err, want)
		}
	}
	now := uint64(time.Now().Unix())
	if got, err := date([]byte(commitText(time.Unix(0, 0)))); err != nil || got < now {
		t.Errorf("a commit without a date counts as of %s, %v, not as of now", fmt.Sprint(got), err)
	}
}
