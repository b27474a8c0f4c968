package git

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// ErrNoRepository says that a directory is no git repository, and for Checkout, that it is in none.
var ErrNoRepository = errors.New("it is no git repository")

// maxAlternates is how many repositories may borrow objects from the next one.
const maxAlternates = 5

// local is an open repository of this machine.
type local struct {
	*store
	refs *refs
}

// openLocal opens the repository at a path: one with a working tree, a linked working tree, or
// a bare one. Close must be called.
func openLocal(path string) (*local, error) {
	dot, common, err := findDirs(path)
	if err != nil {
		return nil, err
	}
	shared, err := openDir(common)
	if err != nil {
		return nil, err
	}
	var whole billy.Filesystem = shared
	if dot != common {
		whole = dotgit.NewRepositoryFilesystem(osfs.New(dot, osfs.WithBoundOS()), shared)
	}
	if err := supported(whole); err != nil {
		return nil, err
	}
	dirs := []billy.Filesystem{whole}
	lenders, err := alternates(common, maxAlternates)
	if err != nil {
		return nil, err
	}
	for _, objects := range lenders {
		// go-git wants the repository around the objects.
		lender, err := openDir(filepath.Dir(objects))
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, lender)
	}
	s, err := openStore(dirs...)
	if err != nil {
		return nil, err
	}
	l := &local{store: s}
	if l.refs, err = localRefs(s.bases[0]); err != nil {
		s.close()
		return nil, err
	}
	return l, nil
}

// findDirs returns the directory of the repository, and the one that it shares with other
// working trees, which is the same for most.
func findDirs(path string) (dot, common string, err error) {
	dot = path
	switch info, err := os.Stat(filepath.Join(path, ".git")); {
	case err == nil && info.IsDir():
		dot = filepath.Join(path, ".git")
	case err == nil:
		text, err := os.ReadFile(filepath.Join(path, ".git"))
		if err != nil {
			return "", "", err
		}
		to, found := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !found {
			return "", "", ErrNoRepository
		}
		dot = below(path, to)
	case !os.IsNotExist(err):
		return "", "", err
	}
	common = dot
	switch text, err := os.ReadFile(filepath.Join(dot, "commondir")); {
	case err == nil:
		common = below(dot, strings.TrimSpace(string(text)))
	case !os.IsNotExist(err):
		return "", "", err
	}
	for _, name := range []string{"objects", "refs"} {
		if _, err := os.Stat(filepath.Join(common, name)); os.IsNotExist(err) {
			if _, err := os.Stat(path); err != nil {
				return "", "", err
			}
			return "", "", ErrNoRepository
		} else if err != nil {
			return "", "", err
		}
	}
	return dot, common, nil
}

// below makes a path absolute that may be relative to a directory.
func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// alternates lists the object directories that a repository borrows from, and those these borrow
// from.
func alternates(dir string, depth int) ([]string, error) {
	objects := filepath.Join(dir, "objects")
	f, err := os.Open(filepath.Join(objects, "info", "alternates"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		lender := below(objects, line)
		if filepath.Base(lender) != "objects" {
			return nil, fmt.Errorf("it borrows objects from %q, which is in no repository", lender)
		}
		if depth == 0 {
			return nil, errors.New("it borrows objects from too many repositories in a row")
		}
		more, err := alternates(filepath.Dir(lender), depth-1)
		if err != nil {
			return nil, err
		}
		out = append(append(out, lender), more...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// supported refuses repositories that would be misread.
func supported(dir billy.Filesystem) error {
	cfg, err := filesystem.NewStorage(dir, cache.NewObjectLRU(objectCache)).Config()
	if err != nil {
		return fmt.Errorf("cannot read its settings: %w", err)
	}
	// The parsed settings know no other version than 1.
	version := cfg.Raw.Section("core").Option("repositoryformatversion")
	if v := version; v != "" && v != "0" && v != "1" {
		return fmt.Errorf("it has the repository format %q, which is not supported", v)
	}
	for _, o := range cfg.Raw.Section("extensions").Options {
		switch name := strings.ToLower(o.Key); {
		case name == "objectformat" && strings.EqualFold(o.Value, "sha1"),
			name == "refstorage" && strings.EqualFold(o.Value, "files"):
		case name == "objectformat":
			return errSHA256
		case name == "noop", name == "noop-v1", name == "preciousobjects", name == "worktreeconfig",
			name == "partialclone", name == "relativeworktrees":
			// What a partial clone does not have is noticed when it is read.
		default:
			return fmt.Errorf("it uses the extension %q, which is not supported", o.Key)
		}
	}
	return nil
}

// localRefs lists the references of a repository as a server would.
func localRefs(from *filesystem.Storage) (*refs, error) {
	r := &refs{names: map[string]plumbing.Hash{}}
	iter, err := from.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("cannot list its references: %w", err)
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference && ref.Name() != plumbing.HEAD {
			r.names[ref.Name().String()] = ref.Hash()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list its references: %w", err)
	}
	head, err := from.Reference(plumbing.HEAD)
	if err != nil {
		return nil, fmt.Errorf("cannot read its HEAD: %w", err)
	}
	if head.Type() == plumbing.SymbolicReference {
		r.branch = head.Target().String()
		r.head = r.names[r.branch]
	} else {
		r.head = head.Hash()
	}
	return r, nil
}
