package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// maxKeySize bounds what is read as a key file: a few comment lines and one identity.
const maxKeySize = 64 << 10

// OpenKey reads the state key, or makes one if there is no file yet: 0600, in a directory that it
// makes 0700 if that is missing. Processes that start at once end with the same key. A key file
// that others may read is refused. The file is an age identity, so that the age tool can use it.
func OpenKey(path string) (*Sealer, error) {
	s, err := ReadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := createKey(path); err != nil {
		return nil, fmt.Errorf("cannot make state key %q: %w", path, err)
	}
	return ReadKey(path)
}

// ReadKey reads the state key and never makes one: if there is none, the error wraps
// fs.ErrNotExist. A key file that others may read is refused.
func ReadKey(path string) (*Sealer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read state key: %w", err)
	}
	defer f.Close()
	if err := checkMode(f); err != nil {
		return nil, fmt.Errorf("cannot use state key %q: %w", path, err)
	}
	identities, err := age.ParseIdentities(io.LimitReader(f, maxKeySize))
	if err != nil {
		// The parser's own text can quote the line, which may be a mistyped key.
		return nil, fmt.Errorf("cannot use state key %q: it is not a file with one age identity",
			path)
	}
	x, ok := identities[0].(*age.X25519Identity)
	if !ok || len(identities) != 1 {
		return nil, fmt.Errorf("cannot use state key %q: it must hold exactly one X25519 "+
			"identity (AGE-SECRET-KEY-1…)", path)
	}
	return newSealer(x)
}

func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("its mode %04o lets others read it; run: chmod 600 %s", mode, f.Name())
	}
	return nil
}

// createKey makes the key file complete or not at all. If another process was faster, its key
// stays: link, unlike rename, never replaces a file.
func createKey(path string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := writeKey(temp, identity); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// writeKey relies on CreateTemp's mode 0600.
func writeKey(f *os.File, identity *age.X25519Identity) error {
	text := strings.Join([]string{
		"# State key of reconciler. Who has it can read every password in the state store;",
		"# without it they are lost.",
		identity.String(), "",
	}, "\n")
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// syncDir makes a new name in dir durable: a key lost after it sealed something is a disaster.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
