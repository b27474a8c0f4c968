package git

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// TestExplain: what people meet is one sentence, and programs can still ask for the cause.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{transport.ErrAuthorizationFailed, "authentication failed"},
		{plumbing.NewUnexpectedError(transport.ErrAuthenticationRequired), "authentication failed"},
		{plumbing.NewPermanentError(syscall.ECONNREFUSED), "connection refused"},
		{errors.New("ssh: handshake failed: ssh: unable to authenticate"), "authentication failed"},
		{&net.DNSError{Name: "x", Err: "no such host"}, "the name of the host cannot be found"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, "certificate of another host"},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, "certificate not valid"},
		{errors.New("remote error: tls: bad certificate"), "does it want a client certificate?"},
		{errors.New("something\nelse\x1b[2J"), "something else"},
	} {
		got := explain(t.Context(), address{scheme: "https", host: "h", path: "/r"}, &secrets{},
			fmt.Errorf("asking: %w", tt.err))
		text := got.Error()
		if !strings.Contains(text, `cannot fetch from "https://h/r": `) ||
			!strings.Contains(text, tt.want) || strings.ContainsAny(text, "\n\x1b") {
			t.Errorf("%v is explained as %q, want %q", tt.err, text, tt.want)
		}
		if inner := unwrapped(tt.err); !errors.Is(got, inner) {
			t.Errorf("%q hides its cause %v", text, inner)
		}
	}
	why := errors.New("the program ends")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if got := explain(ctx, address{}, &secrets{}, syscall.ECONNRESET); !errors.Is(got, why) {
		t.Errorf("%v, want why it ended", got)
	}
}

// FuzzScrub: no form of a secret survives in what a server says.
func FuzzScrub(f *testing.F) {
	f.Add("ann", "p/w+d x%", "before ", " after")
	f.Fuzz(func(t *testing.T, user, secret, before, after string) {
		if len(secret) < 4 || strings.Contains(secret, "…") {
			return
		}
		c := &secrets{user: user, password: secret, token: "token of " + secret}
		basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
		for _, form := range []string{secret, basic, url.PathEscape(secret), url.QueryEscape(secret)} {
			if strings.Contains(before+after, form) {
				return
			}
			if got := c.scrub(before + form + after); strings.Contains(got, form) {
				t.Fatalf("%q is still in %q", form, got)
			}
		}
	})
}

func TestOneEdit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"main", "mian", true}, {"main", "man", true}, {"man", "main", true}, {"main", "maim", true},
		{"main", "amin", true}, {"main", "main2", true}, {"main", "prod", false}, {"main", "ma", false},
		{"a", "b", false}, {"", "a", false}, {"main", "main", false}, {"abcd", "badc", false},
	} {
		if got := oneEdit(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Ann": "Ann", " Ünä ": "Ünä", "a\x1b[2J": "a\uFFFD[2J",
		"a\u202eb": "a\uFFFDb", "\xff": "\uFFFD", "a\u0085b": "a\uFFFDb"} {
		if got := printable(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

// TestQuoted: a path is one word for the shell on the other side.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"/a b": "'/a b'", "it's": `'it'\''s'`, "a!b": `'a'\!'b'`,
		"$(x)`y`;z": "'$(x)`y`;z'"} {
		if got := quoted(in); got != want {
			t.Errorf("%q is quoted as %s, want %s", in, got, want)
		}
	}
}
