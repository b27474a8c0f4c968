package lxc

import (
	"errors"
	"strings"
)

// dependant is one entry of liblxc's files lxc_snapshots (in the source: who is a snapshot of it)
// and lxc_rdepends (in the snapshot: what it is a snapshot of): two lines, lxcpath and name.
type dependant struct {
	lxcpath string
	name    string
}

var errDependants = errors.New("not pairs of a path and a name")

// parseDependants reads such a file. The old format, a mere count, is an error.
func parseDependants(text []byte) ([]dependant, error) {
	if len(text) == 0 {
		return nil, nil
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines)%2 != 0 {
		return nil, errDependants
	}
	var out []dependant
	for i := 0; i < len(lines); i += 2 {
		if !strings.HasPrefix(lines[i], "/") || lines[i+1] == "" {
			return nil, errDependants
		}
		out = append(out, dependant{lxcpath: lines[i], name: lines[i+1]})
	}
	return out, nil
}

func formatDependants(list []dependant) []byte {
	var b strings.Builder
	for _, d := range list {
		b.WriteString(d.lxcpath + "\n" + d.name + "\n")
	}
	return []byte(b.String())
}

// replaceDependant returns list with every old taken out and, if it is not zero, wanted in it
// exactly once.
func replaceDependant(list []dependant, old, wanted dependant) []dependant {
	var out []dependant
	placed := wanted == dependant{}
	for _, d := range list {
		if d == old || d == wanted {
			if placed {
				continue
			}
			d, placed = wanted, true
		}
		out = append(out, d)
	}
	if !placed {
		out = append(out, wanted)
	}
	return out
}
