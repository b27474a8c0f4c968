package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// address is where a repository is.
type address struct {
	scheme string // local, http, https or ssh
	user   string // "" if none was given
	host   string // without brackets
	port   int    // 0 for the usual one
	path   string // local: absolute; otherwise as the server gets it
}

// String is the address as people write it: the same text for all ways to write it.
func (a address) String() string {
	if a.scheme == "local" {
		return a.path
	}
	home := strings.HasPrefix(a.path, "~") // as in ssh://host/~user/repo
	if a.scheme == "ssh" && !home && !strings.HasPrefix(a.path, "/") {
		return a.user + "@" + a.hostPort() + ":" + a.path // no URL can say this
	}
	u := url.URL{Scheme: a.scheme, Host: a.hostPort(), Path: a.path}
	if home {
		u.Path = "/" + a.path
	}
	if a.user != "" {
		u.User = url.User(a.user)
	}
	return u.String()
}

// hostPort is host, or host:port where the port is not the usual one.
func (a address) hostPort() string {
	if a.port != 0 {
		return net.JoinHostPort(a.host, strconv.Itoa(a.port))
	}
	if strings.Contains(a.host, ":") {
		return "[" + a.host + "]"
	}
	return a.host
}

// key is a name for the cache of this repository.
func (a address) key() string {
	sum := sha256.Sum256([]byte(a.String()))
	return hex.EncodeToString(sum[:16])
}

// parseAddress reads an address. Its errors never show what could be a password.
func parseAddress(raw string) (address, error) {
	if raw == "" {
		return address{}, errors.New("the address of the repository is empty")
	}
	if strings.ContainsFunc(raw, unicode.IsControl) {
		return address{}, errors.New("the address of the repository has control characters")
	}
	if strings.Contains(raw, "://") {
		return parseURL(raw)
	}
	if user, host, path, found := splitSCP(raw); found {
		return checked(address{scheme: "ssh", user: user, host: host, path: path}, raw)
	}
	path, err := filepath.Abs(raw)
	if err != nil {
		return address{}, err
	}
	return address{scheme: "local", path: path}, nil
}

// splitSCP takes user@host:path apart.
func splitSCP(raw string) (user, host, path string, found bool) {
	at, slash := strings.Index(raw, "@"), strings.Index(raw, "/")
	if at <= 0 || slash >= 0 && slash < at {
		return "", "", "", false
	}
	user, rest := raw[:at], raw[at+1:]
	if after, bracket := strings.CutPrefix(rest, "["); bracket {
		host, path, found = strings.Cut(after, "]:")
		return user, host, path, found
	}
	host, path, found = strings.Cut(rest, ":")
	return user, host, path, found && !strings.Contains(host, "/")
}

// usualPort reports whether a port need not be written.
func usualPort(scheme string, port int) bool {
	return scheme == "https" && port == 443 || scheme == "http" && port == 80 ||
		scheme == "ssh" && port == 22
}

func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse repeats the address with everything in it.
		return address{}, fmt.Errorf("cannot understand the address %q", hidden(raw))
	}
	scheme := strings.ToLower(u.Scheme)
	if _, secret := u.User.Password(); secret {
		return address{}, fmt.Errorf("the address %q has a password in it: "+
			"put it into a file and name that file instead", hidden(raw))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return address{}, fmt.Errorf("the address %q has a %q in it", hidden(raw), "? or #")
	}
	a := address{scheme: scheme, user: u.User.Username(), host: strings.ToLower(u.Hostname()),
		path: u.Path}
	switch scheme {
	case "file":
		if a.host != "" && a.host != "localhost" || a.user != "" || !filepath.IsAbs(u.Path) {
			return address{}, fmt.Errorf("the address %q names no absolute path of this machine",
				hidden(raw))
		}
		return address{scheme: "local", path: filepath.Clean(u.Path)}, nil
	case "git+ssh", "ssh+git":
		a.scheme = "ssh"
	case "http", "https", "ssh":
	case "git":
		return address{}, fmt.Errorf("cannot use %q: nobody can tell who answers at git://; "+
			"use https or ssh", hidden(raw))
	default:
		return address{}, fmt.Errorf("cannot use %q: %q is none of file, https, http and ssh",
			hidden(raw), scheme)
	}
	if p := u.Port(); p != "" {
		if a.port, err = strconv.Atoi(p); err != nil || a.port < 1 || a.port > 65535 {
			return address{}, fmt.Errorf("the address %q has the port %q", hidden(raw), p)
		}
	}
	if usualPort(a.scheme, a.port) {
		a.port = 0
	}
	if strings.HasPrefix(a.path, "/~") && a.scheme == "ssh" {
		a.path = a.path[1:]
	}
	return checked(a, raw)
}

// checked refuses what no server can be asked for.
func checked(a address, raw string) (address, error) {
	a.host = strings.ToLower(a.host)
	if a.host == "" || strings.HasPrefix(a.host, "-") || strings.ContainsAny(a.host, " @/\\%[]") {
		return address{}, fmt.Errorf("the address %q names no host", hidden(raw))
	}
	if strings.HasPrefix(a.user, "-") || strings.ContainsAny(a.user, "@:/ ") {
		return address{}, fmt.Errorf("the address %q has a user name that cannot be", hidden(raw))
	}
	if a.path != "/" {
		a.path = strings.TrimRight(a.path, "/")
	}
	if strings.Trim(a.path, "/") == "" {
		return address{}, fmt.Errorf("the address %q names no repository", hidden(raw))
	}
	if a.scheme == "http" && a.user != "" {
		return address{}, fmt.Errorf("the address %q has a user name, which http would send "+
			"without encryption: use https", hidden(raw))
	}
	return a, nil
}

// hidden is an address without what stands before the last @, which may be a password.
func hidden(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		return raw
	}
	rest, _, _ = strings.Cut(rest, "?")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = "…@" + rest[at+1:]
	}
	return scheme + "://" + rest
}
