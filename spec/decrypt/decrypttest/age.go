// Package decrypttest encrypts for tests what package decrypt and its neighbours read: as age
// does, and as SOPS does.
//
// It promises to share no code with what it tests, so that both cannot be wrong in the same way.
// It never serves anything but tests: its keys are in the source.
package decrypttest

import (
	"bytes"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Keys for tests, each with its public half.
const (
	Key            = "AGE-SECRET-KEY-1EU080YWGLN4NE57TYJNP2CKRX5FMS5A34X8LR8PYX9UAA8SQ4EXQVNTQ7Q"
	Recipient      = "age1pa6hhhkyt7ktsg7reh5weq4y4p0tq3fdg7hznhqm082dlm05rplqlrumkz"
	OtherKey       = "AGE-SECRET-KEY-1D0TWR9JSG0SGC87SZPPYHEL3U5SGXQFXPSYNTWCU0307RNGTFV0QGHDW76"
	OtherRecipient = "age1nk58le83neu0v8z2ctpdeuhuccy0elu2kgz76wpj2agjsc7xtvwsm9y37f"
)

// Age encrypts a text to the recipients, as binary age data.
func Age(text string, recipients ...string) []byte {
	var out bytes.Buffer
	to := make([]age.Recipient, len(recipients))
	for i, r := range recipients {
		to[i] = must(age.ParseX25519Recipient(r))
	}
	w := must(age.Encrypt(&out, to...))
	must(w.Write([]byte(text)))
	check(w.Close())
	return out.Bytes()
}

// Armored encrypts a text to the recipients, as age -a does.
func Armored(text string, recipients ...string) string {
	var out bytes.Buffer
	w := armor.NewWriter(&out)
	must(w.Write(Age(text, recipients...)))
	check(w.Close())
	return out.String()
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// check panics: what is encrypted here is given by a test, which is wrong then.
func check(err error) {
	if err != nil {
		panic(fmt.Sprintf("decrypttest: %v", err))
	}
}
