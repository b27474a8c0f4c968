package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sizes of the root file system by name, as makina-states has them.
func profileSizes() map[string]int64 {
	const m, g = 1 << 20, 1 << 30
	return map[string]int64{
		"xxxtrem": 2000 * g, "xxtrem": 1000 * g, "xtrem": 500 * g, "xxxlarge": 100 * g,
		"xxlarge": 50 * g, "large": 20 * g, "medium": defaultSize, "small": 5 * g,
		"xsmall": 3 * g, "xxsmall": 1 * g, "xxxsmall": 500 * m,
	}
}

// defaultSize is what a block backing gets without a size.
const defaultSize = 10 << 30

// applyProfile writes a profile over the draft: a declared one, a size, or the name that salt
// knew a profile by. It reports whether there is such a profile.
func (b *builder) applyProfile(d *draft, host, name string) bool {
	if p := b.profiles[name]; p != nil {
		b.apply(d, p)
		return true
	}
	if size, ok := b.sizes[name]; ok {
		d.sizeOf = size
		return true
	}
	rest, ok := strings.CutPrefix(name, saltPrefix(host))
	if !ok {
		return false
	}
	if size, typ, ok := strings.Cut(rest, "-"); ok && b.sizes[size] != 0 {
		d.sizeOf, rest = b.sizes[size], typ
	}
	if rest == misspelt {
		rest = backingLVM + scratchSuffix
	}
	if !slices.Contains(profileTypes(), rest) {
		return false
	}
	d.typeOf = rest
	return true
}

// saltPrefix begins the names of the profiles that makina-states generated for a host.
func saltPrefix(host string) string { return "ms-" + strings.ReplaceAll(host, ".", "-") + "-" }

// readProfiles prepares all entries of profiles and reports their problems, used or not.
func (b *builder) readProfiles() {
	for _, name := range sorted(b.decl.profiles) {
		e := b.decl.profiles[name]
		l := b.entryBlock(e, InProfile, &source{rank: byProfile, file: e.file,
			label: "profile " + name, path: "profiles." + name})
		if wrong, hint := checkEntryName(name); wrong != "" {
			b.failAt(e, l.src, fmt.Sprintf("profile %q %s", shorten(name), wrong), hint)
		}
		l.more = b.decl.sealed[sealedKey{InProfile, name, ""}]
		d := builtInDraft()
		b.apply(&d, l)
		b.profiles[name] = l
	}
}

// unknownProfile is the problem of a container whose profile does not exist.
func (f *finisher) unknownProfile() {
	names := slices.Concat(slices.Collect(maps.Keys(f.b.profiles)),
		slices.Collect(maps.Keys(f.b.sizes)))
	hint := "declare it under profiles, or use a size such as small"
	if strings.HasPrefix(f.d.Profile, "ms-") {
		hint = "on this host such names begin with " + saltPrefix(f.host.Name) +
			" and end with a size and a profile type"
	}
	f.fail(keyProfile, fmt.Sprintf("unknown profile %q", shorten(f.d.Profile)),
		didYouMean(f.d.Profile, names, hint))
}
