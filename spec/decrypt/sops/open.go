package sops

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// macOnlyEncrypted begins the sum where only encrypted values count, so that it never equals one
// where all do: the SHA-256 of the word "sops".
const macOnlyEncrypted = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69"

// Open decrypts every value and verifies the MAC. open decrypts age data; its error must not
// repeat what it decrypts. The result has the clear text of each encrypted node; the nodes stay
// as they are. If anything is wrong there is no result at all.
func (f *File) Open(open func([]byte) ([]byte, error)) (map[*yaml.Node]string, *Problem) {
	key, err := f.dataKey(open)
	if err != nil {
		p := f.problem(err)
		return nil, &p
	}
	sum := sha512.New()
	if f.meta.MACOnlyEncrypted {
		begin, _ := hex.DecodeString(macOnlyEncrypted) // a constant
		sum.Write(begin)
	}
	clear := map[*yaml.Node]string{}
	for _, v := range f.values {
		counted := ""
		if v.encrypted {
			if clear[v.node], counted, err = decrypt(v, key); err != nil {
				p := at(v.node, v.path, err.Error())
				return nil, &p
			}
		} else if !f.meta.MACOnlyEncrypted {
			counted = plainText(v.node)
		}
		_, _ = io.WriteString(sum, counted) // a hash takes everything
	}
	if err := f.verify(key, sum.Sum(nil)); err != nil {
		p := f.problem(err)
		return nil, &p
	}
	return clear, nil
}

// dataKey opens the key of the file with the first age entry that can be opened.
func (f *File) dataKey(open func([]byte) ([]byte, error)) ([]byte, error) {
	var failed error
	var recipients []string
	for _, entry := range f.meta.Age {
		key, err := open([]byte(entry.Enc))
		if err == nil && len(key) != keySize {
			err = errors.New("has a data key of a wrong size")
		}
		if err == nil {
			return key, nil
		}
		if failed == nil {
			failed = err
		}
		recipients = append(recipients, entry.Recipient)
	}
	const most = 5
	more := ""
	if len(recipients) > most {
		recipients, more = recipients[:most], ", …"
	}
	return nil, errHinted{fmt.Errorf("cannot be opened: its data key %w", failed),
		"it is encrypted to " + strings.Join(recipients, ", ") + more}
}

func decrypt(v value, key []byte) (text, counted string, err error) {
	l, err := parseLeaf(v.node.Value)
	if err != nil {
		return "", "", err
	}
	clear, err := l.open(key, strings.Join(v.path, ":")+":")
	if err != nil {
		return "", "", err
	}
	return convert(l.kind, clear)
}

// verify compares the MAC with the sum of what was read.
func (f *File) verify(key, sum []byte) error {
	l, err := parseLeaf(f.meta.MAC)
	if err != nil {
		return errors.New("has a MAC that cannot be read")
	}
	mac, err := l.open(key, f.meta.additional)
	if err != nil {
		return errHinted{errors.New("has a MAC that does not decrypt: the mapping sops was changed"),
			editHint}
	}
	want := strings.ToUpper(hex.EncodeToString(sum))
	if subtle.ConstantTimeCompare([]byte(mac), []byte(want)) != 1 {
		return errHinted{errors.New("does not match its MAC: something in it was changed without sops"),
			editHint}
	}
	return nil
}

// plainText is the value of a clear node as SOPS counts it.
func plainText(n *yaml.Node) string {
	var v any
	if err := n.Decode(&v); err != nil {
		return n.Value
	}
	switch v := v.(type) {
	case bool:
		return boolText(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int, int64, uint64:
		return fmt.Sprint(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return n.Value
}
