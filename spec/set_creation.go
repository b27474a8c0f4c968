package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	backingDir     = "dir"
	backingOverlay = "overlayfs"
	backingLVM     = "lvm"
	scratchSuffix  = "-scratch"
	misspelt       = "lvm-sratch" // in the profiles that makina-states generated
)

func backings() []string {
	return []string{backingDir, backingOverlay, backingLVM, "btrfs", "zfs", "loop"}
}

// isBlock reports whether a root file system on this backing has a size.
func isBlock(backing string) bool { return backing == backingLVM || backing == "loop" }

// isActedOn reports whether containers on this backing can be made.
func isActedOn(backing string) bool { return backing == backingDir || backing == backingOverlay }

func profileTypes() []string {
	return []string{"dir", "dir-scratch", "overlayfs", "overlayfs-scratch", "lvm", "lvm-scratch",
		misspelt}
}

func setProfile(c *cursor, n *yaml.Node) {
	if s, ok := c.text(n); ok {
		c.d.Profile = s
		c.set(n)
	}
}

func setProfileType(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	if !slices.Contains(profileTypes(), s) {
		c.fail(n, "unknown profile_type "+c.quote(s), didYouMean(s, profileTypes(),
			"write dir, overlayfs or lvm, with -scratch to create from image"))
		return
	}
	if s == misspelt {
		c.warn(n, `"lvm-sratch" is an old spelling`, "write lvm-scratch")
		s = backingLVM + scratchSuffix
	}
	c.d.ProfileType, c.d.scratch = s, strings.HasSuffix(s, scratchSuffix)
	c.set(n)
}

func setFromContainer(c *cursor, n *yaml.Node) {
	if s, ok := c.texted(n, checkContainerName); ok {
		c.d.FromContainer = s
		c.set(n)
	}
}

func setImage(c *cursor, n *yaml.Node) {
	if s, ok := c.texted(n, checkImage); ok {
		c.d.Image = s
		c.set(n)
	}
}

// setOptions reads options of the template script; a key may be written with its dashes.
func setOptions(c *cursor, n *yaml.Node) {
	pairs, ok := c.entries(n)
	if !ok {
		return
	}
	options := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		k := strings.TrimLeft(pairs[i].Value, "-")
		if !isOption(k) {
			c.fail(pairs[i], c.quote(pairs[i].Value)+" is not the name of an option",
				"write it without dashes, such as release: bookworm")
			continue
		}
		if isNull(resolve(pairs[i+1])) {
			options[k] = ""
			continue
		}
		v, ok := c.text(pairs[i+1])
		if !ok {
			continue
		}
		if hasControl(v) {
			c.fail(pairs[i+1], "has a control character", "write it on one line")
		}
		options[k] = v
	}
	c.d.Options = options
	c.set(n)
}

func isOption(k string) bool {
	for i := range len(k) {
		if !isLetter(k[i]) && (i == 0 || !isDigit(k[i]) && k[i] != '-' && k[i] != '_') {
			return false
		}
	}
	return k != ""
}

func setBacking(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	if s == "overlay" {
		s = backingOverlay
	}
	if !slices.Contains(backings(), s) {
		hint := "write one of " + strings.Join(backings(), ", ")
		if s == "aufs" {
			hint = "write overlayfs, which took its place"
		}
		c.fail(n, "unknown backing "+c.quote(s), didYouMean(s, backings(), hint))
		return
	}
	c.d.Backing = s
	c.set(n)
}

func setSize(c *cursor, n *yaml.Node) {
	size, ok := c.size(n, minRootSize)
	if !ok {
		return
	}
	if size == 0 {
		c.fail(n, "a root file system of size 0 holds nothing", "write a size, such as 10G")
		return
	}
	c.d.Size = size
	c.set(n)
}

func setSnapshot(c *cursor, n *yaml.Node) {
	if v, ok := c.boolean(n); ok {
		c.d.Snapshot = v
		c.set(n)
	}
}

func setRecreate(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	if s != "allow" {
		c.fail(n, c.quote(s)+" is not a value of recreate",
			"write recreate: allow, or remove the key to forbid it")
		return
	}
	c.d.Recreate = true
	c.set(n)
}

// checkName lets the predecessors' name pass where it says nothing new.
func checkName(c *cursor, n *yaml.Node) {
	if s, ok := c.text(n); ok && s != c.src.container {
		c.fail(n, c.quote(s)+" is not the key of the container",
			"remove it: the name of a container is its key")
	}
}

// hasControl reports whether s holds a control character, such as a line break.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
