package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

const (
	leafPrefix = "ENC[AES256_GCM,"
	leafSuffix = "]"
	keySize    = 32 // bytes of the data key
	tagSize    = 16
)

// Kinds of encrypted values, as the field "type" names them.
const (
	typeText  = "str"
	typeInt   = "int"
	typeFloat = "float"
	typeBool  = "bool"
	typeBytes = "bytes"
	typeTime  = "time"
)

// IsEncrypted reports whether a text has the form of an encrypted value.
func IsEncrypted(text string) bool {
	return strings.HasPrefix(text, leafPrefix) && strings.HasSuffix(text, leafSuffix)
}

// leaf is an encrypted value in its parts.
type leaf struct {
	data, iv, tag []byte
	kind          string
}

// errForm says that a text is no encrypted value.
var errForm = errors.New("is not written as SOPS writes an encrypted value")

// parseLeaf reads ENC[AES256_GCM,data:…,iv:…,tag:…,type:…].
func parseLeaf(text string) (leaf, error) {
	if !IsEncrypted(text) {
		return leaf{}, errForm
	}
	rest := text[len(leafPrefix) : len(text)-len(leafSuffix)]
	fields := strings.Split(rest, ",")
	names := [...]string{"data:", "iv:", "tag:", "type:"}
	if len(fields) != len(names) {
		return leaf{}, errForm
	}
	for i, name := range names {
		value, ok := strings.CutPrefix(fields[i], name)
		if !ok || value == "" || strings.ContainsAny(value, "\r\n") {
			return leaf{}, errForm
		}
		fields[i] = value
	}
	l := leaf{kind: fields[3]}
	for i, part := range []*[]byte{&l.data, &l.iv, &l.tag} {
		decoded, err := base64.StdEncoding.Strict().DecodeString(fields[i])
		if err != nil || len(decoded) == 0 {
			return leaf{}, errForm
		}
		*part = decoded
	}
	if len(l.tag) != tagSize {
		return leaf{}, errForm
	}
	return l, nil
}

// open decrypts the value. Its bytes are still written as SOPS writes the type.
func (l leaf) open(key []byte, additional string) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", errors.New("has a data key of a wrong size")
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(l.iv))
	if err != nil {
		return "", errForm
	}
	sealed := append(append([]byte(nil), l.data...), l.tag...)
	clear, err := gcm.Open(nil, l.iv, sealed, []byte(additional))
	if err != nil {
		return "", errors.New("does not decrypt: it was changed, or moved to another key")
	}
	return string(clear), nil
}

// convert returns the text that the value has in a YAML file, and the bytes that count for the
// MAC.
func convert(kind, clear string) (text, counted string, err error) {
	wrong := errors.New("is not of the type that it says")
	switch kind {
	case typeText, typeBytes, typeTime:
		return clear, clear, nil
	case typeInt:
		n, err := strconv.ParseInt(clear, 10, 64)
		if err != nil {
			return "", "", wrong
		}
		text = strconv.FormatInt(n, 10)
		return text, text, nil
	case typeFloat:
		f, err := strconv.ParseFloat(clear, 64)
		if err != nil {
			return "", "", wrong
		}
		text = strconv.FormatFloat(f, 'f', -1, 64)
		return text, text, nil
	case typeBool:
		b, err := strconv.ParseBool(clear)
		if err != nil {
			return "", "", wrong
		}
		return strconv.FormatBool(b), boolText(b), nil
	}
	return "", "", errors.New("is of an unknown type")
}

// boolText is how SOPS writes a truth value for the MAC and before encryption.
func boolText(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
