package state

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"reconciler/spec"
)

const (
	redacted        = "***"
	bindingSize     = sha256.Size
	fingerprintSize = 12 // bytes; 2^-96 is far below the chance of any other mishap
)

// Sealer seals secrets with the state key. OpenKey and ReadKey make one. Its methods may be
// called from several goroutines.
type Sealer struct {
	identity *age.X25519Identity
	binding  []byte // HMAC key that ties a secret to its record
	tags     []byte // HMAC key of fingerprints
}

func newSealer(identity *age.X25519Identity) (*Sealer, error) {
	s := &Sealer{identity: identity}
	for info, key := range map[string]*[]byte{
		"reconciler state binding":     &s.binding,
		"reconciler state fingerprint": &s.tags,
	} {
		derived, err := hkdf.Key(sha256.New, []byte(identity.String()), nil, info, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("cannot derive a key from the state key: %w", err)
		}
		*key = derived
	}
	return s, nil
}

// Seal encrypts the secret of the record uid. Two calls give different bytes. The zero Secret
// gives nil.
func (s *Sealer) Seal(uid string, secret spec.Secret) (Sealed, error) {
	if secret.IsZero() {
		return nil, nil
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, s.identity.Recipient())
	if err != nil {
		return nil, fmt.Errorf("cannot seal the password of record %q: %w", uid, err)
	}
	text := secret.Reveal()
	plain := append(keyed(s.binding, uid, text), text...)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("cannot seal the password of record %q: %w", uid, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("cannot seal the password of record %q: %w", uid, err)
	}
	return out.Bytes(), nil
}

// Open decrypts what Seal made for the same uid; nil gives the zero Secret. It returns an error
// for another key, another record, or damaged bytes.
func (s *Sealer) Open(uid string, sealed Sealed) (spec.Secret, error) {
	if sealed == nil {
		return spec.Secret{}, nil
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), s.identity)
	if err != nil {
		return spec.Secret{}, openError(uid, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return spec.Secret{}, openError(uid, err)
	}
	if len(plain) < bindingSize {
		return spec.Secret{}, openError(uid, io.ErrUnexpectedEOF)
	}
	text := string(plain[bindingSize:])
	if !hmac.Equal(plain[:bindingSize], keyed(s.binding, uid, text)) {
		return spec.Secret{}, openError(uid, errors.New("it was sealed for another record"))
	}
	return spec.NewSecret(text), nil
}

func openError(uid string, err error) error {
	return fmt.Errorf("cannot open the sealed password of record %q: %w", uid, err)
}

// Fingerprint returns a short text (24 hex digits) that changes with the secret and tells nothing
// about it to anybody without the state key. It is the same in every run; the same secret has
// another one in another record. The zero Secret gives "".
func (s *Sealer) Fingerprint(uid string, secret spec.Secret) string {
	if secret.IsZero() {
		return ""
	}
	return hex.EncodeToString(keyed(s.tags, uid, secret.Reveal())[:fingerprintSize])
}

// keyed is HMAC-SHA-256 over uid and text. The NUL between them keeps the pair unambiguous: no
// uid contains one.
func keyed(key []byte, uid, text string) []byte {
	h := hmac.New(sha256.New, key)
	message := make([]byte, 0, len(uid)+1+len(text))
	message = append(append(append(message, uid...), 0), text...)
	h.Write(message)
	return h.Sum(nil)
}

// String keeps the key out of logs.
func (s *Sealer) String() string { return redacted }

// GoString keeps the key out of logs.
func (s *Sealer) GoString() string { return redacted }
