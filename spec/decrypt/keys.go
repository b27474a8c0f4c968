// Package decrypt opens secrets of a tree with age keys: files and values that age encrypted to
// X25519, hybrid or SSH keys. Reading what SOPS wrote is package sops below.
//
// It promises that no error repeats a key or a clear text, and that the clear text is complete:
// damaged data gives an error, never its beginning. It never asks for a passphrase, runs a plugin
// or reads a file.
package decrypt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"reconciler/spec"
)

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 1 << 20

// binaryIntro is how binary age data begins.
const binaryIntro = "age-encryption.org/v1\n"

// Keys are identities that open age data. The zero value has none and opens nothing. Add fills it
// from one goroutine; then Decrypt may be called from several.
type Keys struct{ identities []age.Identity }

var _ spec.Decrypter = (*Keys)(nil)

// Add reads a file of keys: age identities (AGE-SECRET-KEY-1…, one a line, with comments), or one
// OpenSSH private key (ed25519 or RSA) without a passphrase. Its errors name the line, never the
// key.
func (k *Keys) Add(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxKeyFile {
		return fmt.Errorf("has more than %d MiB", maxKeyFile>>20)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN")) {
		identity, err := parseSSH(data)
		if err != nil {
			return err
		}
		k.identities = append(k.identities, identity)
		return nil
	}
	return k.addAge(data)
}

// addAge reads age identities.
func (k *Keys) addAge(data []byte) error {
	var found []age.Identity
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		identity, wrong := parseAge(line)
		if wrong != "" {
			return fmt.Errorf("line %d %s", n, wrong)
		}
		found = append(found, identity)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("has no key in it")
	}
	k.identities = append(k.identities, found...)
	return nil
}

// parseAge reads one identity, or says what is wrong without repeating it.
func parseAge(line string) (identity age.Identity, wrong string) {
	var err error
	switch {
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		identity, err = age.ParseHybridIdentity(line)
	case strings.HasPrefix(line, "AGE-SECRET-KEY-1"):
		identity, err = age.ParseX25519Identity(line)
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		return nil, "is the key of a plugin, which is not supported"
	case strings.HasPrefix(line, "age1"):
		return nil, "is a public key: the secret key is needed, AGE-SECRET-KEY-1…"
	default:
		return nil, "is no age key"
	}
	if err != nil {
		return nil, "is no valid age key"
	}
	return identity, ""
}

// Decrypt opens age data, armored or binary, of at most spec.MaxFileSize bytes of clear text. Its
// errors say what is wrong as the end of a sentence about the data.
func (k *Keys) Decrypt(ciphertext []byte) ([]byte, error) {
	source, err := dearmor(ciphertext)
	if err != nil {
		return nil, err
	}
	if len(k.identities) == 0 {
		return nil, errors.New("is not opened by any key, for there is none")
	}
	clear, err := age.Decrypt(source, k.identities...)
	if err != nil {
		return nil, cause(err)
	}
	text, err := io.ReadAll(io.LimitReader(clear, spec.MaxFileSize+1))
	if err != nil {
		return nil, errDamaged()
	}
	if len(text) > spec.MaxFileSize {
		return nil, fmt.Errorf("has more than %d MiB", spec.MaxFileSize>>20)
	}
	return text, nil
}

// dearmor returns the binary data. What is neither form may be a clear text that only claims to
// be encrypted, so age's own error, which quotes it, is not for showing.
func dearmor(data []byte) (io.Reader, error) {
	if trimmed := bytes.TrimSpace(data); bytes.HasPrefix(trimmed, []byte(armor.Header)) {
		return armor.NewReader(bytes.NewReader(trimmed)), nil
	}
	if bytes.HasPrefix(data, []byte(binaryIntro)) {
		return bytes.NewReader(data), nil
	}
	return nil, errors.New("is no age data")
}

// cause is why a header does not open, without a word of what is in it.
func cause(err error) error {
	var none *age.NoIdentityMatchError
	switch {
	case !errors.As(err, &none):
		return errDamaged()
	case slices.Contains(none.StanzaTypes, "scrypt"):
		return errors.New("is encrypted with a passphrase, which is not supported")
	}
	return errors.New("is not opened by any of the keys")
}

func errDamaged() error { return errors.New("is damaged") }
