package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// DefaultTimeout is how long one Fetch may take where nothing else was said.
const DefaultTimeout = 60 * time.Second

// VerifyMode says which commits must carry a signature of one of the keys.
type VerifyMode string

// The modes. The zero value is VerifyNone.
const (
	VerifyNone VerifyMode = ""     // none
	VerifyHead VerifyMode = "head" // the commit that is read, or the annotated tag it was found by
	// VerifyAll wants every commit that came since the last applied one, on all sides of merges.
	// While nothing was applied yet it is VerifyHead: who signs a commit vouches for the tree in
	// it, and a past without signatures would otherwise keep a repository out for ever. The same
	// holds where a rewrite is allowed and the applied commit is gone.
	VerifyAll VerifyMode = "all"
)

// Verifier knows keys.
type Verifier interface {
	// Verify returns whose signature of the payload this is, or why it is not a valid one of a
	// known key. It may be called from several goroutines.
	Verify(payload, signature []byte) (signer string, err error)
}

// Auth is what a server is shown and what it must show. Files are read at every Fetch, so that
// they can be replaced. None of them may be given for a repository of this machine.
type Auth struct {
	SSHKeyFile           string // private key; without it the agent at SSH_AUTH_SOCK is asked
	SSHKeyPassphraseFile string // of that key
	KnownHostsFile       string // default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
	Username             string // https: with PasswordFile; ssh: default git; or in the URL
	PasswordFile         string // https: password, or a token where the server wants it as one
	TokenFile            string // https: bearer token; excludes PasswordFile
	CAFile               string // https: authorities that count beside those of the system, PEM
	CertFile             string // https: client certificate, PEM
	KeyFile              string // https: its key, PEM
}

// Options say which tree to read.
type Options struct {
	// URL is a path of a repository of this machine, file://, https://, http://, ssh:// or
	// user@host:path.
	URL string // required
	// Ref is a branch, a tag, a range of versions such as "~1.2", a commit of 40 hexadecimal
	// digits, HEAD, or a full name such as refs/pull/1/head; "" is the HEAD of the repository. A name
	// that is a branch and a tag is refused; write refs/heads/… or refs/tags/….
	Ref    string
	Path   string // folder of the repository that is the tree; "" is all of it
	Cache  string // directory of the caches, made if it is not there; required unless URL is local
	Auth   Auth
	Verify VerifyMode
	Keys   Verifier // required where Verify is not VerifyNone
	// AllowRewrite accepts a commit that does not descend from the applied one.
	AllowRewrite bool
	// Applied returns the commit of this source that was applied last, "" if there is none.
	// Without it nothing is known to have been applied.
	Applied func(context.Context) (commit string, err error)
	Timeout time.Duration // of one Fetch; default DefaultTimeout
	Log     *slog.Logger  // warnings; default: none are written
}

// Source is one tree in a repository. It may be used from several goroutines, and several
// processes may share its cache.
type Source struct {
	o    Options
	at   address
	mu   sync.Mutex
	told map[string]bool // warnings that were given
}

// New checks the options. It touches neither disk nor network.
func New(o Options) (*Source, error) {
	at, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkTree(o), checkVerify(o), checkAuth(at, o.Auth)); err != nil {
		return nil, fmt.Errorf("cannot use repository %q: %w", at, err)
	}
	if at.scheme != "local" && o.Cache == "" {
		return nil, fmt.Errorf("cannot use repository %q: no directory for the cache is given", at)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{o: o, at: at, told: map[string]bool{}}, nil
}

func checkTree(o Options) error {
	if o.Path != "" && (o.Path == "." || !fs.ValidPath(o.Path)) {
		return fmt.Errorf("%q is not the path of a folder in a repository: "+
			"write it like hosts/berlin, without . and .. and outer slashes", o.Path)
	}
	if o.Timeout < 0 {
		return fmt.Errorf("the timeout %s is negative", o.Timeout)
	}
	return nil
}

func checkVerify(o Options) error {
	switch o.Verify {
	case VerifyNone:
		return nil
	case VerifyHead, VerifyAll:
		if o.Keys == nil {
			return errors.New("signatures shall be verified but no keys are given")
		}
		return nil
	}
	return fmt.Errorf("verify is %q: it must be %q, %q or empty", o.Verify, VerifyHead, VerifyAll)
}

// checkAuth refuses what would be ignored, and what would go over the wire in the clear.
func checkAuth(at address, a Auth) error {
	web := a.PasswordFile != "" || a.TokenFile != ""
	tls := a.CAFile != "" || a.CertFile != "" || a.KeyFile != ""
	ssh := a.SSHKeyFile != "" || a.SSHKeyPassphraseFile != "" || a.KnownHostsFile != ""
	switch {
	case at.scheme == "local" && (web || tls || ssh || a.Username != ""):
		return errors.New("a repository of this machine takes no credentials")
	case at.scheme == "http" && (web || a.Username != ""):
		return errors.New("http would send the credentials without encryption: use https")
	case at.scheme == "http" && tls:
		return errors.New("http has no certificates: use https")
	case at.scheme == "ssh" && (web || tls):
		return errors.New("ssh takes a key, not a password, token or certificate")
	case at.scheme != "ssh" && ssh:
		return fmt.Errorf("%s takes no ssh key and no known hosts", at.scheme)
	case a.PasswordFile != "" && a.TokenFile != "":
		return errors.New("a password and a token are given; only one can be sent")
	case a.Username != "" && at.user != "" && a.Username != at.user:
		return fmt.Errorf("the address says user %q, the options say %q", at.user, a.Username)
	case at.scheme == "https" && (a.Username != "" || at.user != "") && a.PasswordFile == "":
		return errors.New("a user name is given but no password file")
	case a.PasswordFile != "" && a.Username == "" && at.user == "":
		return errors.New("a password file is given but no user name")
	case (a.CertFile == "") != (a.KeyFile == ""):
		return errors.New("a client certificate needs both its file and its key file")
	case a.SSHKeyPassphraseFile != "" && a.SSHKeyFile == "":
		return errors.New("a passphrase file is given but no key file")
	}
	return nil
}

// warn logs a condition once while it lasts; key tells conditions apart.
func (s *Source) warn(key, message string, args ...any) {
	s.mu.Lock()
	told := s.told[key]
	s.told[key] = true
	s.mu.Unlock()
	if !told {
		s.o.Log.Warn(message, append([]any{"repository", s.at.String()}, args...)...)
	}
}

// calm forgets a condition, so that it is logged when it comes back.
func (s *Source) calm(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.told, key)
}

// home is the directory of the caches of this repository.
func (s *Source) home() string { return filepath.Join(s.o.Cache, s.at.key()) }
