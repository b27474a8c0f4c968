package spec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"reconciler/spec/decrypt/sops"
)

// Decrypter opens what is encrypted to its keys.
type Decrypter interface {
	// Decrypt returns the clear text of age data, binary or armored. It may be called from
	// several goroutines. Its error ends a sentence about the data, such as "is damaged", and
	// repeats neither data nor clear text.
	Decrypt(ciphertext []byte) ([]byte, error)
}

const (
	tagAge    = "!age"    // as a user writes it
	tagSecret = "!secret" // of a node whose text is in vault; no user can write it
	keyHint   = "give its key with --decryption-key FILE"
)

// vault has what was encrypted in a tree. Clear texts are here and nowhere in the nodes, so that
// no code that shows a node can show one.
type vault struct {
	texts  map[*yaml.Node]Secret
	locked []Position // what no key was given for: values, and files
	closed []Position // of these, the files
}

// put takes the text of a node away and keeps secret in its place.
func (v *vault) put(n *yaml.Node, secret Secret) {
	if v.texts == nil {
		v.texts = map[*yaml.Node]Secret{}
	}
	v.texts[n] = secret
	n.Tag, n.Value = tagSecret, ""
}

// Locked returns the places of the encrypted values and files that no key was given for, in file
// order. A tree with any is good for showing what would be done, and not for doing it.
func (t *Tree) Locked() []Position { return slices.Clone(t.locked) }

// isSealed reports whether a file of this name is encrypted as a whole.
func isSealed(name string) bool { return path.Ext(name) == ".age" }

// unseal opens an encrypted file. It returns nil if that is not possible, which is reported.
func (l *loader) unseal(name string, data []byte) []byte {
	at := Position{File: name, Line: 1}
	if l.keys == nil {
		l.vault.locked = append(l.vault.locked, at)
		l.vault.closed = append(l.vault.closed, at)
		l.sink.warn(Problem{Position: at, Hint: keyHint,
			Text: "the file is encrypted and was not opened: which passwords it declares is unknown"})
		return nil
	}
	clear, err := l.keys.Decrypt(data)
	if err != nil {
		l.failFile(name, "the file "+err.Error(), "")
		return nil
	}
	l.bytes += int64(len(clear))
	return clear
}

// tagged is a scalar with the tag !age.
type tagged struct {
	node *yaml.Node
	path string
}

// reveal opens what is encrypted in the documents of a file, and takes all clear texts that were
// encrypted out of them.
func (l *loader) reveal(name string, docs []document, found []tagged) {
	if isSealed(name) {
		for _, doc := range docs {
			l.hide(doc.root)
		}
		return
	}
	before := len(l.vault.locked)
	isSOPS := func(doc document) bool { return sops.Is(doc.root) }
	if slices.ContainsFunc(docs, isSOPS) {
		l.sops(name, docs)
	}
	for _, t := range found {
		l.age(name, t)
	}
	if n := len(l.vault.locked) - before; n > 0 {
		l.sink.warn(Problem{Position: l.vault.locked[before], Hint: keyHint,
			Text: fmt.Sprintf("encrypted and unknown: %d value(s) of this file", n)})
	}
}

// hide makes a secret of each value of an encrypted file.
func (l *loader) hide(n *yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		if !isNull(n) {
			l.vault.put(n, NewSecret(n.Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			l.hide(item)
		}
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			l.hide(n.Content[i])
		}
	}
}

// age opens one tagged value. What age -a makes of a line of text ends with the line break of
// that line: one is removed.
func (l *loader) age(name string, t tagged) {
	at := positionOf(name, t.node)
	if l.keys == nil {
		l.vault.locked = append(l.vault.locked, at)
		l.vault.put(t.node, UnknownSecret())
		return
	}
	clear, err := l.keys.Decrypt([]byte(t.node.Value))
	if err == nil && !utf8.Valid(clear) {
		err = errors.New("is not UTF-8 text once it is decrypted")
	}
	if err != nil {
		l.sink.fail(Problem{Position: at, Path: t.path, Text: "the encrypted value " + err.Error()})
		return
	}
	l.vault.put(t.node, NewSecret(strings.TrimSuffix(string(clear), "\n")))
}

// sops opens the documents of a file that SOPS encrypted. Without keys the values are unknown,
// and the MAC cannot be verified.
func (l *loader) sops(name string, docs []document) {
	roots := make([]*yaml.Node, len(docs))
	for i, doc := range docs {
		roots[i] = doc.root
	}
	file, problems := sops.Read(roots)
	for _, p := range problems {
		l.failSOPS(name, p)
	}
	switch {
	case file == nil:
		return
	case l.keys == nil:
		for _, v := range file.Encrypted() {
			l.vault.locked = append(l.vault.locked, positionOf(name, v))
			l.vault.put(v, UnknownSecret())
		}
		return
	}
	texts, problem := file.Open(l.keys.Decrypt)
	if problem != nil {
		l.failSOPS(name, *problem)
		return
	}
	for n, text := range texts {
		if !utf8.ValidString(text) {
			l.sink.fail(Problem{Position: positionOf(name, n),
				Text: "is not UTF-8 text once it is decrypted"})
		}
		l.vault.put(n, NewSecret(text))
	}
}

func (l *loader) failSOPS(name string, p sops.Problem) {
	text := p.Text
	if p.Path == "" {
		text = "the file " + text
	}
	l.sink.fail(Problem{Position: positionOf(name, p.Node), Path: shorten(p.Path), Text: text,
		Hint: p.Hint})
}

// encrypted returns the first encrypted value in n, nil if there is none.
func (b *builder) encrypted(n *yaml.Node, depth int) *yaml.Node {
	n = resolve(n)
	if len(b.decl.vault.texts) == 0 || depth > MaxDepth || !b.spend(1) {
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.Tag == tagSecret {
		return n
	}
	for _, inner := range n.Content {
		if found := b.encrypted(inner, depth+1); found != nil {
			return found
		}
	}
	return nil
}

// onlySecrets says why a setting must not be encrypted, and what to do.
func onlySecrets() (text, hint string) {
	keys := strings.Join(secretKeys(), ", ")
	return "is encrypted, but a plan must be able to show it without a key",
		"write it in clear; only these are encrypted: " + keys +
			" (sops: --encrypted-regex '^(password)$')"
}

// secretKeys lists the settings that are secrets, sorted.
func secretKeys() []string {
	var keys []string
	for _, f := range table.all {
		if f.Sensitive {
			keys = append(keys, f.Key)
		}
	}
	return slices.Compact(keys)
}
