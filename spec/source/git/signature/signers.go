package signature

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// signer is one line of allowed signers.
type signer struct {
	principals []string // patterns
	key        ssh.PublicKey
	authority  bool     // the key certifies those of the principals
	namespaces []string // patterns; nil for all
	after      uint64   // seconds since 1970; 0 for always
	before     uint64   // seconds since 1970; 0 for ever
}

// signers are lines in the order of their files.
type signers []signer

// addSigners takes a file of allowed signers.
func (k *Keys) addSigners(data []byte) error {
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		text = strings.Trim(text, " \t\r\n")
		if text == "" || text[0] == '#' {
			continue
		}
		s, err := parseSigner(text)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		k.ssh = append(k.ssh, s)
	}
	return nil
}

// parseSigner reads: principals [options] keytype key [comment].
func parseSigner(line string) (signer, error) {
	first, rest, err := cutPrincipals(line)
	if err != nil {
		return signer{}, err
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		if _, _, _, _, bare := ssh.ParseAuthorizedKey([]byte(line)); bare == nil {
			return signer{}, errors.New("the key has no principal before it, like a mail address")
		}
		return signer{}, errors.New("there is no readable ssh key after the principals")
	}
	s := signer{principals: strings.Split(first, ","), key: key}
	if slices.Contains(s.principals, "") {
		return signer{}, errors.New("a principal is empty")
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return signer{}, errors.New("it is a certificate; " +
			"write the key of its authority, with the option cert-authority")
	}
	if key.Type() == dsa {
		return signer{}, errors.New("DSA keys are too weak")
	}
	return s, s.setOptions(options)
}

// cutPrincipals takes the first word, which may be quoted.
func cutPrincipals(line string) (first, rest string, err error) {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		if first, rest, ok = strings.Cut(quoted, `"`); !ok {
			return "", "", errors.New("a quote is not closed")
		}
		return first, rest, nil
	}
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		return "", "", errors.New("there is no key after the principals")
	}
	return line[:end], line[end:], nil
}

func (l *signer) setOptions(options []string) error {
	seen := map[string]bool{}
	for _, o := range options {
		name, value, hasValue := strings.Cut(o, "=")
		name = strings.ToLower(name)
		if seen[name] {
			return fmt.Errorf("the option %q is given twice", name)
		}
		seen[name] = true
		if err := l.setOption(name, value, hasValue); err != nil {
			return fmt.Errorf("option %q: %w", name, err)
		}
	}
	if l.after != 0 && l.before != 0 && l.before <= l.after {
		return errors.New("valid-before is not later than valid-after")
	}
	return nil
}

func (l *signer) setOption(name, value string, hasValue bool) error {
	if name == "cert-authority" && !hasValue {
		l.authority = true
		return nil
	}
	value, err := unquote(value)
	switch name {
	case "namespaces":
		l.namespaces = strings.Split(value, ",")
	case "valid-after":
		if err == nil {
			l.after, err = parseTime(value)
		}
	case "valid-before":
		if err == nil {
			l.before, err = parseTime(value)
		}
	default:
		return errors.New("it is unknown, or must not have a value")
	}
	return err
}

func unquote(value string) (string, error) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", errors.New("its value must be in double quotes")
	}
	return strings.ReplaceAll(value[1:len(value)-1], `\"`, `"`), nil
}

// parseTime reads YYYYMMDD[HHMM[SS]], in UTC with a Z behind it, else in local time.
func parseTime(value string) (uint64, error) {
	zone := time.Local
	text := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(value), "Z"), "UTC")
	if text != value {
		zone = time.UTC
	}
	layouts := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}
	at, err := time.ParseInLocation(layouts[len(text)], text, zone)
	if err != nil || at.Unix() <= 0 {
		return 0, fmt.Errorf("%q is no time like 20260131 or 20260131235959Z", value)
	}
	return uint64(at.Unix()), nil
}

// matchList is how ssh reads a list of patterns: one must match, and none with a "!" before it.
func matchList(name string, patterns []string) bool {
	found := false
	for _, p := range patterns {
		negated, not := strings.CutPrefix(p, "!")
		if not && match(name, negated) {
			return false
		}
		found = found || !not && match(name, p)
	}
	return found
}

// match compares with a pattern in which * stands for any text and ? for any one byte. It takes
// at most len(name) * len(pattern) steps.
func match(name, pattern string) bool {
	n, p, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			n, p = n+1, p+1
		case star >= 0:
			from++
			n, p = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
