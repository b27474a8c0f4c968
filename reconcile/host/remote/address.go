package remote

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// address is where ssh goes.
type address struct {
	user string // empty: as ssh is configured
	host string // name, alias of ssh's configuration, or IP without brackets
	port int    // 0: as ssh is configured
}

// parseAddress reads ssh://[user@]host[:port].
func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, errors.New("the address cannot be read; it is ssh://user@host[:port]")
	}
	if _, secret := u.User.Password(); secret {
		return address{}, errors.New("the address has a password; ssh uses keys")
	}
	if u.Scheme != "ssh" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return address{}, fmt.Errorf("address %q is not ssh://user@host[:port]", text)
	}
	a := address{user: u.User.Username(), host: u.Hostname()}
	if p := u.Port(); p != "" {
		if a.port, err = strconv.Atoi(p); err != nil {
			return address{}, fmt.Errorf("%q is not a port", p)
		}
		return a, a.check(1)
	}
	return a, a.check(0)
}

var (
	userForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$`)
	hostForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$`)
)

// check refuses what ssh, or a shell that ssh starts, could take for something else.
func (a address) check(minPort int) error {
	_, err := netip.ParseAddr(a.host)
	isIP := err == nil && !strings.ContainsRune(a.host, '%')
	switch {
	case a.user != "" && !userForm.MatchString(a.user):
		return fmt.Errorf("%q is not a user that ssh may be told", a.user)
	case !isIP && !hostForm.MatchString(a.host):
		return fmt.Errorf("%q is not a host that ssh may be told", a.host)
	case a.port < minPort || a.port > 65535:
		return fmt.Errorf("%d is not a port", a.port)
	}
	return nil
}

// args are the arguments of ssh that name the address; they come last before the command.
func (a address) args() []string {
	var args []string
	if a.user != "" {
		args = append(args, "-l", a.user)
	}
	if a.port != 0 {
		args = append(args, "-p", strconv.Itoa(a.port))
	}
	return append(args, "--", a.host)
}

// inKnownHosts is the address as known_hosts has it.
func (a address) inKnownHosts() string {
	if a.port == 0 || a.port == 22 {
		return a.host
	}
	return fmt.Sprintf("[%s]:%d", a.host, a.port)
}
