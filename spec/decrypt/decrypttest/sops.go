package decrypttest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// SOPS says how to encrypt a file. One of the rules at most is set; without, all is encrypted
// whose key does not end in _unencrypted.
type SOPS struct {
	Recipients       []string // age
	EncryptedRegex   string
	EncryptedSuffix  string
	UnencryptedRegex string
	MACOnlyEncrypted bool
	Extra            map[string]any // further keys of the metadata
}

// lastModified is the time of the change that all files claim.
const lastModified = "2026-01-02T03:04:05Z"

// Encrypt writes the documents of a YAML file as sops does.
func (s SOPS) Encrypt(text string) string {
	w := &sopsWriter{SOPS: s, key: make([]byte, 32), sum: sha512.New()}
	must(rand.Read(w.key))
	if s.MACOnlyEncrypted {
		w.sum.Write(must(base64.StdEncoding.DecodeString("ij/SrVTOZlJ7EDTz0Ue+CwuXWzv0T3LG/a3sgXbyfWk=")))
	}
	var docs []*yaml.Node
	for in := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc yaml.Node
		if err := in.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else {
			check(err)
		}
		w.node(doc.Content[0], nil)
		docs = append(docs, &doc)
	}
	meta := w.metadata()
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	for _, doc := range docs {
		var value yaml.Node
		check(value.Encode(meta))
		root := doc.Content[0]
		root.Style = 0
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "sops"}, &value)
		check(e.Encode(doc))
	}
	check(e.Close())
	return out.String()
}

// sopsWriter encrypts one file.
type sopsWriter struct {
	SOPS
	key []byte
	sum hash.Hash
}

func (w *sopsWriter) metadata() map[string]any {
	var keys []map[string]string
	for _, r := range w.Recipients {
		keys = append(keys, map[string]string{"recipient": r, "enc": Armored(string(w.key), r)})
	}
	mac := strings.ToUpper(fmt.Sprintf("%x", w.sum.Sum(nil)))
	meta := map[string]any{"age": keys, "lastmodified": lastModified, "version": "3.10.2",
		"mac": w.seal(mac, "str", lastModified)}
	rules := map[string]string{"encrypted_regex": w.EncryptedRegex,
		"encrypted_suffix": w.EncryptedSuffix, "unencrypted_regex": w.UnencryptedRegex}
	for name, rule := range rules {
		if rule != "" {
			meta[name] = rule
		}
	}
	if w.MACOnlyEncrypted {
		meta["mac_only_encrypted"] = true
	}
	for name, value := range w.Extra {
		meta[name] = value
	}
	return meta
}

// node encrypts the values below a node.
func (w *sopsWriter) node(n *yaml.Node, path []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			w.node(n.Content[i+1], append(append([]string{}, path...), n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			w.node(item, path)
		}
	case yaml.AliasNode:
		panic("decrypttest: sops has written out all aliases by now")
	case yaml.ScalarNode:
		w.leaf(n, path)
	}
}

// leaf counts one value for the MAC, and encrypts it if the rule says so.
func (w *sopsWriter) leaf(n *yaml.Node, path []string) {
	var v any
	check(n.Decode(&v))
	if v == nil {
		return
	}
	text, kind := sopsText(v)
	encrypted := w.encrypts(path)
	if encrypted || !w.MACOnlyEncrypted {
		io.WriteString(w.sum, text)
	}
	if encrypted && text != "" {
		*n = yaml.Node{Kind: yaml.ScalarNode,
			Value: w.seal(text, kind, strings.Join(path, ":")+":")}
	}
}

// sopsText is how sops writes a value, and what it calls its type.
func sopsText(v any) (text, kind string) {
	switch v := v.(type) {
	case string:
		return v, "str"
	case int:
		return strconv.Itoa(v), "int"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), "float"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v], "bool"
	}
	panic(fmt.Sprintf("decrypttest: sops does not write a %T", v))
}

func (w *sopsWriter) encrypts(path []string) bool {
	for _, key := range path {
		switch {
		case w.EncryptedRegex != "" && regexp.MustCompile(w.EncryptedRegex).MatchString(key),
			w.EncryptedSuffix != "" && strings.HasSuffix(key, w.EncryptedSuffix):
			return true
		case w.UnencryptedRegex != "" && regexp.MustCompile(w.UnencryptedRegex).MatchString(key):
			return false
		}
	}
	if w.EncryptedRegex != "" || w.EncryptedSuffix != "" {
		return false
	}
	return w.UnencryptedRegex != "" || !strings.Contains(strings.Join(path, ":")+":", "_unencrypted:")
}

// seal writes one encrypted value.
func (w *sopsWriter) seal(text, kind, additional string) string {
	iv := make([]byte, 32)
	must(rand.Read(iv))
	gcm := must(cipher.NewGCMWithNonceSize(must(aes.NewCipher(w.key)), len(iv)))
	out := gcm.Seal(nil, iv, []byte(text), []byte(additional))
	data, tag := out[:len(text)], out[len(text):]
	in64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]", in64(data), in64(iv), in64(tag),
		kind)
}
