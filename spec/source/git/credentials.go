package git

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// secrets is what the files of Auth say, for one conversation.
type secrets struct {
	user, password, token string
	ca, cert, key         []byte // PEM
	sshKey, passphrase    []byte
}

// maxSecret is how many bytes a file of credentials may have.
const maxSecret = 1 << 20

// user is who the server is told we are.
func (s *Source) user() string { return cmp.Or(s.o.Auth.Username, s.at.user) }

// secrets reads the files of credentials.
func (s *Source) secrets() (*secrets, error) {
	a, out := s.o.Auth, &secrets{user: s.user()}
	var password, token []byte
	for _, f := range []struct {
		what, file string
		into       *[]byte
		secret     bool
	}{
		{"password", a.PasswordFile, &password, true},
		{"token", a.TokenFile, &token, true},
		{"authorities", a.CAFile, &out.ca, false},
		{"client certificate", a.CertFile, &out.cert, false},
		{"key of the client certificate", a.KeyFile, &out.key, true},
		{"ssh key", a.SSHKeyFile, &out.sshKey, true},
		{"passphrase", a.SSHKeyPassphraseFile, &out.passphrase, true},
	} {
		if f.file == "" {
			continue
		}
		data, err := s.readSecret(f.file, f.secret)
		if err != nil {
			return nil, fmt.Errorf("cannot read the %s: %w", f.what, err)
		}
		if len(data) == 0 {
			return nil, fmt.Errorf("cannot use the %s: the file %q is empty", f.what, f.file)
		}
		*f.into = data
	}
	out.password, out.token = firstLine(password), firstLine(token)
	out.passphrase = []byte(firstLine(out.passphrase))
	return out, nil
}

// readSecret reads a file and warns when others can read it too.
func (s *Source) readSecret(file string, secret bool) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return nil, fmt.Errorf("%q is no regular file, or larger than %d bytes", file, maxSecret)
	}
	if key := "mode " + file; secret && info.Mode().Perm()&0o077 != 0 {
		s.warn(key, "others can read a file of credentials", "file", file,
			"mode", info.Mode().Perm().String())
	} else {
		s.calm(key)
	}
	return os.ReadFile(file)
}

// firstLine is the content of a file that was written with an editor.
func firstLine(data []byte) string {
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r")
}

// scrub takes every secret out of a text, in all the forms that a server might echo.
func (c *secrets) scrub(text string) string {
	for _, secret := range []string{c.password, c.token, string(c.passphrase)} {
		if secret == "" {
			continue
		}
		basic := base64.StdEncoding.EncodeToString([]byte(c.user + ":" + secret))
		for _, form := range []string{basic, secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "…")
		}
	}
	return text
}
