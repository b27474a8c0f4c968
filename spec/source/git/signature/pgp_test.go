package signature

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/spec/source/git/gittest"
)

// ring is a keyring of signers, with their fingerprints by name.
type ring struct {
	*gittest.GPG
	fpr map[string]string
}

// newRing makes the named keys, in order.
func newRing(t testing.TB, names ...string) ring {
	t.Helper()
	r := ring{gittest.NewGPG(t), map[string]string{}}
	past := gittest.Fake(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	kinds := map[string]string{"rsa": "rsa2048", "short": "rsa1024", "dsa": "dsa2048",
		"nist": "nistp256"} // of the others: ed25519
	subkeys := map[string]string{"subkey": "0", "oldsub": "1y", "revsub": "0"}
	for _, name := range names {
		user, kind, life := name+" <"+name+"@example.com>", kinds[name], "0"
		if kind == "" {
			kind = "ed25519"
		}
		if name == "expired" {
			life = "1y"
		}
		r.fpr[name] = r.NewKey(user, kind, life, past...)
		if life, ok := subkeys[name]; ok {
			r.Run(append(past, "--quick-add-key", r.fpr[name], kind, "sign", life)...)
			for line := range strings.Lines(r.Run("--with-colons", "--list-keys", r.fpr[name])) {
				if f := strings.Split(line, ":"); f[0] == "fpr" {
					r.fpr[name] = f[9] + "!" // the last one is the subkey; "!" means exactly this
				}
			}
		}
	}
	return r
}

// revoke ends two keys after they signed.
func (r ring) revoke(t testing.TB) {
	t.Helper()
	certificate := read(t, filepath.Join(r.Home, "openpgp-revocs.d", r.fpr["revoked"]+".rev"))
	start := strings.Index(certificate, ":-----BEGIN")
	r.RunWith(certificate[start+1:], "--import")
	r.RunWith("key 1\nrevkey\ny\n0\n\ny\nsave\n", "--no-batch", "--command-fd", "0",
		"--edit-key", strings.TrimSuffix(r.fpr["revsub"], "!"))
}

func (r ring) sign(name, payload string, options ...string) string {
	args := []string{"--armor", "--detach-sign", "--local-user", r.fpr[name]}
	return r.RunWith(payload, append(options, args...)...)
}

type pgpCase struct {
	by       string
	options  []string
	want     error
	text     string // in the error
	stricter bool   // than git, which accepts it
}

func pgpCases() map[string]pgpCase {
	then := gittest.Fake(time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC))
	later := gittest.Fake(time.Now().AddDate(1, 0, 0))
	end := append([]string{"--default-sig-expire", "2d"}, then...)
	return map[string]pgpCase{
		"ed25519":   {by: "ann"},
		"rsa":       {by: "rsa"},
		"nist":      {by: "nist"},
		"subkey":    {by: "subkey"},
		"sha512":    {by: "rsa", options: []string{"--digest-algo", "SHA512"}},
		"stranger":  {by: "stranger", want: ErrUnknownSigner, text: "OpenPGP key "},
		"expired":   {by: "expired", options: then, want: ErrBadSignature, text: "key expired"},
		"revoked":   {by: "revoked", want: ErrBadSignature, text: "revoked"},
		"oldsub":    {by: "oldsub", options: then, want: ErrBadSignature, text: "key expired"},
		"revsub":    {by: "revsub", want: ErrBadSignature, text: "revoked"},
		"ended":     {by: "subkey", options: end, want: ErrBadSignature, text: "signature expired"},
		"in future": {by: "subkey", options: later, want: ErrBadSignature, stricter: true},
		"sha1": {by: "rsa", options: []string{"--digest-algo", "SHA1"}, want: ErrBadSignature,
			text: "weak hash SHA-1", stricter: true},
		"dsa":   {by: "dsa", want: ErrBadSignature, text: "too weak", stricter: true},
		"short": {by: "short", want: ErrBadSignature, text: "too weak", stricter: true},
		"text mode": {by: "ann", options: []string{"--textmode"}, want: ErrBadSignature,
			text: "another kind", stricter: true},
	}
}

// Where git says yes and we say no an honest commit is locked out; the other way round a
// commit is applied that nobody vouched for.
func TestPGPVerdictsAreThoseOfGit(t *testing.T) {
	ring, r := newRing(t, "ann", "rsa", "nist", "subkey", "stranger", "expired", "revoked", "oldsub",
		"revsub", "dsa", "short"), gittest.Init(t)
	payload := commitText(may)
	sigs, cases := map[string]string{}, pgpCases()
	for name, c := range cases {
		sigs[name] = ring.sign(c.by, payload, c.options...)
	}
	ring.revoke(t)
	ring.Run("--delete-secret-and-public-key", ring.fpr["stranger"])
	r.Setenv("GNUPGHOME=" + ring.Home)
	keys := load(t, ring.Export())
	other := strings.Replace(payload, "message", "massage", 1)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			signer, err := keys.Verify([]byte(payload), []byte(sigs[name]))
			check(t, signer, err, c.want)
			if err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error does not say %q: %v", c.text, err)
			}
			if git := gitAccepts(t, r, signed(payload, sigs[name])); git != (err == nil || c.stricter) {
				t.Errorf("git says %v, we say %v", git, err)
			}
			signer, err = keys.Verify([]byte(other), []byte(sigs[name]))
			if err == nil || gitAccepts(t, r, signed(other, sigs[name])) {
				t.Errorf("another message counts as signed by %q", signer)
			}
		})
	}
}

// Two signatures, or a signature with something beside it, would let a reader choose the signer.
func TestPGPOnlyOneSignature(t *testing.T) {
	ring := newRing(t, "ann", "rsa")
	payload := commitText(may)
	keys := load(t, ring.Export())
	good := ring.sign("ann", payload)
	both := ring.RunWith(payload, "--armor", "--detach-sign", "-u", ring.fpr["ann"],
		"-u", ring.fpr["rsa"])
	cases := map[string]string{
		"two in one block": both,
		"two blocks":       good + ring.sign("rsa", payload),
		"text after":       good + "more\n",
		"cut":              good[:len(good)/2],
		"no end":           strings.Split(good, "-----END")[0],
		"damaged": strings.Replace(good, "\n\n",
			"\n\nAAAA", 1),
		"empty":        "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
		"a public key": ring.Export(),
		"a message": ring.RunWith(payload, "--armor", "--sign", "-u",
			ring.fpr["ann"]),
		"x509": "-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----\n",
	}
	signer, err := keys.Verify([]byte(payload), []byte(good))
	check(t, signer, err, nil)
	for name, sig := range cases {
		t.Run(name, func(t *testing.T) {
			signer, err := keys.Verify([]byte(payload), []byte(sig))
			check(t, signer, err, ErrBadSignature)
			if name == "x509" && !strings.Contains(err.Error(), "not supported") {
				t.Errorf("who signs with X.509 is not told that it cannot work: %v", err)
			}
		})
	}
}

func TestPGPSignerIsNamed(t *testing.T) {
	ring := newRing(t, "ann", "rsa", "subkey")
	payload := []byte(commitText(may))
	keys := load(t, ring.Export())
	id := func(name string) string { return ring.fpr[name][len(ring.fpr[name])-16:] }
	got, err := keys.Verify(payload, []byte(ring.sign("ann", string(payload))))
	if want := "ann <ann@example.com> (pgp " + id("ann") + ")"; err != nil || got != want {
		t.Errorf("the signer is %q, %v; want %q", got, err, want)
	}
	got, err = keys.Verify(payload, []byte(ring.sign("subkey", string(payload))))
	if err != nil || !strings.HasPrefix(got, "subkey <subkey@example.com> (pgp ") {
		t.Errorf("the signer with a subkey is %q, %v", got, err)
	}
	_, err = load(t, ring.Export(ring.fpr["rsa"])).Verify(payload,
		[]byte(ring.sign("ann", string(payload))))
	if !errors.Is(err, ErrUnknownSigner) || !strings.Contains(err.Error(), id("ann")) {
		t.Errorf("who looks for the key of %q does not find it", err)
	}
}

// A key for encryption only must not vouch for commits.
func TestPGPKeyMustBeForSigning(t *testing.T) {
	ring := newRing(t, "ann", "subkey")
	payload := commitText(may)
	sig := ring.sign("subkey", payload)
	primary := strings.TrimSuffix(ring.fpr["subkey"], "!")
	file := filepath.Join(t.TempDir(), "changed.asc")
	ring.RunWith("key 1\nchange-usage\ns\nq\nsave\n", "--no-batch", "--command-fd", "0",
		"--expert", "--edit-key", primary)
	write(t, file, ring.Export(primary))
	keys, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.Verify([]byte(payload), []byte(sig))
	check(t, signer, err, ErrBadSignature)
	if err != nil && !strings.Contains(err.Error(), "not meant for signing") {
		t.Errorf("the reason is missing: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	ring.sign("ann", payload) // keys are not read again
	if _, err := keys.Verify([]byte(payload), []byte(ring.sign("ann", payload))); !errors.Is(err,
		ErrUnknownSigner) {
		t.Errorf("without its file the verdict is %v", err)
	}
}
