package sops

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// metadata is the part of the mapping "sops" that reading needs.
type metadata struct {
	Age []struct {
		Recipient string `yaml:"recipient"`
		Enc       string `yaml:"enc"`
	} `yaml:"age"`
	KeyGroups               []yaml.Node `yaml:"key_groups"`
	LastModified            string      `yaml:"lastmodified"`
	MAC                     string      `yaml:"mac"`
	MACOnlyEncrypted        bool        `yaml:"mac_only_encrypted"`
	UnencryptedSuffix       string      `yaml:"unencrypted_suffix"`
	EncryptedSuffix         string      `yaml:"encrypted_suffix"`
	UnencryptedRegex        string      `yaml:"unencrypted_regex"`
	EncryptedRegex          string      `yaml:"encrypted_regex"`
	UnencryptedCommentRegex string      `yaml:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string      `yaml:"encrypted_comment_regex"`
	ruled                   rule
	additional              string // data of the MAC
}

// rule says whether the value at a path is encrypted.
type rule func(path []string) bool

// errHinted is what is wrong and what to do about it.
type errHinted struct {
	error
	hint string
}

// readMetadata reads the mapping and refuses what it does not know.
func readMetadata(n *yaml.Node) (m metadata, err error) {
	if err := n.Decode(&m); err != nil {
		return m, errors.New("has a sops mapping that cannot be read")
	}
	switch {
	case len(m.Age) > 0:
	case len(m.KeyGroups) > 0:
		return m, errHinted{errors.New("is encrypted to groups of keys, which are not supported"),
			"encrypt it to one group with an age key"}
	default:
		return m, errHinted{errors.New("is encrypted to no age key"),
			"add one: sops rotate --add-age age1… --in-place FILE"}
	}
	changed, err := time.Parse(time.RFC3339, m.LastModified)
	if err != nil {
		return m, errors.New("has a sops mapping without a valid lastmodified")
	}
	m.additional = changed.Format(time.RFC3339)
	m.ruled, err = m.rule()
	return m, err
}

// rule makes the one rule of the file.
func (m *metadata) rule() (rule, error) {
	if m.UnencryptedCommentRegex != "" || m.EncryptedCommentRegex != "" {
		return nil, errHinted{errors.New("is encrypted by a rule on comments, which is not supported"),
			"use --encrypted-regex instead"}
	}
	var rules []rule
	for _, r := range []struct {
		text      string
		encrypted bool // what matches
		make      func(string, bool) (rule, error)
	}{{m.UnencryptedSuffix, false, suffixRule}, {m.EncryptedSuffix, true, suffixRule},
		{m.UnencryptedRegex, false, regexRule}, {m.EncryptedRegex, true, regexRule}} {
		if r.text == "" {
			continue
		}
		made, err := r.make(r.text, r.encrypted)
		if err != nil {
			return nil, err
		}
		rules = append(rules, made)
	}
	switch len(rules) {
	case 0:
		return suffixRule("_unencrypted", false)
	case 1:
		return rules[0], nil
	}
	return nil, errors.New("has a sops mapping with more than one rule of what is encrypted")
}

func suffixRule(suffix string, encrypted bool) (rule, error) {
	match := func(key string) bool { return strings.HasSuffix(key, suffix) }
	return anyOf(match, encrypted), nil
}

func regexRule(text string, encrypted bool) (rule, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errors.New("has a sops mapping with an invalid regular expression")
	}
	return anyOf(re.MatchString, encrypted), nil
}

// anyOf is the rule that a value is encrypted, or not, if one of its keys matches.
func anyOf(match func(string) bool, encrypted bool) rule {
	return func(path []string) bool { return slices.ContainsFunc(path, match) == encrypted }
}
