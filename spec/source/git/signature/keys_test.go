package signature

import (
	"encoding/base64"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"reconciler/spec/source/git/gittest"
)

// Commits and tags made by the real git binary, in both formats, with all kinds of key files.
func TestCommitsAndTagsOfGit(t *testing.T) {
	ring, w := newRing(t, "ann", "rsa", "nist"), newWallet(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "allowed"), w.fill("ann@x {ann}\nbob@x {bob}\n"))
	write(t, filepath.Join(dir, "both.asc"), "two people\n"+ring.Export(ring.fpr["ann"])+"\n"+
		ring.Export(ring.fpr["rsa"]))
	write(t, filepath.Join(dir, "nina.gpg"), ring.Run("--export", ring.fpr["nist"]))
	write(t, filepath.Join(dir, ".hidden"), "not a key")
	keys, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	signers := map[string][]string{
		"ssh":     {w.file["ann"], w.file["bob"]},
		"openpgp": {ring.fpr["ann"], ring.fpr["rsa"], ring.fpr["nist"]},
	}
	for format, all := range signers {
		for _, key := range all {
			r := gittest.Init(t)
			r.Setenv("GNUPGHOME=" + ring.Home)
			r.SignWith(format, key)
			hashes := []string{r.Commit("a commit"), r.Tag("v1", "a tag\n\nwith a longer text"),
				r.Commit("gpgsig in a message\n\ngpgsig x\n")}
			for _, hash := range hashes {
				payload, sig := split(content(t, r, hash))
				if signer, err := keys.Verify([]byte(payload), []byte(sig)); err != nil || signer == "" {
					t.Errorf("%s by %s: %q, %v", format, key, signer, err)
				}
				_, err := keys.Verify([]byte(payload+"x"), []byte(sig))
				check(t, "", err, ErrBadSignature)
			}
		}
	}
}

func TestUnsigned(t *testing.T) {
	w := newWallet(t)
	keys := load(t, w.fill("ann@x {ann}"))
	for _, sig := range []string{"", "\n", " \t\n"} {
		signer, err := keys.Verify([]byte(commitText(may)), []byte(sig))
		check(t, signer, err, ErrUnsigned)
	}
	for _, sig := range []string{"x", "-----BEGIN CERTIFICATE-----", "-----BEGIN SSH SIGNATURE-----"} {
		signer, err := keys.Verify([]byte(commitText(may)), []byte(sig))
		check(t, signer, err, ErrBadSignature)
	}
}

// A key that is left out without a word locks its owner out, and nobody knows why.
func TestLoadRefuses(t *testing.T) {
	w, ring := newWallet(t), newRing(t, "ann", "rsa")
	pub, ann, rsa := w.fill("{ann}"), ring.fpr["ann"], ring.fpr["rsa"]
	const turned = `valid-after="20260601",valid-before="20260501"`
	cases := map[string]struct{ text, want string }{
		"empty":              {"", "there is no key in it"},
		"only comments":      {"# nobody\n\n", "there is no key in it"},
		"no principal":       {pub, "line 1: the key has no principal before it"},
		"second line":        {"ann@x " + pub + "\nrubbish", "line 2: there is no key after"},
		"no key":             {"ann@x ssh-ed25519 AAAA", "line 1: there is no readable ssh key"},
		"another kind":       {"ann@x " + strings.Replace(pub, "ssh-ed25519", "ssh-rsa", 1), "line 1: "},
		"open quote":         {`"ann ` + pub, "a quote is not closed"},
		"empty principal":    {"ann@x,,bob@x " + pub, "a principal is empty"},
		"unknown option":     {"ann@x no-touch " + pub, `option "no-touch": it is unknown`},
		"option with value":  {`ann@x cert-authority="yes" ` + pub, `"cert-authority": it is unknown`},
		"option twice":       {`ann@x namespaces="a",namespaces="b" ` + pub, "given twice"},
		"value not quoted":   {`ann@x namespaces=git ` + pub, "in double quotes"},
		"no date":            {`ann@x valid-after="tomorrow" ` + pub, `"tomorrow" is no time`},
		"no such day":        {`ann@x valid-after="20260231" ` + pub, "is no time"},
		"date not quoted":    {`ann@x valid-before=20260231 ` + pub, "in double quotes"},
		"empty date":         {`ann@x valid-before="" ` + pub, "is no time"},
		"end before start":   {"ann@x " + turned + " " + pub, "not later"},
		"certificate":        {"ann@x " + read(t, certificate(t, w)), "cert-authority"},
		"DSA":                {"ann@x " + weakKey(), "DSA keys are too weak"},
		"secret ssh key":     {read(t, w.file["ann"]), "it holds a secret key"},
		"secret OpenPGP key": {ring.Run("--armor", "--export-secret-keys", ann), "secret key"},
		"binary secret key":  {ring.Run("--export-secret-keys", ann), "secret key"},
		"a signature":        {ring.sign("ann", "x"), "it holds a PGP SIGNATURE"},
		"cut armor":          {ring.Export()[:300], "cannot read"},
		"cut binary":         {ring.Run("--export", rsa)[:300], "cannot read OpenPGP key"},
		"armor, then cut":    {ring.Export(ann) + ring.Export(rsa)[:300], "cannot read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "keys")
			write(t, file, c.text)
			_, err := Load(file)
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), `cannot load keys "`+file) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(c.text, "PRIVATE") && len(err.Error()) > len(file)+100 {
				t.Errorf("the error may hold a part of the secret key: %v", err)
			}
		})
	}
}

// weakKey is a DSA key, which newer programs no longer make.
func weakKey() string {
	number := new(big.Int).Lsh(big.NewInt(1), 1023)
	return "ssh-dss " + base64.StdEncoding.EncodeToString(ssh.Marshal(struct {
		Kind       string
		P, Q, G, Y *big.Int
	}{"ssh-dss", number, new(big.Int).Lsh(big.NewInt(1), 159), big.NewInt(2), big.NewInt(4)}))
}

func certificate(t *testing.T, w *wallet) string {
	t.Helper()
	w.certify("cert", "-n", "ann@x")
	return w.file["cert"]
}

func TestLoadRefusesPlaces(t *testing.T) {
	w := newWallet(t)
	dir, empty, nested := t.TempDir(), t.TempDir(), t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	write(t, big, "")
	if err := os.Truncate(big, MaxFileSize+1); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(nested, "allowed"), w.fill("ann@x {ann}"))
	if err := os.Mkdir(filepath.Join(nested, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		filepath.Join(dir, "none"): "no such file",
		fifo:                       "no regular file", // reading it would wait for ever
		big:                        "more than 4 MiB",
		empty:                      "there is no file in it",
		nested:                     "no regular file",
	}
	for path, want := range cases {
		_, err := Load(filepath.Join(nested, "allowed"), path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if _, err := Load(); err == nil {
		t.Error("no keys at all were loaded: nothing could ever be verified")
	}
}

// A mounted secret of Kubernetes holds links through a hidden directory.
func TestLoadFollowsLinks(t *testing.T) {
	w := newWallet(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "..data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "..data", "allowed"), w.fill("ann@x {ann}"))
	if err := os.Symlink("..data/allowed", filepath.Join(dir, "allowed")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err != nil {
		t.Errorf("the keys of a mounted secret: %v", err)
	}
}

// The daemon verifies for several sources at once.
func TestVerifyAtOnce(t *testing.T) {
	w, ring := newWallet(t), newRing(t, "ann", "rsa", "subkey")
	payload := commitText(may)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "allowed"), w.fill("ann@x {ann}"))
	write(t, filepath.Join(dir, "ring"), ring.Export())
	keys, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	sigs := []string{w.sign("ann", payload, "git"), ring.sign("ann", payload),
		ring.sign("subkey", payload), ring.sign("rsa", payload)}
	var wg sync.WaitGroup
	for range 8 {
		for _, sig := range sigs {
			wg.Go(func() {
				signer, err := keys.Verify([]byte(payload), []byte(sig))
				check(t, signer, err, nil)
			})
		}
	}
	wg.Wait()
}

// A name is written by whoever made the key; a report must stay one line.
func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"Ann <ann@x>": "Ann <ann@x>", "a\nb\x1b[2J": "a?b?[2J", "é\xff": "é?", "a\u202eb": "a?b"} {
		if got := oneLine(text); got != want {
			t.Errorf("%q is reported as %q, want %q", text, got, want)
		}
	}
}
