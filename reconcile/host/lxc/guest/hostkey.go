//go:build linux

package guest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

const rsaBits = 3072 // what ssh-keygen makes today

// renewHostKeys replaces every ssh host key of the guest by a new one of its type. Each private
// key is replaced by a rename, so that a killed call leaves no guest without keys.
func (r *Root) renewHostKeys(comment string) (bool, error) {
	files, err := r.glob("/etc/ssh/ssh_host_*_key*")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		private, kind := keyFile(file)
		if !private {
			continue
		}
		key, err := newKey(kind)
		if err == nil && key != nil {
			err = r.putKey(file, key, comment)
		}
		if err != nil {
			return true, fmt.Errorf("cannot renew ssh host key %q: %w", file, err)
		}
	}
	for _, file := range files {
		private, kind := keyFile(file)
		if (private || strings.HasSuffix(file, "_key.pub")) && renewable(kind) {
			continue
		}
		if _, err := r.remove(file); err != nil {
			return true, err
		}
	}
	return len(files) > 0, nil
}

// keyFile takes a path such as ssh_host_rsa_key apart.
func keyFile(file string) (private bool, kind string) {
	_, rest, _ := strings.Cut(file, "ssh_host_")
	kind, rest, _ = strings.Cut(rest, "_key")
	return rest == "", kind
}

func renewable(kind string) bool { return kind == "rsa" || kind == "ecdsa" || kind == "ed25519" }

// newKey returns nil for the types that no ssh server takes any more.
func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "rsa":
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case "ecdsa":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, nil
}

// putKey writes a private key and, beside it, its public half.
func (r *Root) putKey(file string, key crypto.Signer, comment string) error {
	private, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return err
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " " + comment + "\n"
	if _, err := r.put(file, draft{data: pem.EncodeToMemory(private), perm: 0o600}); err != nil {
		return err
	}
	_, err = r.put(file+".pub", draft{data: []byte(line), perm: 0o644})
	return err
}
