package signature

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// MaxFileSize is the most bytes that a file of keys may have.
const MaxFileSize = 4 << 20

// Keys are the public keys of those who may sign. They never change after Load.
type Keys struct {
	pgp openpgp.EntityList
	ssh signers
}

// Load reads public keys from files. A directory stands for the files in it but the hidden ones;
// a directory in it is an error. What a file holds is told by its content: OpenPGP public keys,
// armored or binary, or else lines for allowed signers as ssh-keygen(1) describes them.
//
// It fails, naming the file, at the first thing that it cannot read or use: a key left out
// silently is a signer locked out. A file without a key is an error, as is a secret key, which has
// no business on this machine.
func Load(paths ...string) (*Keys, error) {
	if len(paths) == 0 {
		return nil, errors.New("cannot load keys: no file is given")
	}
	k := &Keys{}
	for _, p := range paths {
		files, err := expand(p)
		if err != nil {
			return nil, fmt.Errorf("cannot load keys %q: %w", p, cause(err))
		}
		for _, f := range files {
			if err := k.addFile(f); err != nil {
				return nil, fmt.Errorf("cannot load keys %q: %w", f, cause(err))
			}
		}
	}
	return k, nil
}

// expand is the path itself, or the files of the directory it names, sorted.
func expand(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") { // also the ..data of a mounted secret
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there is no file in it")
	}
	return files, nil
}

func (k *Keys) addFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	if info.Size() > MaxFileSize {
		return fmt.Errorf("it has more than %d MiB", MaxFileSize>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return k.add(data)
}

// add takes the content of one file.
func (k *Keys) add(data []byte) error {
	before := len(k.pgp) + len(k.ssh)
	var err error
	switch {
	case bytes.Contains(data, []byte("-----BEGIN ")) && bytes.Contains(data, []byte(" PRIVATE KEY")):
		return errors.New("it holds a secret key; only public keys belong here")
	case bytes.Contains(data, []byte("-----BEGIN PGP ")):
		err = k.addArmored(data)
	case len(data) > 0 && data[0]&0x80 != 0: // a packet header of OpenPGP, never text
		err = k.addBinary(data)
	default:
		err = k.addSigners(data)
	}
	if err == nil && len(k.pgp)+len(k.ssh) == before {
		err = errors.New("there is no key in it")
	}
	return err
}

// cause is the reason of an error without the path, which the message names already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
