//go:build linux

package guest

import (
	"path"
	"slices"
	"strings"
)

// withoutStanzas comments out what interfaces(5) says about one interface: its iface stanzas of
// every family, and its name in the lists of interfaces to bring up.
func withoutStanzas(text, name string) string {
	return editLines(text, func(lines []string) []string {
		var out []string
		off, continued := false, false
		for _, line := range lines {
			words := strings.Fields(line)
			inert := len(words) == 0 || strings.HasPrefix(words[0], "#")
			if !continued && !inert {
				off = concerns(words, name) || off && !startsSection(words[0])
			}
			continued = strings.HasSuffix(line, `\`)
			if !off || inert {
				out = append(out, line)
				continue
			}
			out = append(out, offMark+line)
			if rest := others(words, name); bringsUp(words[0]) && len(rest) > 1 {
				out = append(out, strings.Join(rest, " "))
			}
		}
		return out
	})
}

// concerns is true for the first line of a section about the interface. A list of interfaces that
// goes on in the next line stays: without an iface stanza ifup ignores the name in it.
func concerns(words []string, name string) bool {
	if words[0] == "iface" {
		return len(words) > 1 && words[1] == name
	}
	return bringsUp(words[0]) && slices.Contains(words[1:], name) && words[len(words)-1] != `\`
}

// others returns the words without the name of the interface.
func others(words []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == name })
}

// bringsUp is true for the keywords that are followed by interfaces to configure.
func bringsUp(word string) bool { return word == "auto" || strings.HasPrefix(word, "allow-") }

// startsSection is true for the keywords that end the stanza before them.
func startsSection(word string) bool {
	return bringsUp(word) || slices.Contains([]string{
		"iface", "mapping", "source", "source-directory", "source-dir", "template", "rename",
		"no-auto-down", "no-scripts",
	}, word)
}

// withoutClients replaces the lines of a shell script that start a DHCP client for an interface.
// The line stays a command (":"), since the body of an "if" must have one.
func withoutClients(text, name string) string {
	return editLines(text, func(lines []string) []string {
		for i, line := range lines {
			if startsClient(strings.Fields(line), name) {
				lines[i] = ": " + offMark + line
			}
		}
		return lines
	})
}

// withoutRespawn comments out the lines of an inittab (id:runlevels:action:process) that start a
// DHCP client for an interface.
func withoutRespawn(text, name string) string {
	return editLines(text, func(lines []string) []string {
		for i, line := range lines {
			fields := strings.SplitN(line, ":", 4)
			if len(fields) == 4 && !strings.HasPrefix(line, "#") &&
				startsClient(strings.Fields(strings.TrimPrefix(fields[3], "-")), name) {
				lines[i] = offMark + line
			}
		}
		return lines
	})
}

// startsClient reports whether a command is a DHCP client that would serve the interface: it names
// it, or it names none and would take it by itself.
func startsClient(words []string, name string) bool {
	if len(words) > 1 && path.Base(words[0]) == "busybox" {
		words = words[1:]
	}
	if len(words) == 0 {
		return false
	}
	switch path.Base(words[0]) {
	case "udhcpc": // takes eth0 unless told otherwise
		given := optionValue(words[1:], "-i", "--interface=")
		return given == name || given == "" && name == "eth0"
	case "dhclient", "dhcpcd": // take every interface unless some are named
		last := lastPlain(words[1:])
		return last == "" || slices.Contains(words[1:], name)
	}
	return false
}

// optionValue returns the value of an option in the forms "-i eth0", "-ieth0" and
// "--interface=eth0".
func optionValue(words []string, short, long string) string {
	for i, word := range words {
		switch {
		case word == short && i+1 < len(words):
			return words[i+1]
		case strings.HasPrefix(word, long):
			return strings.TrimPrefix(word, long)
		case strings.HasPrefix(word, short):
			return strings.TrimPrefix(word, short)
		}
	}
	return ""
}

// lastPlain returns the last argument when that may be the name of an interface.
func lastPlain(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "&" })
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	if strings.HasPrefix(last, "-") || strings.ContainsAny(last, "/>") {
		return ""
	}
	return last
}
