package state_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
	"reconciler/state"
)

func newSealer(t testing.TB) *state.Sealer {
	t.Helper()
	s, err := state.OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatalf("no state key can be made: %v", err)
	}
	return s
}

func seal(t testing.TB, s *state.Sealer, uid, text string) state.Sealed {
	t.Helper()
	sealed, err := s.Seal(uid, spec.NewSecret(text))
	if err != nil {
		t.Fatalf("a secret cannot be sealed: %v", err)
	}
	return sealed
}

// TestSealLaws: what is sealed comes back for its record and key, and for no other.
func TestSealLaws(t *testing.T) {
	t.Parallel()
	s, other := newSealer(t), newSealer(t)
	rapid.Check(t, func(rt *rapid.T) {
		uid := rapid.StringMatching(`[0-9a-f]{0,32}`).Draw(rt, "uid")
		text := rapid.String().Draw(rt, "secret")
		sealed := seal(t, s, uid, text)
		if got, err := s.Open(uid, sealed); err != nil || got.Reveal() != text {
			rt.Fatalf("the secret is lost: error %v", err)
		}
		if text == "" {
			if sealed != nil {
				rt.Fatal("no secret became a sealed value")
			}
			return
		}
		if _, err := s.Open(uid+"0", sealed); err == nil {
			rt.Fatal("a password that was moved to another record opened there")
		}
		if _, err := other.Open(uid, sealed); err == nil {
			rt.Fatal("another key opened the password")
		}
		if len(text) > 8 && bytes.Contains(sealed, []byte(text)) {
			rt.Fatal("the clear text stands in the sealed value")
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(rt, "damage")
		sealed[i] ^= 1
		if _, err := s.Open(uid, sealed); err == nil {
			rt.Fatalf("a value that was damaged at byte %d opened", i)
		}
	})
}

func TestSealTwiceDiffers(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	if bytes.Equal(seal(t, s, "u", "secret"), seal(t, s, "u", "secret")) {
		t.Error("equal passwords can be told from their sealed values")
	}
}

func TestOpenOfGarbage(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	for _, sealed := range []state.Sealed{{}, []byte("x"), bytes.Repeat([]byte("age"), 100)} {
		if _, err := s.Open("u1", sealed); err == nil || !strings.Contains(err.Error(), "u1") {
			t.Errorf("opening %q: the error does not name the record: %v", sealed, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	s, err := state.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := state.ReadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := spec.NewSecret("secret")
	want := s.Fingerprint("u1", secret)
	if again.Fingerprint("u1", secret) != want {
		t.Error("the next run sees a changed password: the fingerprint is not stable")
	}
	if len(want) != 24 || strings.Contains(want, "secret") {
		t.Errorf("fingerprint %q", want)
	}
	for name, got := range map[string]string{
		"another secret": s.Fingerprint("u1", spec.NewSecret("secres")),
		"another record": s.Fingerprint("u2", secret),
		"another key":    newSealer(t).Fingerprint("u1", secret),
		"a shifted uid":  s.Fingerprint("u", spec.NewSecret("1secret")),
	} {
		if got == want {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
	if got := s.Fingerprint("u1", spec.Secret{}); got != "" {
		t.Errorf("no secret has the fingerprint %q", got)
	}
}

// A sealer in a log line must not give the key away.
func TestSealerPrintsNoKey(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if text != "***" {
			t.Errorf("a sealer prints as %q", text)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	s := newSealer(b)
	secret := spec.NewSecret("0123456789abcdef0123456789abcdef")
	for b.Loop() {
		if _, err := s.Seal("u", secret); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s := newSealer(b)
	sealed := seal(b, s, "u", "0123456789abcdef0123456789abcdef")
	for b.Loop() {
		if _, err := s.Open("u", sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	s := newSealer(b)
	secret := spec.NewSecret("0123456789abcdef0123456789abcdef")
	for b.Loop() {
		if s.Fingerprint("u", secret) == "" {
			b.Fatal("no fingerprint")
		}
	}
}
