package signature

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"reconciler/spec/source/git/gittest"
)

// wallet has the keys of the ssh tests: private files and, for {name} in a text, the public keys.
type wallet struct {
	t    testing.TB
	file map[string]string
	pub  []string // pairs for strings.NewReplacer
}

func newWallet(t testing.TB) *wallet {
	t.Helper()
	w := &wallet{t: t, file: map[string]string{}}
	kinds := map[string]string{"ann": "ed25519", "bob": "rsa", "eve": "ecdsa", "ca": "ed25519"}
	for name, kind := range kinds {
		w.file[name] = gittest.NewSSHKey(t, kind, "")
		fields := strings.Fields(read(t, w.file[name]+".pub"))
		w.pub = append(w.pub, "{"+name+"}", fields[0]+" "+fields[1])
	}
	return w
}

// certify lets the authority certify a new key, which is known by that name from then on.
func (w *wallet) certify(name string, options ...string) {
	w.t.Helper()
	key := gittest.NewSSHKey(w.t, "ed25519", "")
	w.keygen(append([]string{"-q", "-s", w.file["ca"], "-I", name}, append(options, key+".pub")...)...)
	w.file[name] = key + "-cert.pub"
}

func (w *wallet) keygen(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		w.t.Fatalf("ssh-keygen %q: %v: %s", args, err, out)
	}
}

func (w *wallet) fill(text string) string { return strings.NewReplacer(w.pub...).Replace(text) }

// sign signs as git does.
func (w *wallet) sign(name, payload, namespace string, options ...string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "payload")
	write(w.t, file, payload)
	args := []string{"-Y", "sign", "-n", namespace, "-f", w.file[name]}
	w.keygen(append(append(args, options...), file)...)
	return read(w.t, file+".sig")
}

var may = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

type sshCase struct {
	name     string
	allowed  string
	by       string
	want     error
	stricter bool // than git, which accepts it
}

var sshCases = []sshCase{
	{"ed25519", "ann@x {ann}", "ann", nil, false},
	{"rsa", "bob@x {bob}", "bob", nil, false},
	{"ecdsa", "eve@x {eve} a comment", "eve", nil, false},
	{"second line", "# people\n\nbob@x {bob}\r\n\tann@x {ann}\n", "ann", nil, false},
	{"several principals", "ann@x,a@y {ann}", "ann", nil, false},
	{"wildcard principal", "*@x {ann}", "ann", nil, false},
	{"quoted principals", `"Ann Author,ann@x" {ann}`, "ann", nil, false},
	{"only a negated principal", "!ann@x {ann}", "ann", ErrBadSignature, false},
	{"another key", "ann@x {eve}", "ann", ErrUnknownSigner, false},
	{"namespace git", `ann@x namespaces="git" {ann}`, "ann", nil, false},
	{"namespaces with git", `ann@x namespaces="file,git" {ann}`, "ann", nil, false},
	{"namespace pattern", `ann@x namespaces="g?t,x*" {ann}`, "ann", nil, false},
	{"another namespace", `ann@x namespaces="file" {ann}`, "ann", ErrBadSignature, false},
	{"no namespace", `ann@x namespaces="" {ann}`, "ann", ErrBadSignature, false},
	{"all but git", `ann@x namespaces="*,!git" {ann}`, "ann", ErrBadSignature, false},
	{"capital options", `ann@x NAMESPACES="git" {ann}`, "ann", nil, false},
	{"two lines, one for git", "ann@x namespaces=\"file\" {ann}\nann@x {ann}", "ann", nil, false},
	{"two lines, two names", "ann@x namespaces=\"file\" {ann}\na@y {ann}", "ann",
		ErrBadSignature, false},
	{"valid in May", `ann@x valid-after="20260401Z",valid-before="20260601Z" {ann}`, "ann",
		nil, false},
	{"to the minute", `ann@x valid-after="202605011159Z" {ann}`, "ann", nil, false},
	{"at its first second", `ann@x valid-after="20260501120000Z" {ann}`, "ann", nil, false},
	{"before its first second", `ann@x valid-after="20260501120001Z" {ann}`, "ann",
		ErrBadSignature, false},
	{"at its last second", `ann@x valid-before="20260501120000Z" {ann}`, "ann", nil, false},
	{"after its last second", `ann@x valid-before="20260501115959Z" {ann}`, "ann",
		ErrBadSignature, false},
	{"local time", `ann@x valid-after="20260430" {ann}`, "ann", nil, false},
	{"expired, then renewed", "ann@x valid-before=\"20260401Z\" {ann}\nann@x {ann}", "ann",
		nil, false},
	{"an authority signs itself", "ca@x cert-authority {ca}", "ca", ErrUnknownSigner, false},
	{"certificate", "ann@x cert-authority {ca}", "cert", nil, false},
	{"certificate by pattern", "*@x cert-authority {ca}", "cert", nil, false},
	{"certificate for another", "bob@x cert-authority {ca}", "cert", ErrBadSignature, false},
	{"certificate, not that one", "!ann@x,*@x cert-authority {ca}", "cert", ErrBadSignature, false},
	{"certificate of another authority", "ann@x cert-authority {eve}", "cert",
		ErrUnknownSigner, false},
	{"certificate of a mere signer", "ann@x {ca}", "cert", ErrUnknownSigner, false},
	{"certificate of April", "ann@x cert-authority {ca}", "april", ErrBadSignature, false},
	{"certificate without names", "* cert-authority {ca}", "nobody", ErrBadSignature, false},
	{"certificate of a host", "ann@x cert-authority {ca}", "host", ErrBadSignature, false},
	{"certificate, another namespace", `ann@x cert-authority,namespaces="file" {ca}`, "cert",
		ErrBadSignature, false},
	{"certificate of an rsa authority", "ann@x cert-authority {bob}", "byrsa", nil, false},
	{"certificate with SHA-1", "ann@x cert-authority {bob}", "sha1", ErrBadSignature, true},
	{"certificate with an option", "ann@x cert-authority {ca}", "limited", ErrBadSignature, true},
}

func certWallet(t testing.TB) *wallet {
	t.Helper()
	w := newWallet(t)
	w.certify("cert", "-n", "ann@x")
	w.certify("april", "-n", "ann@x", "-V", "20260401Z:20260430Z")
	w.certify("nobody")
	w.certify("host", "-h", "-n", "ann@x")
	w.certify("byrsa", "-s", w.file["bob"], "-n", "ann@x")
	w.certify("sha1", "-s", w.file["bob"], "-t", "ssh-rsa", "-n", "ann@x")
	w.certify("limited", "-n", "ann@x", "-O", "force-command=true")
	return w
}

// Where git says yes and we say no an honest commit is locked out; the other way round a
// commit is applied that nobody vouched for.
func TestSSHVerdictsAreThoseOfGit(t *testing.T) {
	w, r := certWallet(t), gittest.Init(t)
	payload := commitText(may)
	for _, c := range sshCases {
		t.Run(c.name, func(t *testing.T) {
			sig := w.sign(c.by, payload, "git")
			allowed := filepath.Join(t.TempDir(), "allowed")
			write(t, allowed, w.fill(c.allowed))
			signer, err := load(t, w.fill(c.allowed)).Verify([]byte(payload), []byte(sig))
			check(t, signer, err, c.want)
			git := gitAccepts(t, r, signed(payload, sig),
				"-c", "gpg.ssh.allowedSignersFile="+allowed)
			if git != (err == nil || c.stricter) {
				t.Errorf("git says %v, we say %v", git, err)
			}
		})
	}
}

// What git takes for a bad signature must be one for us.
func TestSSHForgeriesAreRefused(t *testing.T) {
	w, r := newWallet(t), gittest.Init(t)
	payload := commitText(may)
	good := w.sign("ann", payload, "git")
	other := strings.Replace(payload, "message", "massage", 1)
	late := commitText(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	cases := map[string]struct {
		payload, sig string
		want         error
	}{
		"as it is":            {payload, good, nil},
		"sha256":              {payload, w.sign("ann", payload, "git", "-O", "hashalg=sha256"), nil},
		"another message":     {other, good, ErrBadSignature},
		"another date":        {commitText(may.Add(time.Second)), good, ErrBadSignature},
		"another namespace":   {payload, w.sign("ann", payload, "file"), ErrBadSignature},
		"another key":         {payload, w.sign("eve", payload, "git"), ErrUnknownSigner},
		"year 10000":          {late, w.sign("ann", late, "git"), ErrBadSignature},
		"cut":                 {payload, good[:len(good)/2], ErrBadSignature},
		"damaged":             {payload, strings.Replace(good, "U1NIU0", "U1NIU1", 1), ErrBadSignature},
		"of another commit":   {payload, w.sign("ann", other, "git"), ErrBadSignature},
		"no date":             {"tree x\n\nmessage\n", good, ErrBadSignature},
		"date in the message": {"tree x\n\ncommitter <> 1 +0000\n", good, ErrBadSignature},
		"no number":           {strings.Replace(payload, "> 17", "> x7", 2), good, ErrBadSignature},
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	write(t, allowed, w.fill("ann@x {ann}"))
	keys := load(t, w.fill("ann@x {ann}"))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			signer, err := keys.Verify([]byte(c.payload), []byte(c.sig))
			check(t, signer, err, c.want)
			if !strings.HasPrefix(c.payload, "tree 4") || strings.Contains(c.payload, "x7") {
				return // git does not store such a commit
			}
			if git := gitAccepts(t, r, signed(c.payload, c.sig),
				"-c", "gpg.ssh.allowedSignersFile="+allowed); git != (err == nil) {
				t.Errorf("git says %v, we say %v", git, err)
			}
		})
	}
	t.Run("two signatures", func(t *testing.T) {
		signer, err := keys.Verify([]byte(payload), []byte(good+w.sign("eve", payload, "git")))
		check(t, signer, err, ErrBadSignature)
	})
	t.Run("text before", func(t *testing.T) {
		signer, err := keys.Verify([]byte(payload), []byte("x\n"+good))
		check(t, signer, err, ErrBadSignature)
	})
}

// The law: for any allowed signers and any date, our verdict is that of git.
func TestSSHLawVerdictOfGit(t *testing.T) {
	w, r := certWallet(t), gittest.Init(t)
	dates := []time.Time{may, may.AddDate(0, -1, 0), may.AddDate(0, 2, 0), time.Unix(0, 0)}
	sigs := map[string]string{} // signing takes longer than judging
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		date := rapid.SampledFrom(dates).Draw(rt, "date")
		by := rapid.SampledFrom([]string{"ann", "cert", "april"}).Draw(rt, "by")
		payload, id := commitText(date), fmt.Sprint(by, date)
		if sigs[id] == "" {
			sigs[id] = w.sign(by, payload, "git")
		}
		text := w.fill(strings.Join(rapid.SliceOfN(rapid.Custom(line), 1, 4).Draw(rt, "lines"), "\n"))
		allowed := filepath.Join(t.TempDir(), "allowed")
		write(t, allowed, text)
		keys, err := Load(allowed)
		if err != nil {
			rt.Fatalf("cannot load what ssh-keygen reads: %v\n%s", err, text)
		}
		_, err = keys.Verify([]byte(payload), []byte(sigs[id]))
		git := gitAccepts(t, r, signed(payload, sigs[id]), "-c", "gpg.ssh.allowedSignersFile="+allowed)
		if git != (err == nil) {
			rt.Fatalf("git says %v, we say %v, of\n%s", git, err, text)
		}
		if git {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted: the law proves nothing")
	}
}

// line draws a line of allowed signers that ssh-keygen can read.
func line(t *rapid.T) string {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"ann@x", "bob@x", "*@x", "!ann@x", "a??@*"}),
		1, 3).Draw(t, "names")
	key := rapid.SampledFrom([]string{"{ann}", "{ca}", "{bob}"}).Draw(t, "key")
	var options []string
	for _, o := range []string{"", `namespaces="git"`, `namespaces="file"`, `namespaces="f*,g*"`,
		`valid-after="20260415Z"`, `valid-before="20260615Z"`} {
		name, _, _ := strings.Cut(o, "=")
		twice := slices.ContainsFunc(options, func(p string) bool { return strings.HasPrefix(p, name) })
		if o != "" && !twice && rapid.IntRange(0, 3).Draw(t, o) == 0 {
			options = append(options, o)
		}
	}
	if key == "{ca}" && rapid.IntRange(0, 3).Draw(t, "authority") > 0 {
		options = append(options, "cert-authority")
	}
	return strings.Join(names, ",") + " " + strings.Join(options, ",") + " " + key
}

// Reports name the signer: by principal and fingerprint, for a certificate also its authority.
func TestSSHSignerIsNamed(t *testing.T) {
	w := certWallet(t)
	payload := commitText(may)
	print := func(file string) string {
		out, err := exec.Command("ssh-keygen", "-l", "-f", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))[1]
	}
	keys := load(t, w.fill("Ann,ann@x {ann}\n*@x cert-authority {ca}\n"))
	cases := map[string]string{
		"ann": "Ann (ssh " + print(w.file["ann"]) + ")",
		"cert": "ann@x (ssh " + print(strings.TrimSuffix(w.file["cert"], "-cert.pub")) +
			" certified by " + print(w.file["ca"]) + ")",
	}
	for by, want := range cases {
		got, err := keys.Verify([]byte(payload), []byte(w.sign(by, payload, "git")))
		if err != nil || got != want {
			t.Errorf("the signer is %q, %v; want %q", got, err, want)
		}
	}
	_, err := keys.Verify([]byte(payload), []byte(w.sign("eve", payload, "git")))
	if !errors.Is(err, ErrUnknownSigner) || !strings.Contains(err.Error(), print(w.file["eve"])) {
		t.Errorf("who looks for the key of %q does not find it", err)
	}
}
