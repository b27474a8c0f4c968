package signature

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// dsa is the type of DSA keys and of their signatures, always with SHA-1.
const dsa = "ssh-dss"

// namespace is what git signs for; a signature for any other use does not count.
const namespace = "git"

func (k *Keys) verifySSH(payload, text []byte, at uint64) (string, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return "", bad("something follows it, or its end is missing")
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return "", bad("cannot read ssh signature: %w", err)
	}
	name, err := k.ssh.principal(sig.PublicKey, at)
	if err != nil {
		return "", err
	}
	err = sshsig.Verify(bytes.NewReader(payload), sig, sig.PublicKey, sig.HashAlgorithm, namespace)
	if err != nil {
		return "", bad("%s: %w", fingerprint(sig.PublicKey), err)
	}
	return fmt.Sprintf("%s (%s)", oneLine(name), fingerprint(sig.PublicKey)), nil
}

// fingerprint names a key, and for a certificate also who made it.
func fingerprint(key ssh.PublicKey) string {
	if c, ok := key.(*ssh.Certificate); ok {
		return fmt.Sprintf("ssh %s certified by %s", ssh.FingerprintSHA256(c.Key),
			ssh.FingerprintSHA256(c.SignatureKey))
	}
	return "ssh " + ssh.FingerprintSHA256(key)
}

// principal finds the name under which a key may sign at a time, in the two steps of git:
// the names of the first line that has the key at that time, and of these the first that some
// line lets sign commits.
func (s signers) principal(key ssh.PublicKey, at uint64) (string, error) {
	err := fmt.Errorf("%w: %s", ErrUnknownSigner, fingerprint(key))
	for _, l := range s {
		if !l.has(key) {
			continue
		}
		names, why := l.names(key, at)
		if why != nil {
			err = bad("%s: %w", fingerprint(key), why)
			continue
		}
		return s.permitted(names, key, at)
	}
	return "", err
}

func (s signers) permitted(names []string, key ssh.PublicKey, at uint64) (string, error) {
	why := errors.New("none of its principals may sign")
	for _, name := range names {
		for _, l := range s {
			if !l.has(key) || !matchList(name, l.principals) {
				continue
			}
			if err := l.permits(name, key, at); err != nil {
				why = err
				continue
			}
			return name, nil
		}
	}
	return "", bad("%s: %w", fingerprint(key), why)
}

// has reports whether the line is about the key, or about who made the certificate.
func (l signer) has(key ssh.PublicKey) bool {
	if l.authority {
		cert, ok := key.(*ssh.Certificate)
		return ok && bytes.Equal(cert.SignatureKey.Marshal(), l.key.Marshal())
	}
	return bytes.Equal(key.Marshal(), l.key.Marshal())
}

// names are those that the line gives to the key at that time.
func (l signer) names(key ssh.PublicKey, at uint64) ([]string, error) {
	if err := l.inTime(at); err != nil {
		return nil, err
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return l.principals, nil
	}
	var names []string
	why := errors.New("the certificate names no principal of the allowed ones")
	for _, name := range cert.ValidPrincipals {
		if !slices.ContainsFunc(l.principals, func(p string) bool { return match(name, p) }) {
			continue
		}
		if err := certified(cert, name, at); err != nil {
			why = err
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, why
	}
	return names, nil
}

// permits reports why the line does not let the name sign commits with the key.
func (l signer) permits(name string, key ssh.PublicKey, at uint64) error {
	if err := l.inTime(at); err != nil {
		return err
	}
	if l.namespaces != nil && !matchList(namespace, l.namespaces) {
		return fmt.Errorf("its line allows the namespaces %q, not %q",
			strings.Join(l.namespaces, ","), namespace)
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		return certified(cert, name, at)
	}
	return nil
}

func (l signer) inTime(at uint64) error {
	switch {
	case l.after != 0 && at < l.after:
		return fmt.Errorf("the key is valid only after %s", instant(l.after))
	case l.before != 0 && at > l.before:
		return fmt.Errorf("the key was valid only before %s", instant(l.before))
	}
	return nil
}

func instant(at uint64) string { return time.Unix(int64(at), 0).UTC().Format(time.RFC3339) }

// certified reports why a certificate does not speak for one of its principals at a time. That the
// right authority made it must be known already.
func certified(cert *ssh.Certificate, name string, at uint64) error {
	switch {
	case cert.CertType != ssh.UserCert:
		return errors.New("it is not the certificate of a user")
	case cert.Signature.Format == ssh.KeyAlgoRSA || cert.Signature.Format == dsa:
		return errors.New("the certificate is signed with SHA-1")
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return time.Unix(int64(at), 0) }}
	return checker.CheckCert(name, cert)
}
