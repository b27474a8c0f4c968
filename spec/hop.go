package spec

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// SSHGateway is a machine over which ssh reaches a host.
type SSHGateway struct {
	Host    string // a DNS name, an alias in the configuration of ssh, or an address
	User    string // empty: as ssh is configured
	Port    int    // 0: as ssh is configured
	KeyFile string // on the controller, absolute or beginning with ~/; empty: as ssh is configured
}

// hopPart is one of the keys about the machine in between.
type hopPart uint8

const (
	hopHost hopPart = iota
	hopUser
	hopPort
	hopKey
	hopParts
)

// hop is what one layer, or several, say of the machine in between.
type hop [hopParts]*told

// told is one value as it is written.
type told struct {
	text string // empty: none
	at   Position
	path string
	odd  bool // a warning about it was given
}

const (
	hopNone          = "none"
	gatewayTakesKeys = "ssh takes a key, not a password: write ssh_gateway_key"
	gatewayOfHost    = "a container is worked on from its host; for the way to the host, write it " +
		"under hosts or in defaults"
)

// setHop reads a part in defaults. In a container it would be about the way into its guest.
func setHop(part hopPart) func(*cursor, *yaml.Node) {
	return func(c *cursor, n *yaml.Node) {
		if c.src.rank >= byProfile {
			c.warn(n, fmt.Sprintf("%q is not acted on here", c.f.Key), gatewayOfHost)
			return
		}
		c.readHop(&c.d.hop, part, n)
	}
}

// putHop reads a part in an entry of hosts.
func putHop(part hopPart) func(*section, *yaml.Node) {
	return func(s *section, n *yaml.Node) { s.readHop(&s.host.hop, part, n) }
}

func (c *cursor) readHop(into *hop, part hopPart, n *yaml.Node) {
	check := [hopParts]func(string) (wrong, hint string){
		hopHost: checkGateway, hopUser: checkUser, hopPort: checkPort, hopKey: checkKeyFile}[part]
	text, ok := c.texted(n, func(s string) (wrong, hint string) {
		if strings.EqualFold(s, hopNone) {
			return "", ""
		}
		return check(s)
	})
	if !ok {
		return
	}
	if strings.EqualFold(text, hopNone) {
		text = ""
	}
	into[part] = &told{text: text, at: positionOf(c.src.file, n), path: c.src.pathTo(c.f.Key)}
}

// checkGateway says what is wrong with the name of a machine in between.
func checkGateway(s string) (wrong, hint string) {
	if wrong, _ := checkHostName(s); wrong != "" {
		return "is not the name or address of a machine", "write it alone, such as " +
			"bastion.example.com; its user and port are ssh_gateway_user and ssh_gateway_port"
	}
	return "", ""
}

func checkPort(s string) (wrong, hint string) {
	if p, err := strconv.ParseUint(s, 10, 16); err != nil || p == 0 {
		return "is not a port", "write a port from 1 to 65535"
	}
	return "", ""
}

// checkKeyFile refuses what ssh, or the shell that it starts for the machine in between, would take
// for something else than the name of a file: it would put variables of the environment into it.
func checkKeyFile(s string) (wrong, hint string) {
	rest, home := strings.CutPrefix(s, "~/")
	switch {
	case !home && !path.IsAbs(s), rest == "", strings.HasSuffix(s, "/"):
		return "is not the path of a file", "write an absolute one, or one in the home directory " +
			"of who runs the controller, such as ~/.ssh/id_ed25519"
	case strings.ContainsAny(s, "'\"\\!`$") || hasControl(s):
		return "has a character that a shell could take for something else", "rename the file"
	}
	return "", ""
}

// putAgent reads the program that is run in place of a delivered one.
func putAgent(s *section, n *yaml.Node) {
	if text, ok := s.texted(n, checkAgent); ok {
		s.host.agent = told{text: text, at: positionOf(s.src.file, n), path: s.src.pathTo(s.f.Key)}
	}
}

func checkAgent(s string) (wrong, hint string) {
	const use = "write an absolute path, such as /usr/local/bin/reconciler, or the name of a program"
	plain := func(r rune) bool {
		return r >= 0x80 || !isLetter(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune("/._+-", r)
	}
	switch {
	case s == "", s[0] == '-', strings.ContainsFunc(s, plain):
		return "is not the path of a program", use
	case s[0] != '/' && strings.Contains(s, "/"), path.Clean(s) != s, s == "/", s == ".", s == "..":
		return "is neither an absolute path nor a name", use
	}
	return "", ""
}

// connectSSH is how a host is reached if the tree does not say how.
func connectSSH(name string) string {
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return "ssh://root@" + name
}

// way settles how ssh goes to a host from its entry, which may be nil, and from the defaults.
func (b *builder) way(h *Host, e *hostEntry, defaults hop) {
	if e == nil {
		e = &hostEntry{}
	}
	if e.connect == connectLocal {
		b.notOverSSH(e)
	}
	if h.Connect == connectLocal {
		return
	}
	h.Agent = e.agent.text
	all := defaults
	for part, t := range e.hop {
		if t != nil {
			all[part] = t
		}
	}
	switch to := all[hopHost]; {
	case to == nil:
		b.withoutGateway(all)
	case to.text == "":
	case !leadsTo(h, to.text):
		h.Gateway = all.gateway()
	case to == e.hop[hopHost]:
		b.told(to, "is the host itself", "name the machine in between, or remove the key")
	}
}

// notOverSSH reports what an entry says of ssh to a host that is this machine.
func (b *builder) notOverSSH(e *hostEntry) {
	for _, t := range append(e.hop[:], &e.agent) {
		if t != nil && t.text != "" {
			b.told(t, "is for ssh, but connect is local", "remove one of them")
		}
	}
}

// withoutGateway warns of settings about a gateway where none is named.
func (b *builder) withoutGateway(all hop) {
	for _, t := range all {
		if t == nil || t.text == "" || t.odd || b.quiet {
			continue
		}
		t.odd = true
		b.sink.warn(Problem{Position: t.at, Path: t.path, Text: "there is no ssh_gateway to use it for",
			Hint: "name the machine in ssh_gateway, or remove the key"})
	}
}

// leadsTo reports whether a name is that of the host, or of where it is reached.
func leadsTo(h *Host, name string) bool {
	u, err := url.Parse(h.Connect)
	return name == h.Name || err == nil && name == u.Hostname()
}

func (h hop) gateway() *SSHGateway {
	text := func(part hopPart) string {
		if h[part] == nil {
			return ""
		}
		return h[part].text
	}
	// What is no number was refused.
	port, _ := strconv.Atoi(text(hopPort))
	return &SSHGateway{Host: text(hopHost), User: text(hopUser), Port: port, KeyFile: text(hopKey)}
}

// told reports a problem of a value that was read before.
func (b *builder) told(t *told, text, hint string) {
	if !b.quiet {
		b.sink.fail(Problem{Position: t.at, Path: t.path,
			Text: strconv.Quote(shorten(t.text)) + " " + text, Hint: hint})
	}
}
