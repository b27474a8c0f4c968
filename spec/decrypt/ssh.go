package decrypt

import (
	"errors"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// parseSSH reads an OpenSSH private key. The errors of the library are not passed on: a key does
// not belong in them, and what they add helps nobody.
func parseSSH(data []byte) (age.Identity, error) {
	identity, err := agessh.ParseIdentity(data)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return identity, nil
	case errors.As(err, &locked):
		return nil, errors.New("is an SSH key with a passphrase, which is not supported")
	}
	return nil, errors.New("is no SSH private key of type ed25519 or RSA")
}
