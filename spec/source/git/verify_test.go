package git_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// seal is a signature that tests can make without keys: a digest of what is signed.
type seal struct{ who string }

const (
	sealHead = "-----BEGIN SSH SIGNATURE-----\n"
	sealTail = "\n-----END SSH SIGNATURE-----\n"
)

func (s seal) sign(payload []byte) string {
	sum := sha256.Sum256(append([]byte(s.who), payload...))
	return sealHead + hex.EncodeToString(sum[:]) + sealTail
}

// Verify implements git.Verifier.
func (s seal) Verify(payload, signature []byte) (string, error) {
	if !bytes.Equal(signature, []byte(s.sign(payload))) {
		return "", errors.New("bad signature")
	}
	return s.who, nil
}

// signed makes main a signed commit of a file beside what is there.
func (r *repo) signed(by seal, content string, parents ...string) string {
	r.t.Helper()
	tree := r.raw("100644", "a.yaml", r.blob(content))
	args := []string{"commit-tree", "-m", "signed " + content, tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	text := r.gitIn(nil, "cat-file", "commit", r.git(args...)) + "\n"
	head, message, _ := strings.Cut(text, "\n\n")
	signature := strings.ReplaceAll(strings.TrimSuffix(by.sign([]byte(text)), "\n"), "\n", "\n ")
	return r.store(head + "\ngpgsig " + signature + "\n\n" + message)
}

// store stores the raw text of a commit and makes main it.
func (r *repo) store(text string) string {
	id := r.gitIn([]byte(text), "hash-object", "-t", "commit", "--literally", "-w", "--stdin")
	r.git("update-ref", "refs/heads/main", id)
	return id
}

func (r *repo) plain(content string, parents ...string) string {
	r.t.Helper()
	args := []string{"commit-tree", "-m", "plain", r.raw("100644", "a.yaml", r.blob(content))}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	id := r.git(args...)
	r.git("update-ref", "refs/heads/main", id)
	return id
}

// signing makes a commit and says why it cannot be trusted, "" if it can.
type signing struct {
	name, want string
	make       func(r *repo) string
}

func signings() []signing {
	ann, eve := seal{"ann"}, seal{"eve"}
	return []signing{
		{"signed", "", func(r *repo) string { return r.signed(ann, "1") }},
		{"with parents", "", func(r *repo) string {
			return r.signed(ann, "2", r.plain("1"),
				r.plain("0"))
		}},
		{"not signed", "it is not signed", func(r *repo) string { return r.plain("1") }},
		{"signed before", "it is not signed", func(r *repo) string {
			return r.plain("2", r.signed(ann,
				"1"))
		}},
		{"by another", "bad signature", func(r *repo) string { return r.signed(eve, "1") }},
		{"changed", "bad signature", func(r *repo) string {
			text := r.gitIn(nil, "cat-file", "commit", r.signed(ann, "1")) + "\n"
			return r.store(strings.Replace(text, "signed 1", "signed 2", 1))
		}},
		{"other tree", "bad signature", func(r *repo) string {
			text := r.gitIn(nil, "cat-file", "commit", r.signed(ann, "1")) + "\n"
			return r.store("tree " + r.raw("100644", "evil.yaml", r.blob("2")) + text[45:])
		}},
		{"two signatures", "more than one signature", func(r *repo) string {
			text := r.gitIn(nil, "cat-file", "commit", r.signed(eve, "1")) + "\n"
			other := r.gitIn(nil, "cat-file", "commit", r.signed(ann, "1"))
			from, to := strings.Index(other, "gpgsig"), strings.Index(other, "\n\n")
			return r.store(strings.Replace(text, "gpgsig", other[from:to]+"\ngpgsig", 1))
		}},
	}
}

// TestVerifyHead: a commit that nobody known has signed is not applied.
func TestVerifyHead(t *testing.T) {
	t.Parallel()
	ann := seal{"ann"}
	for _, tt := range signings() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			id := tt.make(r)
			for _, mode := range []git.VerifyMode{git.VerifyHead, git.VerifyAll} {
				for _, url := range []string{r.dir, serve(t, r).url} {
					got, err := source(t, git.Options{URL: url, Verify: mode, Keys: ann}).Fetch(t.Context())
					if tt.want != "" {
						wantError(t, got, err, tt.want, id)
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if got.Revision.Signer != "ann" {
						t.Errorf("signer %q, want ann", got.Revision.Signer)
					}
				}
			}
			if tt.name != "two signatures" { // which is damage, whoever asks
				got := fetch(t, source(t, git.Options{URL: r.dir}))
				if got.Revision.Signer != "" {
					t.Error("a signature that nobody checked is shown")
				}
			}
		})
	}
}

// TestVerifyAll: nothing unsigned comes in between the applied commit and the new one, on
// whatever side of a merge.
func TestVerifyAll(t *testing.T) {
	t.Parallel()
	ann := seal{"ann"}
	r := newRepo(t)
	root := r.plain("root")
	old := r.plain("old", root)
	applied := r.plain("applied", old)
	next := r.signed(ann, "next", applied)
	tests := []struct{ name, head, unsigned string }{
		{"one more", next, ""},
		{"two more", r.signed(ann, "two", next), ""},
		{"gap", r.signed(ann, "gap", r.plain("evil", next)), "plain"},
		{"merge of what was there", r.signed(ann, "merge", next, old), ""},
		{"merge of a signed side", r.signed(ann, "merge", next, r.signed(ann, "side", root)), ""},
		{"merge of an unsigned side", r.signed(ann, "merge", next, r.plain("side", root)), "plain"},
		{"unsigned deep in the side", r.signed(ann, "merge", next,
			r.signed(ann, "side", r.plain("deep", root))), "plain"},
		{"the same", applied, "plain"},
	}
	web := serve(t, r)
	for _, tt := range tests {
		for _, url := range []string{r.dir, web.url} {
			for _, warm := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %v", tt.name, warm), func(t *testing.T) {
					src := source(t, git.Options{URL: url, Verify: git.VerifyAll, Keys: ann, Applied: at(applied)})
					if warm { // the cache has the applied commit without its history
						r.git("update-ref", "refs/heads/main", applied)
						_, _ = src.Fetch(t.Context())
					}
					r.git("update-ref", "refs/heads/main", tt.head)
					got, err := src.Fetch(t.Context())
					if tt.unsigned != "" {
						wantError(t, got, err, "cannot trust commit", "it is not signed")
					} else if err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// TestVerifyTag: a signed tag vouches for its commit, but only under its own name.
func TestVerifyTag(t *testing.T) {
	t.Parallel()
	ann := seal{"ann"}
	r := newRepo(t)
	id := r.plain("1")
	tag := func(by seal, ref, name string) {
		text := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger Ann <a@b> 1700000000 +0000\n\nx\n",
			id, name)
		object := r.gitIn([]byte(text+by.sign([]byte(text))), "hash-object", "-t", "tag", "-w", "--stdin")
		r.git("update-ref", "refs/tags/"+ref, object)
	}
	tag(ann, "good", "good")
	tag(seal{"eve"}, "evil", "evil")
	tag(ann, "moved", "good")
	r.git("tag", "light")
	for _, url := range []string{r.dir, serve(t, r).url} {
		for ref, want := range map[string]string{"good": "", "evil": "not signed", "moved": "not signed",
			"light": "not signed", "main": "not signed", id: "not signed"} {
			src := source(t, git.Options{URL: url, Ref: ref, Verify: git.VerifyHead, Keys: ann})
			got, err := src.Fetch(t.Context())
			if want != "" {
				wantError(t, got, err, want)
			} else if err != nil || got.Revision.Signer != "ann" || got.Revision.ID != id {
				t.Errorf("%s: %v %+v", ref, err, got.Revision)
			}
		}
		r.signed(ann, "2") // a signed commit needs no signed tag
		r.git("tag", "-f", "moved", "main")
		fetch(t, source(t, git.Options{URL: url, Ref: "moved", Verify: git.VerifyHead, Keys: ann}))
		tag(ann, "moved", "good")
		r.git("update-ref", "refs/heads/main", id)
	}
}

// TestACommitOfTwoTrees: git reads the first tree that a commit names. Who reads another one
// applies what nobody has reviewed, under a signature that is valid.
func TestACommitOfTwoTrees(t *testing.T) {
	t.Parallel()
	ann := seal{"ann"}
	r := newRepo(t)
	good, evil := r.raw("100644", "a.yaml", r.blob("1")), r.raw("100644", "a.yaml", r.blob("2"))
	who := "Ann <ann@example.com> 1700000000 +0000"
	people := "author " + who + "\ncommitter " + who + "\n"
	for name, head := range map[string]string{
		"at the end": "tree " + good + "\n" + people + "tree " + evil + "\n",
		"at the top": "tree " + good + "\ntree " + evil + "\n" + people,
	} {
		signature := strings.ReplaceAll(strings.TrimSuffix(ann.sign([]byte(head+"\nm\n")), "\n"),
			"\n", "\n ")
		r.store(head + "gpgsig " + signature + "\n\nm\n")
		if seen := r.git("show", "main:a.yaml"); seen != "1" {
			t.Fatalf("git reads %q: the test proves nothing", seen)
		}
		for _, mode := range []git.VerifyMode{git.VerifyHead, git.VerifyNone} {
			got, err := source(t, git.Options{URL: r.dir, Verify: mode, Keys: ann}).Fetch(t.Context())
			if err == nil && contents(t, got.Files)["a.yaml"] != "1" {
				t.Errorf("%s, verify %q: read %v", name, mode, contents(t, got.Files))
			}
		}
	}
}

// TestPayload: what is verified is exactly what git signs, whatever headers a commit has. The
// reference is git's own view: the commit as it was before it was signed.
func TestPayload(t *testing.T) {
	t.Parallel()
	ann := seal{"ann"}
	r := newRepo(t)
	tree := r.raw("100644", "a.yaml", r.blob("1"))
	who := "Ann <ann@example.com> 1700000000 +0000"
	for name, extra := range map[string]string{
		"plain":    "",
		"encoding": "encoding ISO-8859-1\n",
		"mergetag": "mergetag object " + strings.Repeat("1",
			40) + "\n type commit\n tag v1\n tagger " + who +
			"\n \n message\n -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n",
		"unknown":     "HG:extra x:y\n",
		"two unknown": "a b\nc d\n e\n",
	} {
		for _, message := range []string{"one line", "m\n",
			"m\n\nbody\n\n-----BEGIN SSH SIGNATURE-----\nno\n", "\n\nlate", ""} {
			head := fmt.Sprintf("tree %s\nauthor %s\ncommitter %s\n", tree, who, who)
			signature := strings.ReplaceAll(strings.TrimSuffix(ann.sign([]byte(head+extra+"\n"+message)),
				"\n"), "\n", "\n ")
			r.store(head + "gpgsig " + signature + "\ngpgsig-sha256 other\n lines\n" + extra +
				"\n" + message)
			got, err := source(t, git.Options{URL: r.dir, Verify: git.VerifyHead,
				Keys: ann}).Fetch(t.Context())
			if err != nil || got.Revision.Signer != "ann" {
				t.Errorf("%s, message %q: %v", name, message, err)
			}
		}
	}
}
