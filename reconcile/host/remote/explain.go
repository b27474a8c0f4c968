package remote

import (
	"fmt"
	"strings"
	"unicode"
)

// ConnectError says why there is no connection, in the words of ssh, and what to do.
type ConnectError struct {
	Host    string // its name in the tree
	Address string
	Said    string // what ssh, or the host by it, wrote on standard error; one line, perhaps empty
	Advice  string // perhaps empty
	Err     error  // what was found out here, perhaps nil
}

// Error implements error.
func (e *ConnectError) Error() string {
	text := fmt.Sprintf("cannot reach host %q at %s", e.Host, e.Address)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Said != "" {
		text += fmt.Sprintf(": ssh says %q", e.Said)
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap returns what was found out here.
func (e *ConnectError) Unwrap() error { return e.Err }

// route is where ssh goes, and over which machine.
type route struct {
	to      address
	gateway *Gateway // nil: none
}

func (d *dialer) route() route { return route{d.address, d.Gateway} }

// user is who logs in to the host.
func (r route) user() string {
	if r.to.user == "" {
		return "USER"
	}
	return r.to.user
}

// failing is the machine that a text of ssh is about. Before the host has said a word, only the
// gateway can have.
func (r route) failing(said string) (byHand, known string) {
	if r.gateway == nil {
		return r.to.byHand(), r.to.inKnownHosts()
	}
	if strings.Contains(said, "kex_exchange_identification") {
		a := r.gateway.address()
		if r.gateway.KeyFile == "" {
			return a.byHand(), a.inKnownHosts()
		}
		return strings.Replace(a.byHand(), "ssh", "ssh -i "+r.gateway.KeyFile, 1), a.inKnownHosts()
	}
	return strings.Replace(r.to.byHand(), "ssh", "ssh "+r.gateway.byHand(), 1), r.to.inKnownHosts()
}

// adviceFor says what to do about a text, or about the exit code of what ssh ran.
func adviceFor(said string, code int, r route) string {
	byHand, known := r.failing(said)
	fill := strings.NewReplacer("HAND", byHand, "KNOWN", "'"+known+"'", "USER", r.user())
	for _, s := range symptoms() {
		if strings.Contains(said, s.text) {
			return fill.Replace(s.advice)
		}
	}
	switch code {
	case 127:
		return "the agent, or what it needs, is not installed there"
	case 126:
		return "the agent may not be run there: its directory may be mounted noexec"
	case 255:
		return fill.Replace("see what HAND says")
	}
	return ""
}

// clean makes one line of a text that a stranger wrote, without what a terminal would obey, and
// cuts it where it becomes too long to read.
func clean(s string) string {
	const longest = 1000
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	s = strings.ToValidUTF8(s, "?")
	if len(s) > longest {
		s = "…" + strings.ToValidUTF8(s[len(s)-longest:], "")
	}
	return s
}
