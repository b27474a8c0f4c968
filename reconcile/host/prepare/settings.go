package prepare

import (
	"maps"
	"slices"
	"strings"

	"reconciler/spec"
)

const forwarding = "net/ipv4/ip_forward"

// neededSettings returns what the kernel is to be told, by path: what is declared, and forwarding
// if a bridge has NAT.
func neededSettings(want *spec.Preparation) map[string]string {
	out := map[string]string{}
	for key, value := range want.Sysctl {
		out[spec.SysctlPath(key)] = value
	}
	for _, b := range want.Bridges {
		if b.NAT {
			out[forwarding] = "1"
		}
	}
	return out
}

// sameValue compares values as the kernel does: it prints tabs between numbers.
func sameValue(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// parseSettings reads sysctl.d(5), by path; of a key that is there twice the last value counts.
func parseSettings(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		if found && line[0] != '#' && line[0] != ';' {
			out[spec.SysctlPath(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return out
}

// settingsText is the file that says them at boot.
func settingsText(settings map[string]string) string {
	var b strings.Builder
	b.WriteString(header)
	for _, path := range slices.Sorted(maps.Keys(settings)) {
		b.WriteString(path + " = " + settings[path] + "\n")
	}
	return b.String()
}
