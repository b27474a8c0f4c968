//go:build linux

package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	maxFile    = 1 << 20 // bytes of one file; more is not a configuration file
	maxEntries = 4096    // names in one directory
)

// open opens the regular file at p for reading; nil and no error when there is none. It looks at
// the file before it opens it, since opening a device or a FIFO may already do or block something.
func (p place) open() (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unlinked}
	fd, err := unix.Openat2(int(p.dir.Fd()), p.name, &how)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, permanent(&fs.PathError{Op: "open", Path: p.path, Err: err})
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%q is not a regular file: %w", p.path, ErrUnsuitable)
	}
	// O_NONBLOCK: a guest that holds a lease on the file must not make us wait for it.
	return os.OpenFile("/proc/self/fd/"+strconv.Itoa(fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// load reads the whole of f, which may be nil for a missing file: then the answer is nil.
func load(f *os.File, name string) ([]byte, error) {
	if f == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%q is larger than %d bytes: %w", name, maxFile, ErrUnsuitable)
	}
	return data, nil
}

// read returns the content of a regular file; nil and no error when there is none.
func (r *Root) read(name string) ([]byte, error) {
	at, err := r.locate(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %q in the guest: %w", name, err)
	}
	defer at.close()
	f, err := at.open()
	if err != nil {
		return nil, fmt.Errorf("cannot read %q in the guest: %w", name, err)
	}
	if f != nil {
		defer f.Close()
	}
	return load(f, name)
}

// list returns the sorted names in a directory; none when it is missing.
func (r *Root) list(name string) ([]string, error) {
	dir, err := r.openAt(name, unix.O_RDONLY|unix.O_DIRECTORY, confined)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list %q in the guest: %w", name, permanent(err))
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxEntries + 1)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("cannot list %q in the guest: %w", name, err)
	}
	if len(names) > maxEntries {
		return nil, fmt.Errorf("cannot list %q in the guest: more than %d names: %w",
			name, maxEntries, ErrUnsuitable)
	}
	slices.Sort(names)
	return names, nil
}

// glob returns the sorted paths that match a pattern; only its last component may have wildcards.
func (r *Root) glob(pattern string) ([]string, error) {
	dir, last := path.Split(pattern)
	names, err := r.list(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range names {
		match, err := path.Match(last, name)
		if err != nil {
			return nil, fmt.Errorf("cannot use pattern %q: %w", pattern, err)
		}
		if match {
			paths = append(paths, dir+name)
		}
	}
	return paths, nil
}
