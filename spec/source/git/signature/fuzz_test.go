package signature

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

// Whoever can push chooses the payload and the signature: they must never stop the daemon. The
// signature is given without its armor, so that the fuzzer reaches what is inside.
func FuzzVerify(f *testing.F) {
	w, ring := newWallet(f), newRing(f, "ann", "rsa", "subkey")
	w.certify("cert", "-n", "ann@x")
	payload := commitText(may)
	keys := load(f, w.fill("*@x {ann}\n*@x cert-authority {ca}\n"))
	keys.pgp = load(f, ring.Export()).pgp
	for _, by := range []string{"ann", "cert"} {
		block, _ := pem.Decode([]byte(w.sign(by, payload, "git")))
		f.Add([]byte(payload), block.Bytes)
	}
	for by, fpr := range ring.fpr {
		f.Add([]byte(payload), []byte(ring.RunWith(payload, "--detach-sign", "-u", fpr)))
		f.Add([]byte(strings.Replace(payload, "tree", "object", 1)), []byte(ring.sign(by, payload)))
	}
	f.Fuzz(func(t *testing.T, text, sig []byte) {
		judge(t, keys, text, sig)
		for _, kind := range []string{"PGP SIGNATURE", "SSH SIGNATURE"} {
			armored := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: sig})
			// OpenPGP wants an empty line where its headers end.
			armored = bytes.Replace(armored, []byte("BEGIN PGP SIGNATURE-----\n"),
				[]byte("BEGIN PGP SIGNATURE-----\n\n"), 1)
			judge(t, keys, text, armored)
		}
	})
}

// judge asks for a verdict on what may be a forgery of the payload that was signed.
func judge(t *testing.T, keys *Keys, text, sig []byte) {
	t.Helper()
	payload := commitText(may)
	signer, err := keys.Verify(text, sig)
	if (err == nil) == (signer == "") || strings.ContainsAny(signer, "\n\r\x00") {
		t.Errorf("the verdict is %q, %v", signer, err)
	}
	known := errors.Is(err, ErrUnsigned) || errors.Is(err, ErrUnknownSigner) ||
		errors.Is(err, ErrBadSignature)
	if err != nil && !known {
		t.Errorf("the error is of no kind: %v", err)
	}
	if err == nil && string(text) != payload {
		t.Errorf("%q counts as signed by %s", text, signer)
	}
}

// Any file of keys is loaded or refused, and what is loaded can be asked.
func FuzzLoad(f *testing.F) {
	w, ring := newWallet(f), newRing(f, "ann", "subkey")
	payload := commitText(may)
	sigs := []string{w.sign("ann", payload, "git"), ring.sign("subkey", payload)}
	f.Add([]byte(ring.Export()))
	f.Add([]byte(ring.Run("--export", ring.fpr["subkey"])))
	for _, c := range sshCases {
		f.Add([]byte(w.fill(c.allowed)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k := &Keys{}
		if err := k.add(data); err == nil && len(k.pgp)+len(k.ssh) == 0 {
			t.Error("a file without keys was loaded")
		}
		for _, sig := range sigs {
			signer, err := k.Verify([]byte(payload), []byte(sig))
			if (err == nil) == (signer == "") {
				t.Errorf("the verdict is %q, %v", signer, err)
			}
		}
	})
}

// The quick matcher agrees with the definition of a pattern.
func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"ann@x", "*@x"}, {"", "*"}, {"ab", "a?"}, {"aab", "*a*b"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, name, pattern string) {
		if len(name) > 12 || len(pattern) > 8 {
			t.Skip("the definition takes too long")
		}
		if got, want := match(name, pattern), defined(name, pattern); got != want {
			t.Errorf("match(%q, %q) = %v, want %v", name, pattern, got, want)
		}
	})
}

func defined(name, pattern string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return defined(name, pattern[1:]) || name != "" && defined(name[1:], pattern)
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && defined(name[1:], pattern[1:])
}
