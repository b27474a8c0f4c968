package spec

import (
	"net/netip"
	"strings"
)

// Limits of names. A container's name becomes the host name of the guest, which Linux limits to
// 64 bytes; that also keeps it far below the limits of a directory and of DNS.
const (
	maxContainerName = 64
	maxDomain        = 253 // RFC 1035
	maxLabel         = 63  // RFC 1035
	maxBridge        = 15  // IFNAMSIZ without its NUL
	maxUser          = 32  // useradd(8)
)

// checkContainerName says what is wrong with the name of a container or template.
func checkContainerName(s string) (wrong, hint string) {
	if len(s) > maxContainerName {
		return "is longer than 64 characters", "it becomes the host name of the guest: shorten it"
	}
	return checkDomain(s)
}

// checkDomain says what is wrong with a DNS name (RFC 1123: letters, digits and inner hyphens).
func checkDomain(s string) (wrong, hint string) {
	switch {
	case s == "":
		return "is empty", "write a DNS name"
	case len(s) > maxDomain:
		return "is longer than 253 characters", "shorten it"
	case isAddress(s):
		return "is an address", "write a DNS name"
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' {
				return "is not a DNS name", "use letters, digits, hyphens and dots"
			}
			continue
		}
		switch label := s[start:i]; {
		case label == "":
			return "is not a DNS name: a part between dots is empty", "remove the dot"
		case len(label) > maxLabel:
			return "is not a DNS name: a part has more than 63 characters", "shorten it"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "is not a DNS name: a part begins or ends with a hyphen", "remove the hyphen"
		}
		start = i + 1
	}
	return "", ""
}

// checkHostName says what is wrong with the name of a host: a DNS name or an address. A zone could
// be any text, and would be one for ssh.
func checkHostName(s string) (wrong, hint string) {
	if isAddress(s) && !strings.Contains(s, "%") {
		return "", ""
	}
	return checkDomain(s)
}

// checkBridge says what is wrong with the name of a network interface.
func checkBridge(s string) (wrong, hint string) {
	const use = "use up to 15 letters, digits, hyphens, dots or underscores"
	if s == "" || s == "." || s == ".." || len(s) > maxBridge || s[0] == '-' {
		return "is not the name of a bridge", use
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("-._", s[i]) < 0 {
			return "is not the name of a bridge", use
		}
	}
	return "", ""
}

// checkUser says what is wrong with a user name, by the rules of useradd(8).
func checkUser(s string) (wrong, hint string) {
	const use = "use lower-case letters, digits, hyphens and underscores, a letter first"
	if s == "" || len(s) > maxUser || !isLower(s[0]) && s[0] != '_' {
		return "is not a user name", use
	}
	for i := range len(s) {
		if !isLower(s[i]) && !isDigit(s[i]) && strings.IndexByte("-_.", s[i]) < 0 {
			return "is not a user name", use
		}
	}
	return "", ""
}

// checkImage says what is wrong with the name of an LXC template script.
func checkImage(s string) (wrong, hint string) {
	const use = "write the name of an LXC template script, such as debian or busybox"
	if s == "" || len(s) > maxLabel || !isLetter(s[0]) && !isDigit(s[0]) {
		return "is not a template script", use
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("-_.", s[i]) < 0 {
			return "is not a template script", use
		}
	}
	return "", ""
}

// checkEntryName says what is wrong with the name of a network or profile.
func checkEntryName(s string) (wrong, hint string) {
	if isAddress(s) {
		return "is an address", "give it a name"
	}
	if s == "" || len(s) > maxContainerName || !isLetter(s[0]) && !isDigit(s[0]) {
		return "is not a name", "begin with a letter or digit, use up to 64 characters"
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("-._", s[i]) < 0 {
			return "is not a name", "use letters, digits, hyphens, dots and underscores"
		}
	}
	return "", ""
}

// isAddress is cheap for what cannot be one: an address ends in a digit or holds a colon.
func isAddress(s string) bool {
	if s == "" || !isDigit(s[len(s)-1]) && strings.IndexByte(s, ':') < 0 {
		return false
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isLetter(c byte) bool { return isLower(c | 0x20) }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
