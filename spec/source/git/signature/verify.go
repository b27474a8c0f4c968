package signature

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// What Verify finds wrong; its errors wrap one of them and say more.
var (
	// ErrUnsigned says that there is no signature.
	ErrUnsigned = errors.New("it is not signed")
	// ErrUnknownSigner says that none of the loaded keys made the signature.
	ErrUnknownSigner = errors.New("it is signed with an unknown key")
	// ErrBadSignature says that the signature does not fit the content, cannot be read, or is
	// by a loaded key that must not make it: expired, revoked, too weak, or for other uses.
	ErrBadSignature = errors.New("its signature is not valid")
)

// Verify returns who signed a commit or tag, as one line of text for reports: name and address of
// an OpenPGP key with its key id, or the principal of an ssh key with its fingerprint.
//
// The payload is the object without its signature, from its first header to the end of its
// message. The signature is the armored text beside it. The error wraps ErrUnsigned,
// ErrUnknownSigner or ErrBadSignature. Verify may be called from several goroutines at once.
func (k *Keys) Verify(payload, signature []byte) (signer string, err error) {
	signature = bytes.TrimSpace(signature)
	if len(signature) == 0 {
		return "", ErrUnsigned
	}
	at, err := date(payload)
	if err != nil {
		return "", err
	}
	first, _, _ := bytes.Cut(signature, []byte("\n"))
	switch strings.TrimSpace(string(first)) {
	case "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----":
		return k.verifyPGP(payload, signature)
	case "-----BEGIN SSH SIGNATURE-----":
		return k.verifySSH(payload, signature, at)
	case "-----BEGIN SIGNED MESSAGE-----":
		return "", bad("X.509 signatures are not supported; sign with OpenPGP or ssh")
	}
	return "", bad("it is neither an OpenPGP nor an ssh signature")
}

// bad is an ErrBadSignature with its reason.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBadSignature, fmt.Errorf(format, args...))
}

// lastDate is the end of year 9999, after which ssh-keygen cannot write a date.
const lastDate = 253402300799

// date is the time in the committer or tagger line of an object, in seconds since 1970.
func date(payload []byte) (uint64, error) {
	role := "committer "
	if bytes.HasPrefix(payload, []byte("object ")) {
		role = "tagger "
	}
	for line := range bytes.Lines(payload) {
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 {
			break
		}
		ident, ok := strings.CutPrefix(string(line), role)
		if !ok {
			continue
		}
		after := strings.Fields(ident[strings.LastIndexByte(ident, '>')+1:])
		if len(after) == 0 {
			break
		}
		at, err := strconv.ParseUint(after[0], 10, 64)
		if err != nil || at > lastDate {
			break
		}
		if at == 0 { // git takes this for "no date" and asks about now
			at = uint64(time.Now().Unix())
		}
		return at, nil
	}
	return 0, bad("the object has no readable date of its %s", strings.TrimSpace(role))
}

// oneLine makes a text that others wrote fit for a report.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
