//go:build linux

package guest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SetPassword makes hash, a crypt(5) text, the password of the users, in /etc/shadow. All other
// lines and the aging fields stay. Where the hash changes, day (counted from 1970-01-01) becomes
// the day of the last change. A missing line, or the whole file with mode 0600, is made. The
// second field of /etc/passwd becomes "x", so that the shadow file counts.
//
// A user that /etc/passwd does not know is an error which names all of them and wraps
// ErrUnsuitable; then nothing is changed. The hash appears in no error.
func (r *Root) SetPassword(users []string, hash string, day int) (bool, error) {
	if hash == "" || strings.ContainsAny(hash, ":\n\x00") {
		return false, errors.New("cannot set password: the hash is empty or not of crypt(5)")
	}
	if err := checkNames("user", users); err != nil {
		return false, err
	}
	passwd, err := r.read("/etc/passwd")
	if err != nil {
		return false, err
	}
	if missing := missingUsers(string(passwd), users); len(missing) > 0 {
		return false, fmt.Errorf("cannot set password of %q: no such users in /etc/passwd: %w",
			missing, ErrUnsuitable)
	}
	// The shadow file first: a user with "x" and no line there could not log in.
	shadow, err := r.edit("/etc/shadow", 0o600, func(old []byte) []byte {
		return []byte(withHash(string(old), users, shadowEntry{hash: hash, day: day}))
	})
	if err != nil {
		return false, err
	}
	table, err := r.edit("/etc/passwd", 0o644, func(old []byte) []byte {
		return []byte(withShadowed(string(old), users))
	})
	return shadow || table, err
}

func missingUsers(passwd string, users []string) []string {
	known := make(map[string]bool)
	for line := range strings.Lines(passwd) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			known[name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool { return known[user] })
}

// shadowEntry is what we say about a user in /etc/shadow.
type shadowEntry struct {
	hash string
	day  int
}

// withHash returns the text of /etc/shadow with the entry for each of the users.
func withHash(text string, users []string, e shadowEntry) string {
	return editLines(text, func(lines []string) []string {
		for _, user := range users {
			lines = e.in(lines, user)
		}
		return lines
	})
}

// in changes every line of a user, or adds one.
func (e shadowEntry) in(lines []string, user string) []string {
	day, found := strconv.Itoa(e.day), false
	for i, line := range lines {
		fields := strings.Split(line, ":")
		if fields[0] != user {
			continue
		}
		found = true
		for len(fields) < 9 {
			fields = append(fields, "")
		}
		if fields[1] != e.hash {
			fields[1], fields[2] = e.hash, day
			lines[i] = strings.Join(fields, ":")
		}
	}
	if !found {
		lines = append(lines, user+":"+e.hash+":"+day+":0:99999:7:::")
	}
	return lines
}

// withShadowed returns the text of /etc/passwd with the password field of the users set to "x".
func withShadowed(text string, users []string) string {
	return editLines(text, func(lines []string) []string {
		for i, line := range lines {
			fields := strings.Split(line, ":")
			if len(fields) > 1 && fields[1] != "x" && slices.Contains(users, fields[0]) {
				fields[1] = "x"
				lines[i] = strings.Join(fields, ":")
			}
		}
		return lines
	})
}
