package resolve_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// applied sets the fingerprint as the run does after it set the password in the guest.
func applied(tag string) func(*state.Record) {
	return func(r *state.Record) { r.Applied = map[string]string{"password": tag} }
}

func TestPasswordIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*spec.Container{
		"generated": box("h", "a"), "declared": box("h", "a", password("sesame")),
	} {
		w := newWorld(t)
		in := w.input(tree(lan(), c))
		first := find(t, w.pass(in), "h", "a")
		sealed := w.record("h", "a").Password
		for _, when := range []string{"before it was set", "after it was set"} {
			d := find(t, w.pass(w.input(in.Tree)), "h", "a")
			if d.PasswordTag != first.PasswordTag {
				t.Errorf("%s, %s: the password seems to change on its own", name, when)
			}
			if !bytes.Equal(w.record("h", "a").Password, sealed) {
				t.Errorf("%s, %s: it was sealed again for nothing", name, when)
			}
			w.change("h", "a", applied(first.PasswordTag))
		}
	}
}

// The clear password of a record must be that of the guest at any time, also after a run that was
// killed between storing and setting.
func TestPasswordChangeThatWasInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := find(t, w.pass(w.input(tree(lan(), box("h", "a", password("one"))))), "h", "a")
	w.change("h", "a", applied(one.PasswordTag))
	two := find(t, w.pass(w.input(tree(lan(), box("h", "a", password("two"))))), "h", "a")
	// Killed here. Now the declaration goes. Whatever the run had noted, the new one is to be set.
	for _, note := range []func(*state.Record){
		func(*state.Record) {},
		func(r *state.Record) { applied(one.PasswordTag)(r); r.Intent = "configure" },
		func(r *state.Record) { r.Intent, r.Failure = "", "the guest does not answer" },
		func(r *state.Record) { r.Applied, r.Failure = nil, "" },
	} {
		w.change("h", "a", note)
		d := find(t, w.pass(w.input(tree(lan(), box("h", "a")))), "h", "a")
		if d.PasswordTag != two.PasswordTag {
			t.Error("the store says one password and the guest keeps another")
		}
	}
	if got := w.record("h", "a").Applied["password"]; got != "" {
		t.Errorf("a password counts as set (%s), and nobody knows which one is", got)
	}
	back := find(t, w.pass(w.input(tree(lan(), box("h", "a", password("one"))))), "h", "a")
	if back.PasswordTag != one.PasswordTag {
		t.Error("the same password in the same record has another fingerprint")
	}
}

func TestMissingKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.input(tree(lan(), box("h", "a")))
	if _, err := resolve.Allocate(in, nil, w.random); !errors.Is(err, resolve.ErrKey) {
		t.Errorf("passwords were generated that nobody can seal: %v", err)
	}
	w.pass(in)
	in.State = w.snapshot()
	for name, keys := range map[string]*state.Sealer{"missing": nil, "made anew": newKey(t)} {
		_, err := resolve.Preview(in, keys)
		if !errors.Is(err, resolve.ErrKey) ||
			!strings.Contains(err.Error(), "put the key file back") {
			t.Errorf("a plan with a key that is %s: %v", name, err)
		}
		if _, err := resolve.Allocate(in, keys, w.random); !errors.Is(err, resolve.ErrKey) {
			t.Errorf("a run with a key that is %s: %v", name, err)
		}
	}
}

func TestPasswordOfAnotherRecord(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*spec.Container{
		"recorded": box("h", "b"), "declared": box("h", "b", password("other")),
	} {
		w := newWorld(t)
		w.pass(w.input(tree(lan(), box("h", "a"), box("h", "b"))))
		in := w.input(tree(lan(), box("h", "a"), b))
		in.State.Records[1].Password = in.State.Records[0].Password
		if _, err := resolve.Preview(in, w.keys); err == nil {
			t.Errorf("%s: the password of one container opened as that of another", name)
		}
	}
}

func TestNoPasswordInTheResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.pass(w.input(tree(lan(), box("h", "a", password("sesame")), box("h", "base", template,
		password("sesame")))))
	for _, d := range got.Desired["h"] {
		if !d.Password.IsZero() {
			t.Errorf("%s carries its clear password into the plan", d.Name)
		}
	}
}

// Whoever sets a new password takes it from Passwords: the guest must get what the store has, and
// what was stored long ago must not lie about in memory.
func TestNewPasswordsAreThoseInTheRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	containers := []*spec.Container{box("h", "old"), box("h", "base", template),
		box("h", "robbed", ip("10.5.0.9")), box("h", "robber", ip("10.5.0.9"))}
	w.pass(w.input(tree(lan(), containers[:3]...)))
	for i := range 3 {
		containers = append(containers, box("h", fmt.Sprintf("new%d", i)))
	}
	got := w.pass(w.input(tree(lan(), containers...)))
	if problem(got, "h", "robber") == nil || len(got.Passwords) != 3 {
		t.Errorf("%d new passwords of 3", len(got.Passwords))
	}
	for _, rec := range got.Records {
		clear, isNew := got.Passwords[rec.UID]
		if isNew != strings.HasPrefix(rec.Name, "new") {
			t.Errorf("%s: its password counts as new: %v", rec.Name, isNew)
		}
		stored, err := w.keys.Open(rec.UID, rec.Password)
		if isNew && (err != nil || stored != clear || clear.IsZero()) {
			t.Errorf("%s: the guest gets another password than the store has: %v", rec.Name, err)
		}
	}
}

// All 63 characters are equally likely: the counts of 64,000 characters lie within six standard
// deviations of each other. The random bytes are fixed, so the test always gives one answer.
func TestPasswordsAreUniform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	counts := map[byte]int{}
	const containers = 200
	total := 0
	for range 10 {
		in := w.input(fleet(containers))
		got, err := resolve.Allocate(in, w.keys, w.random)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range got.Records {
			secret, err := w.keys.Open(rec.UID, rec.Password)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []byte(secret.Reveal()) {
				counts[c]++
				total++
			}
		}
	}
	mean := float64(total) / 63
	if len(counts) != 63 || total != 10*containers*32 {
		t.Fatalf("%d different characters, %d in all", len(counts), total)
	}
	for c, n := range counts {
		if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
			t.Errorf("%q comes %d times, the mean is %.0f", c, n, mean)
		}
	}
}

// countingReader says how much chance was used.
type countingReader struct {
	io.Reader
	n int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}

func TestNothingIsGeneratedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tr := tree(lan(), box("h", "a"), box("h", "b", password("sesame")))
	w.pass(w.input(tr))
	random := &countingReader{Reader: w.random}
	if _, err := resolve.Allocate(w.input(tr), w.keys, random); err != nil {
		t.Fatal(err)
	}
	if random.n != 0 {
		t.Errorf("a pass over complete records used %d random bytes", random.n)
	}
}

// unknown declares a password that no key opened.
func unknown(c *spec.Container) { c.Password = spec.UnknownSecret() }

// A password that is not known is to be set in a new container, and is no change of an old one.
// A run never gets that far: it would set an empty password.
func TestPasswordThatIsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hidden := w.input(tree(lan(), box("h", "a", unknown)))
	preview := func() string {
		got, err := resolve.Preview(hidden, w.keys)
		if err != nil {
			t.Fatal(err)
		}
		d := find(t, got, "h", "a")
		if len(d.Unknown) > 0 && d.Unknown[len(d.Unknown)-1] == "password" ||
			len(d.Generated) > 0 && d.Generated[len(d.Generated)-1] == "password" {
			t.Errorf("it counts as generated: %v, %v", d.Unknown, d.Generated)
		}
		return d.PasswordTag
	}
	if tag := preview(); tag != resolve.Pending {
		t.Errorf("in a new container it is planned as %q", tag)
	}
	if _, err := resolve.Allocate(hidden, w.keys, w.random); err == nil {
		t.Error("a run goes on with a password that nobody knows")
	}
	first := find(t, w.pass(w.input(tree(lan(), box("h", "a", password("sesame"))))), "h", "a")
	w.change("h", "a", applied(first.PasswordTag))
	hidden.State = w.snapshot()
	if tag := preview(); tag != first.PasswordTag {
		t.Error("a password that nobody knows is said to change")
	}
}

// A record that was exported has no password. What was set counts as what shall be set, declared or
// generated: nobody can say that it changes.
func TestPasswordOfAnExportedRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*spec.Container{
		"generated": box("h", "a"), "declared": box("h", "a", password("sesame")),
	} {
		w := newWorld(t)
		in := w.input(tree(lan(), c))
		w.pass(in)
		in.State = w.snapshot()
		in.State.Records[0].Password = nil
		for tag, want := range map[string]string{"set": "set", "": resolve.Pending} {
			applied(tag)(&in.State.Records[0])
			got, err := resolve.Preview(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := find(t, got, "h", "a"); d.PasswordTag != want {
				t.Errorf("%s, with the mark %q: it is planned as %q, not %q", name, tag,
					d.PasswordTag, want)
			}
		}
	}
}
