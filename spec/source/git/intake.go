package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Limits of what a server may send. go-git has none and indexes packs in memory.
const (
	maxPack    = 1 << 30   // bytes of one pack
	maxObject  = 100 << 20 // bytes of one object, unpacked
	maxObjects = 2_000_000 // objects in one pack
)

// take puts a pack into a repository. It is kept aside until it is known that unpacking it needs
// bounded memory.
func take(ctx context.Context, into *filesystem.Storage, dir string, pack io.Reader) error {
	f, err := os.CreateTemp(filepath.Join(dir, "objects", "pack"), "tmp_incoming_")
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	tooMuch := fmt.Errorf("the repository has more than %d MiB", maxPack>>20)
	n, err := io.Copy(f, &capped{from: pack, left: maxPack, err: tooMuch})
	switch {
	case err != nil:
		return err
	case n == 0:
		return errNoPack
	}
	if err := inspect(ctx, f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w, err := into.PackfileWriter()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, w.Close())
}

// inspect looks at the size of every object of a pack.
func inspect(ctx context.Context, pack io.ReadSeeker) (err error) {
	defer caught(&err)
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return err
	}
	scanner := packfile.NewScanner(pack)
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	if count > maxObjects {
		return fmt.Errorf("the repository has more than %d objects", maxObjects)
	}
	for range count {
		if why := context.Cause(ctx); why != nil {
			return why
		}
		if err := inspectObject(scanner); err != nil {
			return err
		}
	}
	return nil
}

func inspectObject(scanner *packfile.Scanner) error {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return err
	}
	tooLarge := fmt.Errorf("the repository has an object of more than %d MiB", maxObject>>20)
	if header.Length > maxObject {
		return tooLarge
	}
	var start head
	if _, _, err := scanner.NextObject(&start); err != nil {
		return err
	}
	if header.Type.IsDelta() && deltaResult(start.data[:start.n]) > maxObject {
		return tooLarge
	}
	return nil
}

// head keeps the first bytes that are written to it.
type head struct {
	data [20]byte
	n    int
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.n += copy(h.data[h.n:], p)
	return len(p), nil
}

// deltaResult reads the size of what a delta makes: the second of the two numbers it begins with,
// seven bits a byte, the lowest first.
func deltaResult(delta []byte) uint64 {
	var size uint64
	for range 2 {
		size = 0
		for shift := 0; len(delta) > 0; shift += 7 {
			b := delta[0]
			delta = delta[1:]
			if shift < 63 {
				size |= uint64(b&0x7f) << shift
			}
			if b&0x80 == 0 {
				break
			}
		}
	}
	return size
}
