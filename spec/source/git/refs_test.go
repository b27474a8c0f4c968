package git_test

import (
	"errors"
	"testing"

	"reconciler/spec/source/git"
)

// TestRef: the version that the user named is read, and no other.
func TestRef(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	id := map[string]string{}
	for _, v := range []string{"v1.2.0", "v1.2.9", "v1.2.10", "v1.3.0-rc.1", "v1.10.0", "v2.0.0",
		"odd"} {
		id[v] = r.commit("a.yaml", v)
		r.git("tag", v)
	}
	id["dev"] = r.commit("a.yaml", "dev")
	r.git("checkout", "-q", "-b", "feature/x", id["v1.2.0"])
	id["x"] = r.commit("a.yaml", "x")
	r.git("checkout", "-q", "main")
	r.git("update-ref", "refs/pull/7/head", id["v1.2.9"])
	r.git("branch", "release")
	s := serve(t, r)
	tests := []struct{ ref, commit, name string }{
		{"", id["dev"], "main"},
		{"main", id["dev"], "main"},
		{"release", id["dev"], "release"},
		{"feature/x", id["x"], "feature/x"},
		{"refs/heads/feature/x", id["x"], "feature/x"},
		{"v1.2.9", id["v1.2.9"], "v1.2.9"},
		{"odd", id["odd"], "odd"},
		{"refs/tags/odd", id["odd"], "odd"},
		{"refs/pull/7/head", id["v1.2.9"], "pull/7/head"},
		{"~1.2", id["v1.2.10"], "v1.2.10"},
		{"^1", id["v1.10.0"], "v1.10.0"},
		{">=1.0 <2", id["v1.10.0"], "v1.10.0"},
		{"*", id["v2.0.0"], "v2.0.0"},
		{">=1.3.0-0 <1.4", id["v1.3.0-rc.1"], "v1.3.0-rc.1"},
		{id["v1.2.0"], id["v1.2.0"], id["v1.2.0"]},
	}
	for _, tt := range tests {
		for _, url := range []string{r.dir, s.url} {
			got := fetch(t, source(t, git.Options{URL: url, Ref: tt.ref})).Revision
			if got.ID != tt.commit || got.Ref != tt.name {
				t.Errorf("%s: ref %q is %s (%s), want %s (%s)", url, tt.ref, got.ID, got.Ref, tt.commit,
					tt.name)
			}
		}
	}
}

// TestMissingRef: a branch that was deleted or mistyped is an error that says what there is, and
// never an empty tree.
func TestMissingRef(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	one := r.commit("a.yaml", "1")
	r.git("tag", "v1.0.0")
	r.git("tag", "both")
	r.git("branch", "staging")
	r.commit("a.yaml", "2")
	r.git("branch", "both")
	r.git("tag", "1.0.0")
	tests := []struct {
		ref   string
		texts []string
	}{
		{"stagign", []string{`"stagign"`, `did you mean "staging"?`}},
		{"Main", []string{`did you mean "main"?`}},
		{"production", []string{"there is no branch or tag of that name", "main, staging", "v1.0.0"}},
		{"refs/heads/gone", []string{"there is no such reference", "main"}},
		{"both", []string{"a branch and a tag of that name", `"refs/heads/both"`, `"refs/tags/both"`}},
		{"~3", []string{"no tag is a version in this range"}},
		{"^1", []string{`"1.0.0" and "v1.0.0" are the same version but differ`}},
		{"^banana", []string{"neither a branch nor a tag nor a range"}},
		{"0123456789012345678901234567890123456789", []string{"there is no such commit"}},
		{one[:10], []string{"there is no branch or tag of that name"}},
	}
	s := serve(t, r)
	for _, tt := range tests {
		for _, url := range []string{r.dir, s.url} {
			src := source(t, git.Options{URL: url, Ref: tt.ref})
			got, err := src.Fetch(t.Context())
			wantError(t, got, err, tt.texts...)
			if missing := (*git.RefError)(nil); !errors.As(err, &missing) || missing.Ref != tt.ref {
				t.Errorf("%s: %v is no RefError", tt.ref, err)
			}
		}
	}
}

// TestDeletedBranch: the branch of a running daemon goes; nothing is read any more.
func TestDeletedBranch(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	r.git("branch", "prod")
	src := source(t, git.Options{URL: serve(t, r).url, Ref: "prod"})
	fetch(t, src)
	r.git("branch", "-D", "prod")
	got, err := src.Fetch(t.Context())
	wantError(t, got, err, `cannot find ref "prod"`, "there is: main")
}

// TestNoCommits: an empty repository is an error, not an empty tree.
func TestNoCommits(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	s := serve(t, r)
	for _, url := range []string{r.dir, s.url} {
		got, err := source(t, git.Options{URL: url}).Fetch(t.Context())
		wantError(t, got, err, "it has no commits")
	}
	r.commit("a.yaml", "1")
	r.git("branch", "-m", "main", "trunk")
	r.git("symbolic-ref", "HEAD", "refs/heads/main")
	got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
	wantError(t, got, err, "main", "does not exist", "trunk")
	got, err = source(t, git.Options{URL: s.url}).Fetch(t.Context())
	wantError(t, got, err, "HEAD", "trunk")
}

// TestDetachedHead: a HEAD that is no branch is read too.
func TestDetachedHead(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	one := r.commit("a.yaml", "1")
	r.commit("a.yaml", "2")
	r.git("checkout", "-q", one)
	for _, url := range []string{r.dir, serve(t, r).url} {
		got := fetch(t, source(t, git.Options{URL: url})).Revision
		if got.ID != one || got.Ref != "HEAD" {
			t.Errorf("%s: revision %+v, want %s", url, got, one)
		}
	}
}

// TestOddTags: tags of tags are followed; tags of what is no commit are refused.
func TestOddTags(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	one := r.commit("a.yaml", "1")
	r.git("tag", "-a", "-m", "x", "inner")
	r.git("tag", "-a", "-m", "x", "outer", "inner")
	r.git("tag", "blob", "HEAD:a.yaml")
	r.git("tag", "-a", "-m", "x", "tree", "HEAD^{tree}")
	for _, url := range []string{r.dir, serve(t, r).url} {
		if got := fetch(t, source(t, git.Options{URL: url, Ref: "outer"})).Revision; got.ID != one {
			t.Errorf("read %s, want %s", got.ID, one)
		}
		for ref, text := range map[string]string{"blob": "is a blob, not a commit",
			"tree": "is a tree, not a commit"} {
			got, err := source(t, git.Options{URL: url, Ref: ref}).Fetch(t.Context())
			wantError(t, got, err, text)
		}
	}
}
