package spec

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const defaultLXCPath = "/var/lib/lxc"

// section is one entry of hosts, networks or groups, or a part of one, while it is read.
type section struct {
	cursor
	host  *hostEntry
	net   *networkEntry
	group *groupEntry
	prep  *prepareEntry
	span  *bridgeEntry
}

// hostEntry is an entry of hosts.
type hostEntry struct {
	connect  string
	lxcpath  string
	agent    told
	hop      hop
	defaults *block        // nil: none
	prepare  *prepareEntry // nil: not declared
}

// readEntry reads the keys of one section by its index of the table.
func (b *builder) readEntry(s *section, e entry, index map[string]*field, in Place) bool {
	v := resolve(e.node)
	s.builder, s.mute = b, b.quiet
	s.f = &field{}
	if isNull(v) {
		return true
	}
	if v.Kind != yaml.MappingNode {
		s.fail(e.node, "is "+kindOf(v), "write a mapping")
		return false
	}
	pairs := b.mapping(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		k, v := pairs[i], pairs[i+1]
		f := index[k.Value]
		if f == nil {
			s.f = &field{Field: Field{Key: k.Value}}
			keys := keysIn(index, in)
			s.fail(k, fmt.Sprintf("unknown key %q", shorten(k.Value)),
				didYouMean(k.Value, keys, "write one of "+strings.Join(acted(index, keys), ", ")))
			continue
		}
		s.f = f
		if secret := b.encrypted(v, 0); secret != nil && f.Kind != KindSection {
			text, hint := onlySecrets()
			s.fail(secret, text, hint)
			continue
		}
		if f.Status == Rejected {
			s.fail(k, fmt.Sprintf("%q is not a key here", f.Key), f.Hint)
			continue
		}
		if f.Status == Later {
			s.warn(k, fmt.Sprintf("%q is not acted on yet", f.Key), "")
			continue
		}
		f.put(s, v)
	}
	return true
}

// acted leaves out the keys that nothing acts on.
func acted(index map[string]*field, keys []string) []string {
	var out []string
	for _, k := range keys {
		if index[k].Status == Acted {
			out = append(out, k)
		}
	}
	return out
}

// readHosts reads all entries of hosts.
func (b *builder) readHosts() {
	for _, name := range sorted(b.decl.hosts) {
		e := b.decl.hosts[name]
		h := &hostEntry{}
		s := &section{host: h}
		s.src = &source{file: e.file, path: "hosts." + name, container: "", label: name}
		b.readEntry(s, e, table.hosts, InHost)
		if h.prepare != nil {
			b.readPrepare(h.prepare)
		}
		if wrong, hint := checkHostName(name); wrong != "" {
			s.f = &field{}
			s.fail(e.key, fmt.Sprintf("host %q %s", shorten(name), wrong), hint)
		}
		if more := b.decl.sealed[sealedKey{InHost, name, ""}]; len(more) > 0 {
			if h.defaults == nil {
				h.defaults = &block{node: &yaml.Node{Kind: yaml.MappingNode}, in: InDefaults,
					src: hostDefaults(e.file, name)}
			}
			h.defaults.more = more
		}
		if h.defaults != nil {
			d := builtInDraft()
			b.apply(&d, h.defaults)
		}
		b.hosts[name] = h
	}
}

func putConnect(s *section, n *yaml.Node) {
	text, ok := s.text(n)
	if !ok {
		return
	}
	if wrong, hint := checkConnect(text); wrong != "" {
		s.fail(n, s.quote(withoutPassword(text))+" "+wrong, hint)
		return
	}
	s.host.connect = text
}

// withoutPassword is an address that may be shown.
func withoutPassword(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

// checkConnect says what is wrong with the way to a host. The parts of an address become
// arguments of ssh, so none may look like an option.
func checkConnect(text string) (wrong, hint string) {
	const use = "write local, or ssh://user@host[:port]"
	if text == connectLocal {
		return "", ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "ssh" {
		return "is not a way to a host", use
	}
	if u.User == nil || u.User.Username() == "" {
		return "names no user", "write ssh://root@" + u.Host
	}
	if _, set := u.User.Password(); set {
		return "has a password", "use a key: " + use
	}
	if wrong, hint = checkUser(u.User.Username()); wrong != "" {
		return wrong, hint
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "has something behind the host", use + "; the directory is lxcpath"
	}
	if port := u.Port(); port != "" {
		if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
			return "has no valid port", "write a port from 1 to 65535"
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return "has no valid port", "write a port from 1 to 65535"
	}
	if wrong, _ = checkHostName(u.Hostname()); wrong != "" {
		return "names no valid host", use
	}
	return "", ""
}

func putLXCPath(s *section, n *yaml.Node) {
	text, ok := s.texted(n, func(p string) (wrong, hint string) {
		switch {
		case !path.IsAbs(p):
			return "is not absolute", "write it such as " + defaultLXCPath
		case path.Clean(p) != strings.TrimRight(p, "/") || p == "/" || hasControl(p):
			return "is not a directory for containers", "write it such as " + defaultLXCPath
		}
		return "", ""
	})
	if ok {
		s.host.lxcpath = path.Clean(text)
	}
}

func putDefaults(s *section, n *yaml.Node) {
	v := resolve(n)
	if isNull(v) {
		return
	}
	if v.Kind != yaml.MappingNode {
		s.fail(n, "is "+kindOf(v), "write a mapping of settings")
		return
	}
	s.host.defaults = &block{node: v, in: InDefaults, src: hostDefaults(s.src.file, s.src.label)}
}

// hostDefaults is the source of the defaults of one host.
func hostDefaults(file, host string) *source {
	return &source{rank: byHostDefaults, file: file, label: "defaults of host " + host,
		path: "hosts." + host + ".defaults"}
}
