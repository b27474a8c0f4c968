package remote

import (
	"errors"
	"fmt"
	"strings"
)

// Gateway is a machine over which ssh reaches a host.
type Gateway struct {
	Host    string // required
	User    string // optional: as ssh is configured
	Port    int    // optional: as ssh is configured
	KeyFile string // optional: private key for the gateway alone; ~ is the home directory
}

// proxyCommand is the value of ssh's option of this name. It is used in place of ssh -J, which can
// neither name a key for the gateway nor demand that its host key is known. ssh has a shell
// run it, after it has replaced what begins with a percent sign.
func (g Gateway) proxyCommand(program []string) (string, error) {
	a := address{user: g.User, host: g.Host, port: g.Port}
	if err := a.check(0); err != nil {
		return "", fmt.Errorf("cannot use the gateway: %w", err)
	}
	args := append(program[:len(program):len(program)], commonArgs()...)
	if g.KeyFile != "" {
		if strings.ContainsRune(g.KeyFile, '"') {
			return "", errors.New("cannot use the key of the gateway: its name has a quote")
		}
		// ssh replaces percent signs in the name of a key, too.
		args = append(args, "-o", "IdentitiesOnly=yes", "-o", `IdentityFile="`+percent(g.KeyFile)+`"`)
	}
	args = append(args, "-W", "[\x00h]:\x00p")
	var words []string
	for _, word := range append(args, a.args()...) {
		quoted, err := quote(percent(word))
		if err != nil {
			return "", fmt.Errorf("cannot use the gateway: %w", err)
		}
		words = append(words, strings.ReplaceAll(quoted, "\x00", "%"))
	}
	return strings.Join(words, " "), nil
}

// percent hides percent signs from ssh's own replacing.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote makes one word of a text for any shell that a user may have, csh and fish among them: a few
// characters mean something to one of them even in quotes.
func quote(s string) (string, error) {
	if strings.ContainsAny(s, "'\\!\n\r") {
		return "", fmt.Errorf("%q cannot be passed through every shell", s)
	}
	return "'" + s + "'", nil
}
