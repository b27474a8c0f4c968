package git

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
)

// packDir is where a repository keeps its packs.
const packDir = "objects/pack"

var packName = regexp.MustCompile(`^pack-[0-9a-f]{40}$`)

// gitDir is the directory of a repository as go-git wants to see it. go-git reads only packs
// named pack-<checksum>, while git reads those of any name and writes loose-<checksum> during its
// maintenance; here every pack has the name that go-git looks for. What a repository borrows from
// others is not seen either: store asks the others itself.
type gitDir struct {
	billy.Filesystem
	files map[string]string // name that go-git asks for → name of the file
}

// openDir opens the directory of a repository (one that has objects and refs).
func openDir(dir string) (*gitDir, error) {
	g := &gitDir{Filesystem: osfs.New(dir, osfs.WithBoundOS()), files: map[string]string{}}
	entries, err := os.ReadDir(filepath.Join(dir, packDir))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, e := range entries {
		base, isPack := strings.CutSuffix(e.Name(), ".pack")
		if !isPack || packName.MatchString(base) || strings.HasPrefix(base, "tmp_") {
			continue
		}
		sum, err := packChecksum(filepath.Join(dir, packDir, base+".idx"))
		if os.IsNotExist(err) {
			continue // git does not read it either
		}
		if err != nil {
			return nil, err
		}
		for _, ext := range []string{".pack", ".idx"} {
			g.files[filepath.Join(packDir, "pack-"+sum+ext)] = filepath.Join(packDir, base+ext)
		}
	}
	return g, nil
}

// packChecksum reads the checksum of the pack from the end of its index, where it stands before
// the checksum of the index itself.
func packChecksum(idx string) (string, error) {
	f, err := os.Open(idx)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	sum := make([]byte, 20)
	if _, err := f.Seek(-int64(2*len(sum)), io.SeekEnd); err != nil {
		return "", fmt.Errorf("cannot read index %q: %w", idx, err)
	}
	if _, err := io.ReadFull(f, sum); err != nil {
		return "", fmt.Errorf("cannot read index %q: %w", idx, err)
	}
	return hex.EncodeToString(sum), nil
}

func (g *gitDir) real(name string) string {
	if file, renamed := g.files[filepath.Clean(name)]; renamed {
		return file
	}
	return name
}

// Open implements billy.Filesystem.
func (g *gitDir) Open(name string) (billy.File, error) {
	if filepath.Clean(name) == filepath.Join("objects", "info", "alternates") {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
	}
	return g.Filesystem.Open(g.real(name))
}

// Stat implements billy.Filesystem.
func (g *gitDir) Stat(name string) (os.FileInfo, error) {
	return g.Filesystem.Stat(g.real(name))
}

// Lstat implements billy.Filesystem.
func (g *gitDir) Lstat(name string) (os.FileInfo, error) {
	return g.Filesystem.Lstat(g.real(name))
}

// ReadDir implements billy.Filesystem.
func (g *gitDir) ReadDir(dir string) ([]os.FileInfo, error) {
	infos, err := g.Filesystem.ReadDir(dir)
	if err != nil || filepath.Clean(dir) != packDir {
		return infos, err
	}
	for name, file := range g.files {
		for _, info := range infos {
			if info.Name() == filepath.Base(file) {
				infos = append(infos, renamed{info, filepath.Base(name)})
				break
			}
		}
	}
	slices.SortFunc(infos, func(a, b os.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return infos, nil
}

// renamed is a file under another name.
type renamed struct {
	os.FileInfo
	name string
}

func (r renamed) Name() string { return r.name }
