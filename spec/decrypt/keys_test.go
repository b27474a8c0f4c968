package decrypt_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"filippo.io/age/armor"

	"reconciler/spec"
	"reconciler/spec/decrypt"
	"reconciler/spec/decrypt/decrypttest"
)

const clear = "hunter2-clear-text"

// keys returns the keys of some files.
func keys(t *testing.T, files ...string) *decrypt.Keys {
	t.Helper()
	k := &decrypt.Keys{}
	for _, f := range files {
		if err := k.Add(strings.NewReader(f)); err != nil {
			t.Fatalf("a good key file is refused: %v", err)
		}
	}
	return k
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	me, other := decrypttest.Recipient, decrypttest.OtherRecipient
	file := "# created: long ago\n\n" + decrypttest.OtherKey + "\n" + decrypttest.Key + "\r\n"
	for name, tt := range map[string]struct {
		files []string
		data  []byte
	}{
		"binary":               {[]string{decrypttest.Key}, decrypttest.Age(clear, me)},
		"armored":              {[]string{decrypttest.Key}, []byte(decrypttest.Armored(clear, me))},
		"armored, indented":    {[]string{decrypttest.Key}, []byte("\n " + decrypttest.Armored(clear, me))},
		"several recipients":   {[]string{decrypttest.Key}, decrypttest.Age(clear, other, me)},
		"several keys, a file": {[]string{file}, decrypttest.Age(clear, me)},
		"several files": {[]string{decrypttest.OtherKey, decrypttest.Key},
			decrypttest.Age(clear, me)},
	} {
		got, err := keys(t, tt.files...).Decrypt(tt.data)
		if err != nil || string(got) != clear {
			t.Errorf("%s: the secret is lost: %q, %v", name, got, err)
		}
	}
}

func TestHybridKey(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	got, err := keys(t, identity.String()).Decrypt(encrypt(t, clear, identity.Recipient()))
	if err != nil || string(got) != clear {
		t.Errorf("a secret for a post-quantum key is lost: %q, %v", got, err)
	}
}

// encrypt makes binary age data for any recipient.
func encrypt(t *testing.T, text string, to age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRefusedData(t *testing.T) {
	t.Parallel()
	passphrase, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	passphrase.SetWorkFactor(10)
	good := decrypttest.Age(clear, decrypttest.Recipient)
	for name, tt := range map[string]struct {
		keys *decrypt.Keys
		data []byte
		want string
	}{
		"wrong key":      {keys(t, decrypttest.OtherKey), good, "is not opened by any of the keys"},
		"no key":         {&decrypt.Keys{}, good, "for there is none"},
		"no age data":    {keys(t, decrypttest.Key), []byte(clear), "is no age data"},
		"empty":          {keys(t, decrypttest.Key), nil, "is no age data"},
		"passphrase":     {keys(t, decrypttest.Key), encrypt(t, clear, passphrase), "with a passphrase"},
		"cut header":     {keys(t, decrypttest.Key), good[:40], "is damaged"},
		"cut text":       {keys(t, decrypttest.Key), good[:len(good)-1], "is damaged"},
		"something more": {keys(t, decrypttest.Key), slices.Concat(good, []byte("x")), "is damaged"},
		"broken armor": {keys(t, decrypttest.Key), []byte(armor.Header + "\n" + clear + "\n"),
			"is damaged"},
	} {
		got, err := tt.keys.Decrypt(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", name, err, tt.want)
		}
		if got != nil || err != nil && strings.Contains(err.Error(), clear) {
			t.Errorf("%s: something of the secret is told: %q, %v", name, got, err)
		}
	}
}

// A bomb of age data does not fill the memory.
func TestSizeLimit(t *testing.T) {
	t.Parallel()
	k := keys(t, decrypttest.Key)
	text := strings.Repeat("a", spec.MaxFileSize)
	if got, err := k.Decrypt(decrypttest.Age(text, decrypttest.Recipient)); err != nil ||
		len(got) != len(text) {
		t.Errorf("a file of the largest size is refused: %v", err)
	}
	_, err := k.Decrypt(decrypttest.Age(text+"a", decrypttest.Recipient))
	if err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("a file above the largest size: %v", err)
	}
}

// Whatever single byte is changed, the answer is an error and no part of the text.
func TestEveryDamageIsFound(t *testing.T) {
	t.Parallel()
	k, good := keys(t, decrypttest.Key), decrypttest.Age(clear, decrypttest.Recipient)
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if got, err := k.Decrypt(bad); err == nil || got != nil {
			t.Fatalf("byte %d was changed, and %q came out", i, got)
		}
	}
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	damaged := decrypttest.Key[:len(decrypttest.Key)-1] + "Z"
	for name, tt := range map[string]struct{ file, want string }{
		"empty":       {"", "has no key in it"},
		"comments":    {"# nothing\n\n", "has no key in it"},
		"public":      {decrypttest.Recipient, "line 1 is a public key"},
		"plugin":      {"AGE-PLUGIN-YUBIKEY-1QQQ", "line 1 is the key of a plugin"},
		"damaged":     {"# x\n" + damaged, "line 2 is no valid age key"},
		"hybrid":      {"AGE-SECRET-KEY-PQ-1QQQ", "line 1 is no valid age key"},
		"other":       {"\n\npassword", "line 3 is no age key"},
		"large":       {strings.Repeat("#\n", 1<<20), "more than 1 MiB"},
		"long line":   {"#" + strings.Repeat("x", 100_000), "too long"},
		"not SSH":     {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "SSH"},
		"good, wrong": {decrypttest.Key + "\nwrong", "line 2"},
	} {
		k := &decrypt.Keys{}
		err := k.Add(strings.NewReader(tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", name, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), damaged[5:30]) || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
		if _, err := k.Decrypt(decrypttest.Age(clear, decrypttest.Recipient)); err == nil {
			t.Errorf("%s: a key of a refused file is used", name)
		}
	}
	broken := errors.New("input/output error")
	if err := new(decrypt.Keys).Add(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// FuzzDecrypt: no input makes Decrypt panic, and only what was encrypted to the key comes out.
func FuzzDecrypt(f *testing.F) {
	f.Add(decrypttest.Age(clear, decrypttest.Recipient))
	f.Add([]byte(decrypttest.Armored(clear, decrypttest.Recipient)))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k := keys(t, decrypttest.Key)
		if got, err := k.Decrypt(data); err == nil && string(got) != clear {
			t.Fatalf("%q came out of nothing", got)
		}
	})
}
