// Package apt knows which packages of Debian and Ubuntu a host of containers takes, and finds in
// what apt-get and dpkg said why they failed.
//
// It promises to keep the order of the lines, and to say nothing that they did not say. It never
// runs anything, and what it returns may still contain what a terminal would obey.
package apt

import (
	"fmt"
	"slices"
	"strings"
)

// mostLines is how many lines people are shown: causes come first, the verdict last.
const mostLines = 12

// Telling returns the lines of an output that tell of errors and warnings, each once, without line
// breaks at the ends and without those in the middle of many. It is empty if there is none.
func Telling(output string) string {
	var all []string
	lines := strings.Split(strings.ReplaceAll(output, "\r", "\n"), "\n")
	telling := false
	for i, line := range lines {
		line = strings.TrimRight(line, " \t")
		if isScript(line) {
			all = append(all, before(lines[:i])...)
		}
		// What follows a telling line and is indented belongs to it.
		telling = isTelling(line) || telling && strings.HasPrefix(line, " ")
		if telling && !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	if more := len(all) - mostLines; more > 0 {
		note := fmt.Sprintf("… %d lines more", more)
		all = slices.Concat(all[:mostLines/2], []string{note}, all[len(all)-mostLines/2:])
	}
	return strings.Join(all, "\n")
}

func isTelling(line string) bool {
	starts := []string{"E: ", "Err:", "W: ", "dpkg: ", "Errors were encountered",
		"The following packages have unmet dependencies"}
	return !strings.HasPrefix(line, "dpkg: warning") && slices.ContainsFunc(starts,
		func(start string) bool { return strings.HasPrefix(line, start) })
}

// isScript reports whether dpkg says that the script of a package failed. What that script said
// stands before it, and looks like anything.
func isScript(line string) bool { return strings.HasPrefix(line, "dpkg: error processing") }

// before returns the last words of a script.
func before(lines []string) []string {
	const words = 3
	var out []string
	for _, line := range lines[max(0, len(lines)-words):] {
		if line = strings.TrimSpace(line); line != "" && !isTelling(line) {
			out = append(out, line)
		}
	}
	return out
}
