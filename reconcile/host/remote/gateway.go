package remote

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// Gateway is a machine over which ssh reaches a host.
type Gateway struct {
	Host    string // required
	User    string // optional: as ssh is configured
	Port    int    // optional: as ssh is configured
	KeyFile string // optional: private key for the gateway alone; ~/ is in the home directory
}

func (g Gateway) address() address { return address{user: g.User, host: g.Host, port: g.Port} }

// keyFile is the key as a path without ~. The home is that of the user who runs this, as ssh has
// it, whatever the environment says.
func (g Gateway) keyFile() (string, error) {
	rest, ok := strings.CutPrefix(g.KeyFile, "~/")
	if !ok {
		return g.KeyFile, nil
	}
	who, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("cannot tell whose home directory ~ is: %w", err)
	}
	return filepath.Join(who.HomeDir, rest), nil
}

// checkKey returns an error if the key is no file on this machine: ssh would go on without it, and
// only say that it was not let in.
func (g Gateway) checkKey() error {
	if g.KeyFile == "" {
		return nil
	}
	path, err := g.keyFile()
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("cannot use the key of gateway %q: %w", g.Host, err)
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("cannot use the key of gateway %q: %q is not a regular file", g.Host, path)
	}
	return nil
}

// proxyCommand is the value of ssh's option of this name. It is used in place of ssh -J, which can
// neither name a key for the gateway nor demand that its host key is known. ssh has a shell
// run it, after it has replaced what begins with a percent sign.
func (g Gateway) proxyCommand(program []string) (string, error) {
	a := g.address()
	if err := a.check(0); err != nil {
		return "", fmt.Errorf("cannot use the gateway: %w", err)
	}
	args := append(program[:len(program):len(program)], commonArgs()...)
	if g.KeyFile != "" {
		key, err := g.keyFile()
		if err != nil {
			return "", err
		}
		// ssh would put variables of the environment into the name, and tell everybody of it.
		if strings.ContainsAny(key, `"$`) {
			return "", errors.New("cannot use the key of the gateway: its name has a quote or a dollar")
		}
		// ssh replaces percent signs in the name of a key, too.
		args = append(args, "-o", "IdentitiesOnly=yes", "-o", `IdentityFile="`+percent(key)+`"`)
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
