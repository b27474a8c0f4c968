package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/git"
	"reconciler/spec/source/git/gittest"
	"reconciler/spec/source/git/signature"
)

// TestRealSignatures: what git signs with an ssh key or OpenPGP is accepted from those who may
// sign, and from nobody else: commits, merges and tags.
func TestRealSignatures(t *testing.T) {
	t.Parallel()
	key, other := gittest.NewSSHKey(t, "ed25519", ""), gittest.NewSSHKey(t, "ed25519", "")
	gpg := gittest.NewGPG(t)
	print := gpg.NewKey("Ann <ann@example.com>", "ed25519", "0")
	pgpFile := secretFile(t, gpg.Export(print), 0o600)
	for _, tt := range []struct {
		format, key string
		known       string // file of those who may sign
		stranger    string
	}{
		{"ssh", key, allowed(t, key), allowed(t, other)},
		{"openpgp", print, pgpFile, allowed(t, other)},
	} {
		t.Run(tt.format, func(t *testing.T) {
			r := gittest.Init(t)
			if tt.format == "openpgp" {
				r.Git("config", "gpg.program", gpg.Program())
			}
			r.SignWith(tt.format, tt.key)
			r.Write(map[string]string{"a.yaml": "1"})
			first := r.Commit("first\n\nwith a body")
			r.Branch("side")
			r.Write(map[string]string{"b.yaml": "2"})
			r.Commit("on the side")
			r.Git("switch", "--quiet", "main")
			r.Git("tag", "--annotate", "--message", "m", "v1")
			r.Git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
			for _, o := range []git.Options{{}, {Ref: "v1"}, {Verify: git.VerifyAll, Applied: at(first)}} {
				o.URL, o.Keys = r.Dir, load(t, tt.known)
				if o.Verify == git.VerifyNone {
					o.Verify = git.VerifyHead
				}
				if got := fetch(t, source(t, o)).Revision; got.Signer == "" {
					t.Errorf("%+v: nobody signed %+v", o, got)
				}
				o.Keys = load(t, tt.stranger)
				got, err := source(t, o).Fetch(t.Context())
				wantError(t, got, err, "cannot trust commit")
			}
		})
	}
}

// allowed writes a line that lets a key sign.
func allowed(t *testing.T, key string) string {
	t.Helper()
	fields := strings.Fields(readFile(t, key+".pub"))
	file := filepath.Join(t.TempDir(), "allowed_signers")
	line := "ann@example.com namespaces=\"git\" " + fields[0] + " " + fields[1] + "\n"
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func load(t *testing.T, file string) *signature.Keys {
	t.Helper()
	k, err := signature.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
