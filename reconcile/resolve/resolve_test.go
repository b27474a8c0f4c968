package resolve_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

var (
	macForm      = regexp.MustCompile(`^00:16:3e:[0-7][0-9a-f]:[0-9a-f]{2}:[0-9a-f]{2}$`)
	passwordForm = regexp.MustCompile(`^[A-Za-z0-9_]{32}$`)
	uidForm      = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

func TestEverythingGenerated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.pass(w.input(tree(lan(), box("h", "a"))))
	d, rec := find(t, got, "h", "a"), w.record("h", "a")
	secret, err := w.keys.Open(rec.UID, rec.Password)
	if err != nil {
		t.Fatalf("the stored password cannot be read: %v", err)
	}
	if d.IP != addr(t, "10.5.0.2") || rec.IP != d.IP || rec.Network != "lan" {
		t.Errorf("address %v, stored %s %v; want the first of the range", d.IP, rec.Network, rec.IP)
	}
	if !macForm.MatchString(d.MAC) || rec.MAC != d.MAC {
		t.Errorf("mac %q, stored %q", d.MAC, rec.MAC)
	}
	if !passwordForm.MatchString(secret.Reveal()) {
		t.Error("the password has not 32 characters of [A-Za-z0-9_]")
	}
	if d.PasswordTag != w.keys.Fingerprint(rec.UID, secret) || !d.Password.IsZero() {
		t.Errorf("tag %q is not that of the stored password", d.PasswordTag)
	}
	if !uidForm.MatchString(d.UID) || rec.UID != d.UID {
		t.Errorf("uid %q, stored %q", d.UID, rec.UID)
	}
	if want := []string{"ip", "mac", "password"}; !slices.Equal(d.Generated, want) {
		t.Errorf("generated are said to be %v, not %v", d.Generated, want)
	}
	if len(d.Unknown) > 0 {
		t.Errorf("%v are unknown after they were generated", d.Unknown)
	}
}

func TestEverythingDeclared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := box("h", "a", ip("10.5.0.77"), mac("00:16:3e:00:00:01"), password("sesame"))
	d := find(t, w.pass(w.input(tree(lan(), c))), "h", "a")
	rec := w.record("h", "a")
	if d.IP != c.IP || rec.IP != c.IP || d.MAC != c.MAC || rec.MAC != c.MAC {
		t.Errorf("declared %v and %s became %v and %s, stored %v and %s",
			c.IP, c.MAC, d.IP, d.MAC, rec.IP, rec.MAC)
	}
	if len(d.Generated) > 0 {
		t.Errorf("declared values are said to be generated: %v", d.Generated)
	}
	if secret, err := w.keys.Open(rec.UID, rec.Password); err != nil || secret != c.Password {
		t.Errorf("the declared password was not stored: error %v", err)
	}
	if !d.Password.IsZero() {
		t.Error("the clear password is in the plan's material")
	}
}

func TestDeclaredBeatsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := find(t, w.pass(w.input(tree(lan(), box("h", "a")))), "h", "a")
	c := box("h", "a", ip("10.5.0.77"), mac("00:16:3e:00:00:01"), password("sesame"))
	after := find(t, w.pass(w.input(tree(lan(), c))), "h", "a")
	if after.IP != c.IP || after.MAC != c.MAC || after.PasswordTag == before.PasswordTag {
		t.Errorf("the declaration did not win: %v %s", after.IP, after.MAC)
	}
	if after.UID != before.UID {
		t.Error("the uid changed: the container on the host is nobody's now")
	}
	last := find(t, w.pass(w.input(tree(lan(), box("h", "a")))), "h", "a")
	if last.IP != c.IP || last.MAC != c.MAC || last.PasswordTag != after.PasswordTag {
		t.Error("values that are no longer declared were made anew instead of kept")
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.input(tree(lan(), box("h", "a"),
		box("h", "b", password("sesame"), mac("00:16:3e:00:00:01"))))
	got, err := resolve.Preview(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := find(t, got, "h", "a"), find(t, got, "h", "b")
	if a.IP != addr(t, "10.5.0.2") || b.IP != addr(t, "10.5.0.3") {
		t.Errorf("the plan does not show the addresses to come: %v, %v", a.IP, b.IP)
	}
	if a.MAC != "" || a.UID != "" || !slices.Equal(a.Unknown, []string{"mac", "password"}) {
		t.Errorf("a preview made something up: mac %q uid %q unknown %v", a.MAC, a.UID, a.Unknown)
	}
	if a.PasswordTag != resolve.Pending || b.PasswordTag != resolve.Pending {
		t.Errorf("tags %q and %q", a.PasswordTag, b.PasswordTag)
	}
	if len(b.Unknown) > 0 || !slices.Equal(b.Generated, []string{"ip"}) {
		t.Errorf("declared values are called unknown %v or generated %v", b.Unknown, b.Generated)
	}
	if got.Records != nil {
		t.Error("a preview has records to store")
	}
	if snap := w.snapshot(); snap.Serial != 0 {
		t.Error("a preview wrote to the store")
	}
}

func TestPreviewOfWhatIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.input(tree(lan(), box("h", "a"), box("h", "b", password("sesame"))))
	w.pass(in)
	in.State = w.snapshot()
	want, err := resolve.Allocate(in, w.keys, w.random)
	if err != nil {
		t.Fatal(err)
	}
	got, err := resolve.Preview(in, w.keys)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Desired, want.Desired) {
		t.Errorf("plan and run see another state:\n%+v\n%+v", got.Desired, want.Desired)
	}
}

func TestSecondPassChangesNoRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tr := tree(lan(), box("h", "a"), box("h", "b", password("sesame")), box("h", "base", template))
	w.pass(w.input(tr))
	serial := w.snapshot().Serial
	w.pass(w.input(tr))
	if again := w.snapshot().Serial; again != serial {
		t.Errorf("a pass without a change moved the serial from %d to %d", serial, again)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tr := tree(lan(), box("h", "a", from("web")),
		box("h", "web", template, from("base"), password("x")),
		box("h", "base", template, from("")),
		box("h", "unused", template, from("base")), box("h", "b", from("a")))
	got := w.pass(w.input(tr))
	var names []string
	for _, d := range got.Desired["h"] {
		names = append(names, d.Name)
	}
	if want := []string{"a", "b", "base", "web"}; !slices.Equal(names, want) {
		t.Errorf("desired are %v, not %v", names, want)
	}
	web, rec := find(t, got, "h", "web"), w.record("h", "web")
	if !rec.Template || rec.UID == "" || rec.UID != web.UID {
		t.Errorf("the template has no record of its own: %+v", rec)
	}
	if rec.IP.IsValid() || rec.MAC != "" || rec.Network != "" || rec.Password != nil ||
		web.PasswordTag != "" || len(web.Generated) > 0 {
		t.Errorf("a template was given values that only containers need: %+v", rec)
	}
	bare := tree(lan(), box("h", "a", from("")), box("h", "web", template, from("base")),
		box("h", "base", template, from("")))
	got = w.pass(w.input(bare))
	find(t, got, "h", "web")
	find(t, got, "h", "base")
}

func TestTemplateCycleEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tr := tree(lan(), box("h", "a", from("x")),
		box("h", "x", template, from("y")), box("h", "y", template, from("x")))
	if n := len(w.pass(w.input(tr)).Desired["h"]); n != 3 {
		t.Errorf("%d desired, want 3", n)
	}
}

func TestProtectionIsSticky(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, step := range []struct {
		declared spec.Switch
		want     bool
	}{
		{spec.Unset, false}, {spec.On, true}, {spec.Unset, true}, {spec.Off, false},
		{spec.Unset, false},
	} {
		w.pass(w.input(tree(lan(), box("h", "a", protect(step.declared)))))
		if got := w.record("h", "a").Protect; got != step.want {
			t.Errorf("declared %v: protected %v, want %v", step.declared, got, step.want)
		}
	}
}

func TestRecordKeepsWhatIsNotResolved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tr := tree(lan(), box("h", "a"))
	w.pass(w.input(tr))
	w.change("h", "a", func(r *state.Record) {
		r.Intent, r.Failure, r.Applied = "clone", "broken", map[string]string{"ip": "x"}
	})
	want := w.record("h", "a")
	got := w.pass(w.input(tr)).Records[resolve.Key{Host: "h", Name: "a"}]
	if !reflect.DeepEqual(got, want) {
		t.Errorf("resolving changed the record\n%+v to\n%+v", want, got)
	}
}

func TestInputsAreOnlyRead(t *testing.T) {
	t.Parallel()
	build := func() *spec.Tree {
		return tree(lan(), box("h", "a", password("new")), box("h", "b", ip("10.5.0.2")),
			box("h", "base", template))
	}
	w := newWorld(t)
	w.pass(w.input(tree(lan(), box("h", "a", password("old")))))
	w.change("h", "a", applied("old tag"))
	in, copied := w.input(build()), w.input(build())
	if _, err := resolve.Allocate(in, w.keys, w.random); err != nil {
		t.Fatal(err)
	}
	slices.Sort(in.Hosts)
	slices.Sort(copied.Hosts)
	if !reflect.DeepEqual(in, copied) {
		t.Errorf("resolving changed its input:\n%+v\n%+v", in, copied)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.input(tree(lan(), box("h", "a")))
	broken := errors.New("no entropy")
	if _, err := resolve.Allocate(in, w.keys, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("without random bytes: %v", err)
	}
	// Bytes that are not random must end in an error, not in a loop.
	constant := iotest.OneByteReader(bytes.NewReader(bytes.Repeat([]byte{255}, 1<<20)))
	if _, err := resolve.Allocate(in, w.keys, constant); err == nil {
		t.Error("a password was made of constant bytes")
	}
	in.Hosts = []string{"elsewhere"}
	_, err := resolve.Preview(in, nil)
	if err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("a host that is not in the tree: %v", err)
	}
}

func TestMACIsUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The first three bytes are offered again and again: they collide with what is declared,
	// recorded and observed.
	w.pass(w.input(tree(lan(), box("h", "old", mac("00:16:3e:01:00:02")))))
	tr := tree(lan(), box("h", "a"), box("h", "b", mac("00:16:3e:01:00:01")))
	in := w.input(tr)
	in.Observed["h"] = plan.Actual{Containers: []plan.Observed{
		{Name: "x", Config: plan.Config{MAC: "00:16:3E:01:00:03"}},
	}}
	var bytes16 [16]byte
	stream := slices.Concat(bytes16[:], []byte{0x81, 0, 1}, []byte{1, 0, 2}, []byte{1, 0, 3},
		[]byte{0xff, 0, 4})
	random := &thenRandom{start: stream, rest: rand.NewChaCha8([32]byte{})}
	got, err := resolve.Allocate(in, w.keys, random)
	if err != nil {
		t.Fatal(err)
	}
	if d := find(t, got, "h", "a"); d.MAC != "00:16:3e:7f:00:04" {
		t.Errorf("mac %s, want the first that nobody has and whose fourth byte is below 80", d.MAC)
	}
}

// thenRandom gives its start first.
type thenRandom struct {
	start []byte
	rest  *rand.ChaCha8
}

func (r *thenRandom) Read(p []byte) (int, error) {
	if len(r.start) == 0 {
		return r.rest.Read(p)
	}
	n := copy(p, r.start)
	r.start = r.start[n:]
	return n, nil
}

// A network that came into being by renaming its key keeps its addresses.
func TestRenamedNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := find(t, w.pass(w.input(tree(lan(), box("h", "a"), box("h", "b")))), "h", "b")
	renamed := lan()
	renamed.Name = "office"
	after := find(t, w.pass(w.input(tree(renamed, box("h", "b"), box("h", "c")))), "h", "b")
	if after.IP != before.IP || w.record("h", "b").Network != "office" {
		t.Errorf("renaming the network moved the container from %v to %v", before.IP, after.IP)
	}
	if c := w.record("h", "c"); c.IP != netip.MustParseAddr("10.5.0.4") {
		t.Errorf("c got %v, and 10.5.0.2 is still that of the orphan h/a", c.IP)
	}
}
