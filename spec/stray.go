package spec

import "strings"

// strayHosts warns of entries of hosts that targets does not name, where it names a host without an
// entry that is written almost so: what the entry says counts for nobody.
func (b *builder) strayHosts() {
	const typos, mostPairs = 2, 1000 // so many were not mistyped
	var stray, without []string
	for _, name := range sorted(b.decl.hosts) {
		if b.decl.byHost[name] == nil && len(name) <= maxDomain {
			stray = append(stray, name)
		}
	}
	for _, t := range b.decl.targets {
		if name := t.key.Value; b.hosts[name] == nil && len(name) <= maxDomain {
			without = append(without, name)
		}
	}
	if len(stray)*len(without) > mostPairs {
		return
	}
	for _, name := range stray {
		for _, other := range without {
			if !sameButNumbers(name, other) && edits(name, other) <= typos {
				b.sink.warn(Problem{Position: b.decl.hosts[name].position(),
					Path: "hosts." + shorten(name), Hint: "did you mean \"" + shorten(other) + "\"?",
					Text: "targets has no such host, so that this has no effect"})
				break
			}
		}
	}
}

// sameButNumbers reports whether two names differ in digits alone, as those of different hosts do.
func sameButNumbers(a, b string) bool {
	letters := func(name string) string {
		return strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return -1
			}
			return r
		}, name)
	}
	return letters(a) == letters(b)
}
