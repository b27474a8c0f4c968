package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// Secrets are what webhooks are signed with; each of them will do. The zero value has none. They
// do not show when they are printed.
type Secrets struct{ keys [][]byte }

// minSecret is how many bytes a secret needs. A shorter one could be found by trying.
const minSecret = 16

// maxSecretFile bounds what is read as a file of secrets.
const maxSecretFile = 64 << 10

// NewSecrets returns secrets that each have at least 16 bytes.
func NewSecrets(secrets ...string) (Secrets, error) {
	var s Secrets
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return Secrets{}, fmt.Errorf("secret %d has %d bytes, at least %d are needed", i+1,
				len(secret), minSecret)
		}
		s.keys = append(s.keys, []byte(secret))
	}
	return s, nil
}

// ReadSecrets reads a file with one secret on each line: the new and the old one, while they are
// being exchanged. Empty lines and space around a secret do not count. A file that others may
// read, or that has no secret, is refused.
func ReadSecrets(path string) (Secrets, error) {
	s, err := readSecrets(path)
	if err != nil {
		return s, fmt.Errorf("cannot use webhook secrets %q: %w", path, withoutPath(err))
	}
	return s, nil
}

func readSecrets(path string) (Secrets, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secrets{}, err
	}
	defer func() { _ = f.Close() }()
	if err := checkSecretFile(f); err != nil {
		return Secrets{}, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return Secrets{}, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return Secrets{}, errors.New("it has no secret")
	}
	return NewSecrets(lines...)
}

func checkSecretFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := info.Mode()
	switch {
	case !mode.IsRegular():
		return errors.New("it is not a regular file")
	case mode.Perm()&0o077 != 0:
		return fmt.Errorf("its mode %04o lets others read it; run: chmod 600 %s", mode.Perm(),
			f.Name())
	case info.Size() > maxSecretFile:
		return fmt.Errorf("it has more than %d KiB", maxSecretFile>>10)
	}
	return nil
}

// withoutPath is an error without the path, which the message names already.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// String says how many there are.
func (s Secrets) String() string { return fmt.Sprintf("%d secret(s)", len(s.keys)) }

// GoString is String.
func (s Secrets) GoString() string { return s.String() }

// has reports whether a text is one of the secrets. How long that takes tells nothing of them.
func (s Secrets) has(text string) bool {
	found := false
	given := sha256.Sum256([]byte(text))
	for _, key := range s.keys {
		known := sha256.Sum256(key)
		found = hmac.Equal(given[:], known[:]) || found
	}
	return found
}

// sign returns the HMAC-SHA256 of a text with each of the secrets. It holds no more of the text
// than a small piece.
func (s Secrets) sign(text io.Reader) ([][]byte, error) {
	hashes := make([]hash.Hash, len(s.keys))
	writers := make([]io.Writer, len(s.keys))
	for i, key := range s.keys {
		hashes[i] = hmac.New(sha256.New, key)
		writers[i] = hashes[i]
	}
	if _, err := io.Copy(io.MultiWriter(writers...), text); err != nil {
		return nil, err
	}
	sums := make([][]byte, len(hashes))
	for i, h := range hashes {
		sums[i] = h.Sum(nil)
	}
	return sums, nil
}
