package git

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh/knownhosts"

	"reconciler/spec"
)

var (
	errRefs      = fmt.Errorf("the list of references has more than %d MiB", maxRefs>>20)
	errNoPack    = errors.New("the server sent nothing")
	errUnrelated = errors.New("it does not answer like a git server")
)

// RewriteError says that a commit was refused because it does not descend from the one that was
// applied last: the history was rewritten, or a branch was set back. Trying again does not help;
// the branch must be repaired or the rewrite allowed.
type RewriteError struct {
	Applied string // commit, 40 hexadecimal digits
	Head    string // commit that the ref stands for now
	Ref     string // short name
}

// Error implements error.
func (e *RewriteError) Error() string {
	return fmt.Sprintf("%q stands for commit %s, which does not descend from the applied commit %s: "+
		"its history was rewritten or set back; if that was meant, use --allow-rewrite",
		e.Ref, e.Head, e.Applied)
}

// failure is an error of a server or of the way to it, without credentials. It wraps
// spec.ErrSourceUnreachable.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() []error {
	return []error{f.err, spec.ErrSourceUnreachable}
}

// maxText is how much of what a server says is repeated.
const maxText = 400

// explain says what went wrong between us and a server.
func explain(ctx context.Context, at address, secrets *secrets, err error) error {
	if why := context.Cause(ctx); why != nil {
		err = why
	}
	err = unwrapped(err)
	text, detail := reason(at, err), printable(strings.ReplaceAll(err.Error(), "\n", " "))
	switch {
	case text == "":
		text = detail
	case detail != "":
		text += " (" + detail + ")"
	}
	text = secrets.scrub(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return &failure{text: fmt.Sprintf("cannot fetch from %q: %s", at, text), err: err}
}

// unwrapped takes off go-git's wrappers, which errors.Is cannot look through.
func unwrapped(err error) error {
	for {
		unexpected, permanent := (*plumbing.UnexpectedError)(nil), (*plumbing.PermanentError)(nil)
		switch {
		case errors.As(err, &unexpected):
			err = unexpected.Err
		case errors.As(err, &permanent):
			err = permanent.Err
		default:
			return err
		}
	}
}

// reason is one sentence for the errors that people meet, "" for others.
func reason(at address, err error) string {
	var unknown *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errTimeout):
		return ""
	case errors.As(err, &revoked):
		return "the host key is revoked in known hosts"
	case errors.As(err, &unknown) && len(unknown.Want) > 0:
		return "host key mismatch: the server has another key than the one in " +
			unknown.Want[0].Filename + "; if that is right, remove the old line there"
	case errors.As(err, &unknown):
		return "the host is not in known hosts; " + keyscan(at)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "no such repository, or no right to see it"
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return errEmpty.Error()
	case errors.Is(err, transport.ErrAuthenticationRequired),
		errors.Is(err, transport.ErrAuthorizationFailed),
		strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return "authentication failed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return cmp.Or(tlsReason(err), wireReason(err))
}

func tlsReason(err error) string {
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var alert tls.AlertError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not valid yet"
	case errors.As(err, &authority):
		return "certificate of an unknown authority; name its file as the authorities"
	case errors.As(err, &name):
		return "certificate of another host"
	case errors.As(err, &invalid):
		return "certificate not valid"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls:"):
		return "the server refused the encrypted connection; does it want a client certificate?"
	}
	return ""
}

func wireReason(err error) string {
	var dns *net.DNSError
	var data *packp.ErrUnexpectedData
	text := err.Error()
	switch {
	case errors.As(err, &dns):
		return "the name of the host cannot be found"
	case strings.Contains(text, "object-format=sha256"), strings.Contains(text, "invalid hash size"):
		return errSHA256.Error()
	case errors.As(err, &data), strings.Contains(text, "pkt-len"), errors.Is(err, packp.ErrEmptyInput):
		return errUnrelated.Error()
	}
	return ""
}

func keyscan(at address) string {
	port := ""
	if at.port != 0 {
		port = fmt.Sprintf("-p %d ", at.port)
	}
	return fmt.Sprintf("get its key with `ssh-keyscan %s%s`, compare it with what its owner says, "+
		"and add it there", port, at.host)
}
