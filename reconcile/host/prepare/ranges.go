package prepare

import (
	"fmt"
	"strconv"
	"strings"

	"reconciler/spec"
)

// idRange is a line of subuid(5).
type idRange struct {
	user         string
	first, count uint64
}

func (r idRange) end() uint64 { return r.first + r.count }

// String returns the form of the file.
func (r idRange) String() string { return fmt.Sprintf("%s:%d:%d", r.user, r.first, r.count) }

// parseRanges reads the lines of /etc/subuid that mean something. What does not, the system does
// not read either, and it stays as it is.
func parseRanges(text string) []idRange {
	var out []idRange
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || fields[0] == "" || fields[0][0] == '#' {
			continue
		}
		first, errFirst := strconv.ParseUint(fields[1], 10, 32)
		count, errCount := strconv.ParseUint(fields[2], 10, 32)
		if errFirst == nil && errCount == nil && count > 0 {
			out = append(out, idRange{fields[0], first, count})
		}
	}
	return out
}

// fits says whether a range is there already, within one of the same user; if not, whether another
// one is in its way.
func fits(there []idRange, want idRange) (found bool, clash string) {
	for _, r := range there {
		if r.user == want.user && r.first <= want.first && want.end() <= r.end() {
			found = true
		} else if r.first < want.end() && want.first < r.end() {
			clash = r.String()
		}
	}
	return found, clash
}

// withRange returns the text of the file with one more line, everything else as it is.
func withRange(text string, r idRange) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + r.String() + "\n"
}

func rangeOf(user string, r spec.IDRange) idRange {
	return idRange{user, uint64(r.First), uint64(r.Count)}
}
