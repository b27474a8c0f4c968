//go:build linux

package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// A change gets the content of a file, nil when there is none, and returns what it shall be. Nil
// means: leave it as it is.
type change func(old []byte) []byte

// edit applies a change to the file that name leads to. A new file gets the mode perm and the
// guest's root user as owner. Without the directory that name itself names, there is nothing to
// configure and edit changes nothing.
func (r *Root) edit(name string, perm os.FileMode, c change) (bool, error) {
	at, err := r.locate(name)
	if errors.Is(err, fs.ErrNotExist) && !r.exists(path.Dir(name)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot change %q in the guest: %w", name, err)
	}
	defer at.close()
	changed, err := r.editAt(at, perm, c)
	if err != nil {
		return false, fmt.Errorf("cannot change %q in the guest: %w", name, err)
	}
	return changed, nil
}

func (r *Root) editAt(at place, perm os.FileMode, c change) (bool, error) {
	old, err := at.open()
	if err != nil {
		return false, err
	}
	if old != nil {
		defer old.Close()
	}
	data, err := load(old, at.path)
	if err != nil {
		return false, err
	}
	next := c(data)
	if next == nil || old != nil && bytes.Equal(data, next) {
		return false, nil
	}
	return true, r.replace(at, old, draft{data: next, perm: perm})
}

// draft is a file to be: perm counts only where there was none before, but where it has nothing for
// others, an old file loses that too: busybox's /etc/shadow is readable for everybody.
type draft struct {
	data []byte
	perm os.FileMode
}

// put makes name a regular file with exactly this content. A symbolic link there, or a file with
// another content, is replaced by a new file: mode and owner are not those of the old one.
func (r *Root) put(name string, d draft) (bool, error) {
	at, err := r.locateLink(name)
	if errors.Is(err, fs.ErrNotExist) && !r.exists(path.Dir(name)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot write %q in the guest: %w", name, err)
	}
	defer at.close()
	same, err := r.holds(at, d.data)
	if err == nil && !same {
		err = r.replace(at, nil, d)
	}
	if err != nil {
		return false, fmt.Errorf("cannot write %q in the guest: %w", name, err)
	}
	return !same, nil
}

// holds reports whether there is a regular file with this content.
func (r *Root) holds(at place, data []byte) (bool, error) {
	if target, err := r.readLink(at.path); err == nil && target != "" {
		return false, nil
	}
	old, err := at.open()
	if old == nil {
		return false, err
	}
	defer old.Close()
	content, err := load(old, at.path)
	return err == nil && bytes.Equal(content, data), err
}

// putIn is put, after making the last directory of the path where that is missing.
func (r *Root) putIn(name string, d draft) (bool, error) {
	dir, err := r.locate(path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot write %q in the guest: %w", name, err)
	}
	defer dir.close()
	err = unix.Mkdirat(int(dir.dir.Fd()), dir.name, 0o755)
	if err == nil {
		err = unix.Fchownat(int(dir.dir.Fd()), dir.name, r.owner.uid, r.owner.gid,
			unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil && err != unix.EEXIST {
		return false, fmt.Errorf("cannot make directory %q in the guest: %w", dir.path, err)
	}
	return r.put(name, d)
}

// replace writes a temporary file beside the place and renames it over. Mode, owner and extended
// attributes come from old, where there is one.
func (r *Root) replace(at place, old *os.File, d draft) error {
	dir, temporary := int(at.dir.Fd()), ".reconciler."+at.name
	// A fixed name: what a killed process left is found and taken away by the next one.
	if err := unix.Unlinkat(dir, temporary, 0); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "unlink", Path: temporary, Err: err}
	}
	fd, err := unix.Openat(dir, temporary,
		unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "create", Path: temporary, Err: err}
	}
	f := os.NewFile(uintptr(fd), temporary)
	err = errors.Join(r.fill(f, old, d), f.Close())
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, at.name)
	}
	if err != nil {
		return errors.Join(err, unix.Unlinkat(dir, temporary, 0))
	}
	return nil
}

// fill gives a new file its owner, mode and content. The owner comes first: changing it clears
// the set-user-id bit.
func (r *Root) fill(f, old *os.File, d draft) error {
	mode, who := uint32(d.perm), r.owner
	if old != nil {
		var stat unix.Stat_t
		if err := unix.Fstat(int(old.Fd()), &stat); err != nil {
			return fmt.Errorf("cannot stat %q: %w", old.Name(), err)
		}
		mode = stat.Mode & 0o7777
		if d.perm&0o007 == 0 {
			mode &^= 0o007
		}
		who = owner{uid: int(stat.Uid), gid: int(stat.Gid)}
	}
	if err := f.Chown(who.uid, who.gid); err != nil {
		return err
	}
	if err := unix.Fchmod(int(f.Fd()), mode); err != nil {
		return fmt.Errorf("cannot set mode of %q: %w", f.Name(), err)
	}
	if old != nil {
		copyAttributes(old, f)
	}
	_, err := f.Write(d.data)
	return err
}

// copyAttributes copies access lists, labels and the user's own attributes. It leaves out the ones
// that the file system of the copy refuses, and those by which an overlay knows its files.
func copyAttributes(from, to *os.File) {
	list, value := make([]byte, 4096), make([]byte, 4096)
	n, err := unix.Flistxattr(int(from.Fd()), list)
	if err != nil {
		return
	}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(list[:n], []byte{0}), []byte{0}) {
		if len(name) == 0 || bytes.HasPrefix(name, []byte("trusted.overlay.")) {
			continue
		}
		size, err := unix.Fgetxattr(int(from.Fd()), string(name), value)
		if err != nil {
			continue
		}
		// Refusals are expected: not every file system knows every attribute.
		_ = unix.Fsetxattr(int(to.Fd()), string(name), value[:size], 0)
	}
}
