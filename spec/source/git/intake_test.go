package git

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packed is one object as it stands in a pack: its kind, the size it claims, what it holds.
type packed struct {
	kind  plumbing.ObjectType
	size  uint64
	bytes []byte
}

// makePack writes a pack that claims to have so many objects.
func makePack(t *testing.T, count uint32, objects ...packed) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, count})
	for _, o := range objects {
		first, rest := byte(o.kind)<<4|byte(o.size&0x0f), o.size>>4
		for rest > 0 {
			b.WriteByte(first | 0x80)
			first, rest = byte(rest&0x7f), rest>>7
		}
		b.WriteByte(first)
		if o.kind == plumbing.REFDeltaObject {
			b.Write(make([]byte, 20))
		}
		z := zlib.NewWriter(&b)
		if _, err := z.Write(o.bytes); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// depotWith opens a cache with an empty repository in it.
func depotWith(t *testing.T) (*depot, string) {
	t.Helper()
	d, waited, err := openDepot(t.Context(), filepath.Join(t.TempDir(), "a", "b"))
	if err != nil || waited {
		t.Fatal(waited, err)
	}
	t.Cleanup(d.close)
	dir, err := d.fresh()
	if err != nil {
		t.Fatal(err)
	}
	return d, dir
}

// TestHostilePack: what would need too much memory is refused before go-git sees it, and leaves
// nothing behind.
func TestHostilePack(t *testing.T) {
	t.Parallel()
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, 1), 1<<33)
	tests := []struct {
		name, want string
		pack       []byte
	}{
		{"nothing", "the server sent nothing", nil},
		{"garbage", "malformed", []byte(strings.Repeat("garbage", 20))},
		{"claims many objects", "more than 2000000 objects", makePack(t, 1<<31)},
		{"fewer objects than it claims", "", makePack(t, 2, packed{plumbing.BlobObject, 1, []byte("x")})},
		{"claims a large object", "an object of more than 100 MiB",
			makePack(t, 1, packed{plumbing.BlobObject, 1 << 30, []byte("x")})},
		{"holds more than it claims", "",
			makePack(t, 1, packed{plumbing.BlobObject, 10, make([]byte, 10<<20)})},
		{"delta that makes a large object", "an object of more than 100 MiB",
			makePack(t, 1, packed{plumbing.REFDeltaObject, uint64(len(delta)), delta})},
		{"delta of nothing", "", makePack(t, 1, packed{plumbing.REFDeltaObject, 2, []byte{1, 1}})},
		{"cut off", "", makePack(t, 1, packed{plumbing.BlobObject, 3, []byte("abc")})[:18]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, dir := depotWith(t)
			into, err := writable(dir)
			if err != nil {
				t.Fatal(err)
			}
			err = take(t.Context(), into, dir, bytes.NewReader(tt.pack))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if packs(dir) != 0 {
				t.Error("a pack is in the repository")
			}
		})
	}
}

// TestGoodPack: what is sound gets in and can be read.
func TestGoodPack(t *testing.T) {
	t.Parallel()
	d, dir := depotWith(t)
	into, err := writable(dir)
	if err != nil {
		t.Fatal(err)
	}
	pack := makePack(t, 1, packed{plumbing.BlobObject, 5, []byte("hello")})
	if err := take(t.Context(), into, dir, bytes.NewReader(pack)); err != nil {
		t.Fatal(err)
	}
	if err := d.use(dir); err != nil {
		t.Fatal(err)
	}
	s, err := openCached(d.repository())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	h := plumbing.ComputeHash(plumbing.BlobObject, []byte("hello"))
	if data, err := s.read(plumbing.BlobObject, h, 5); err != nil || string(data) != "hello" {
		t.Errorf("read %q, %v", data, err)
	}
	large := (*tooLarge)(nil)
	if _, err := s.read(plumbing.BlobObject, h, 4); !errors.As(err, &large) {
		t.Errorf("%v, want that it is too large", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "tmp_*")); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}

// TestBrokenStream: a connection that ends in the middle leaves no pack, and says why.
func TestBrokenStream(t *testing.T) {
	t.Parallel()
	_, dir := depotWith(t)
	into, err := writable(dir)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the cable was pulled")
	pack := makePack(t, 1, packed{plumbing.BlobObject, 5, []byte("hello")})
	from := io.MultiReader(bytes.NewReader(pack[:20]), failing{broken})
	if err := take(t.Context(), into, dir, from); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := take(ctx, into, dir, bytes.NewReader(pack)); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	if packs(dir) != 0 {
		t.Error("a pack is in the repository")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCapped(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	for size, want := range map[int]error{0: nil, 9: nil, 10: full, 11: full, 1000: full} {
		data, err := io.ReadAll(&capped{from: strings.NewReader(strings.Repeat("x", size)), left: 10,
			err: full})
		if !errors.Is(err, want) || len(data) > 10 || want == nil && len(data) != size {
			t.Errorf("of %d bytes %d were read: %v, want %v", size, len(data), err, want)
		}
	}
}

// TestLock: a second run waits while the first has the cache, and when it is told to stop it says
// what it waited for.
func TestLock(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "cache")
	first, _, err := openDepot(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, _, err := openDepot(ctx, home); !errors.Is(err, stop) ||
		!strings.Contains(err.Error(), "somebody else is using it") {
		t.Errorf("%v, want that somebody else is using it", err)
	}
	first.close()
	second, waited, err := openDepot(t.Context(), home)
	if err != nil || waited {
		t.Fatalf("the lock stays: %v", err)
	}
	defer second.close()
	if info, err := os.Stat(home); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache has mode %v (%v), want 0700", info.Mode(), err)
	}
}
