package spec

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"reconciler/spec/decrypt/sops"
)

const maxPassword = 255 // bytes; what every crypt(5) method takes

func setDomains(c *cursor, n *yaml.Node) {
	if names, ok := c.texts(n, domain); ok {
		c.d.Domains = names
		c.set(n)
	}
}

func setSearchDomains(c *cursor, n *yaml.Node) {
	if names, ok := c.texts(n, domain); ok {
		c.d.SearchDomains = names
		c.set(n)
	}
}

// domain accepts a DNS name and writes it in lower case, without the dot of the root.
func domain(s string) (text, wrong, hint string) {
	text = strings.ToLower(strings.TrimSuffix(s, "."))
	wrong, hint = checkDomain(text)
	return text, wrong, hint
}

func setDNSServers(c *cursor, n *yaml.Node) {
	texts, ok := c.texts(n, func(s string) (text, wrong, hint string) {
		if _, err := netip.ParseAddr(s); err != nil {
			return "", "is not an address", "write the address of a name server"
		}
		return s, "", ""
	})
	if !ok {
		return
	}
	servers := make([]netip.Addr, 0, len(texts))
	for _, s := range texts {
		servers = append(servers, netip.MustParseAddr(s))
	}
	c.d.DNSServers = servers
	c.set(n)
}

func setPassword(c *cursor, n *yaml.Node) {
	secret, encrypted := c.decl.vault.texts[resolve(n)]
	if encrypted && secret.Unknown() {
		c.d.Password = secret
		c.set(n)
		return
	}
	if s, ok := c.text(n); ok {
		if encrypted {
			s = secret.Reveal()
		}
		if wrong, hint := checkPassword(s); wrong != "" {
			c.fail(n, c.quote(s)+" "+wrong, hint)
			return
		}
		c.d.Password = NewSecret(s)
		c.set(n)
	}
}

// checkPassword says what is wrong with a password. A text that looks encrypted and was not
// decrypted is refused: the container would get the published text as its password.
func checkPassword(s string) (wrong, hint string) {
	switch {
	case sops.IsEncrypted(s):
		return "is encrypted by SOPS, but its document has no mapping sops with a mac",
			"encrypt the whole file with sops"
	case strings.HasPrefix(s, "-----BEGIN AGE ENCRYPTED FILE"):
		return "is encrypted by age, but has no tag", "write password: !age |"
	case s == "":
		return "is empty", "remove the key: a password is generated and kept"
	case len(s) > maxPassword:
		return "has more than 255 bytes", "write a shorter one"
	case hasControl(s):
		return "has a line break or another control character", "write it on one line"
	}
	return "", ""
}

func setUsers(c *cursor, n *yaml.Node) {
	users, ok := c.texts(n, func(s string) (text, wrong, hint string) {
		wrong, hint = checkUser(s)
		return s, wrong, hint
	})
	if ok {
		slices.Sort(users)
		c.d.Users = slices.Compact(users)
		c.set(n)
	}
}

func setAutostart(c *cursor, n *yaml.Node) {
	if v, ok := c.boolean(n); ok {
		c.d.Autostart = v
		c.set(n)
	}
}

func setRunning(c *cursor, n *yaml.Node) {
	if v, ok := c.boolean(n); ok {
		c.d.Running = v
		c.set(n)
	}
}

func setProtect(c *cursor, n *yaml.Node) {
	v, ok := c.boolean(n)
	if !ok {
		return
	}
	c.d.Protect = Off
	if v {
		c.d.Protect = On
	}
	c.set(n)
}

func setMemory(c *cursor, n *yaml.Node) {
	if size, ok := c.size(n, minMemory); ok {
		c.d.Memory = size
		c.set(n)
	}
}

// Limits of the kernel for cpu.shares and for the number of a processor.
const (
	minCPUShare = 2
	maxCPUShare = 262144
	maxCPU      = 8191
)

func setCPUShare(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	share, err := strconv.Atoi(s)
	if err != nil || share != 0 && (share < minCPUShare || share > maxCPUShare) {
		c.fail(n, c.quote(s)+" is not a weight", "write a number from 2 to 262144, or 0 for none")
		return
	}
	c.d.CPUShare = share
	c.set(n)
}

func setCPUSet(c *cursor, n *yaml.Node) {
	s, ok := c.texted(n, func(s string) (wrong, hint string) {
		if !isCPUSet(s) {
			return "is not a list of processors", "write it such as 0-3,5"
		}
		return "", ""
	})
	if ok {
		c.d.CPUSet = s
		c.set(n)
	}
}

// isCPUSet reports whether s is in the list format of cpuset(7).
func isCPUSet(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil || a > b || b > maxCPU {
			return false
		}
	}
	return true
}
