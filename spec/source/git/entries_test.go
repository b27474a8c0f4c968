package git

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// FuzzListing: no tree object makes a name that leaves its directory, and what is taken says the
// same to go-git.
func FuzzListing(f *testing.F) {
	hash := string(make([]byte, 20))
	for _, seed := range []string{"", "100644 a.yaml\x00" + hash,
		"40000 d\x00" + hash + "120000 l\x00" + hash,
		"100644 ..\x00" + hash, "100644 a/b\x00" + hash, "100644 a\x00" + hash[1:], "x",
		"9 a\x00" + hash} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := listing(data)
		if err != nil {
			return
		}
		var back bytes.Buffer
		seen := map[string]bool{}
		for _, e := range entries {
			if seen[e.name] {
				t.Fatalf("%q is there twice", e.name)
			}
			seen[e.name] = true
			if odd(e.name) == "" && !fs.ValidPath("d/"+e.name) {
				t.Fatalf("%q is no name of a file", e.name)
			}
			fmt.Fprintf(&back, "%o %s\x00%s", uint32(e.mode), e.name, e.hash[:])
		}
		o := &plumbing.MemoryObject{}
		o.SetType(plumbing.TreeObject)
		if _, err := o.Write(data); err != nil {
			t.Fatal(err)
		}
		var tree object.Tree
		if err := tree.Decode(o); err != nil {
			return // go-git is stricter about modes
		}
		if len(tree.Entries) != len(entries) {
			t.Fatalf("%d entries, go-git sees %d", len(entries), len(tree.Entries))
		}
		for i, e := range tree.Entries {
			if e.Name != entries[i].name || e.Hash != entries[i].hash ||
				regular(e.Mode) != regular(entries[i].mode) {
				t.Fatalf("%v, go-git sees %v", entries[i], e)
			}
		}
	})
}

// FuzzSplitCommit: nothing of a commit gets lost between what is signed and its signature.
func FuzzSplitCommit(f *testing.F) {
	f.Add([]byte("gpgsig a\n b\n\nm"))
	f.Add([]byte("gpgsig-sha256 a\n b\nencoding y\n c\n\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, rest []byte) {
		data := append(append([]byte("tree x\n"), rest...), "\n\n"...)
		payload, signature, err := splitCommit(data)
		if err != nil {
			return
		}
		if len(payload)+len(signature) > len(data)+2 {
			t.Fatalf("%q grew to %q and %q", data, payload, signature)
		}
		again, none, err := splitCommit(payload)
		if err != nil || len(none) > 0 || !bytes.Equal(again, payload) {
			t.Fatalf("%q still has a signature: %q %v", payload, none, err)
		}
	})
}

// FuzzDeltaResult: no delta makes it fail.
func FuzzDeltaResult(f *testing.F) {
	f.Add([]byte{0x90, 0x01, 0x05})
	f.Fuzz(func(_ *testing.T, data []byte) { deltaResult(data) })
}

func TestDeltaResult(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		delta []byte
		want  uint64
	}{
		{[]byte{1, 5, 9}, 5},
		{[]byte{0x80, 0x01, 0x80, 0x80, 0x01}, 1 << 14},
		{[]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f}, 1<<32 - 1},
		{[]byte{0x80}, 0},
		{nil, 0},
	} {
		if got := deltaResult(tt.delta); got != tt.want {
			t.Errorf("%v makes %d bytes, want %d", tt.delta, got, tt.want)
		}
	}
}
