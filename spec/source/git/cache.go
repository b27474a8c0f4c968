package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

const (
	maxPacks  = 20 // in a cache before it is made anew: go-git never packs them together
	lockRetry = 20 * time.Millisecond
	prefix    = "repo-"   // of the directory of a repository
	current   = "current" // link to the one that counts
	lockName  = "lock"
	tipName   = plumbing.ReferenceName("refs/reconciler/tip") // what was fetched last
)

// depot is the cache of one repository: a directory with a lock, bare repositories, and a link
// that says which of them counts. While it is open, nobody else has it open.
type depot struct {
	home string
	lock *flock.Flock
}

// openDepot waits until nobody else uses the cache and removes what a killed run left behind.
// waited says whether somebody did.
func openDepot(ctx context.Context, home string) (d *depot, waited bool, err error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, false, fmt.Errorf("cannot make the cache: %w", err)
	}
	if err := private(home); err != nil {
		return nil, false, fmt.Errorf("cannot make the cache private: %w", err)
	}
	d = &depot{home: home, lock: flock.New(filepath.Join(home, lockName), flock.SetPermissions(0o600))}
	got, err := d.lock.TryLock()
	if waited = err == nil && !got; waited {
		_, err = d.lock.TryLockContext(ctx, lockRetry)
	}
	if why := context.Cause(ctx); err != nil && why != nil {
		err = fmt.Errorf("somebody else is using it: %w", why)
	}
	if err != nil {
		return nil, waited, fmt.Errorf("cannot lock cache %q: %w", home, err)
	}
	if err := d.sweep(); err != nil {
		d.close()
		return nil, waited, fmt.Errorf("cannot clean cache %q: %w", home, err)
	}
	return d, waited, nil
}

// private takes a directory away from others. One that another user owns stays as it is: the
// cache is not trusted anyway.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(dir, 0o700); !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

func (d *depot) close() { _ = d.lock.Close() } // the end of the process unlocks too

// repository is the directory of the repository that counts, "" if there is none.
func (d *depot) repository() string {
	name, err := os.Readlink(filepath.Join(d.home, current))
	if err != nil || !strings.HasPrefix(name, prefix) || filepath.Base(name) != name {
		return ""
	}
	dir := filepath.Join(d.home, name)
	if info, err := os.Lstat(filepath.Join(dir, "objects", "pack")); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// sweep removes everything but the lock and the repository that counts, and what a killed run
// left in it.
func (d *depot) sweep() error {
	keep := map[string]bool{lockName: true}
	repository := d.repository()
	if repository != "" {
		keep[current], keep[filepath.Base(repository)] = true, true
		half, err := filepath.Glob(filepath.Join(repository, "objects", "pack", "tmp_*"))
		if err != nil {
			return err
		}
		for _, file := range half {
			if err := os.RemoveAll(file); err != nil {
				return err
			}
		}
	}
	entries, err := os.ReadDir(d.home)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			if err := os.RemoveAll(filepath.Join(d.home, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// fresh makes an empty bare repository that does not count yet.
func (d *depot) fresh() (string, error) {
	dir, err := os.MkdirTemp(d.home, prefix)
	if err != nil {
		return "", err
	}
	for _, sub := range []string{filepath.Join("objects", "pack"), "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", err
		}
	}
	// With these two a human can look into it with git.
	for name, text := range map[string]string{"HEAD": "ref: " + tipName.String() + "\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// use makes a repository the one that counts, and removes the one before.
func (d *depot) use(dir string) error {
	if err := renameio.Symlink(filepath.Base(dir), filepath.Join(d.home, current)); err != nil {
		return err
	}
	return d.sweep()
}

// packs counts the packs of a repository.
func packs(dir string) int {
	names, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil {
		return 0
	}
	return len(names)
}

// writable opens a repository of the cache for go-git to write into.
func writable(dir string) (*filesystem.Storage, error) {
	g, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	return filesystem.NewStorage(g, cache.NewObjectLRU(objectCache)), nil
}
