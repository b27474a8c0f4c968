package decrypt_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"reconciler/spec/decrypt"
)

// sshKey returns the file of a private key, and who can encrypt to it.
func sshKey(t *testing.T, private any, public any, passphrase string) (string, age.Recipient) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "me")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "me", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	to, err := agessh.ParseRecipient(string(ssh.MarshalAuthorizedKey(key)))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), to
}

func TestSSHKeys(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"ed25519": {private, public}, "rsa": {large, &large.PublicKey},
	} {
		file, to := sshKey(t, pair[0], pair[1], "")
		got, err := keys(t, file).Decrypt(encrypt(t, clear, to))
		if err != nil || string(got) != clear {
			t.Errorf("%s: the secret is lost: %q, %v", name, got, err)
		}
		locked, _ := sshKey(t, pair[0], pair[1], "correct horse")
		err = new(decrypt.Keys).Add(strings.NewReader(locked))
		if err == nil || !strings.Contains(err.Error(), "with a passphrase") {
			t.Errorf("%s with a passphrase: %v", name, err)
		}
	}
}
