package plan

import (
	"fmt"
	"slices"
	"strings"
)

// fits reports whether the host can carry a new container as far as facts of it are known;
// otherwise it is blocked, with the numbers.
func (p *planner) fits(it *item) bool {
	f, d := p.h.Facts, it.want
	if missing := p.h.Actual.Missing; missing != "" && !p.ready.place {
		return p.refuse(it, BlockedPreparation, "the directory of its containers, "+missing+
			", does not exist on the host", "make it, or declare prepare for the host")
	}
	if f == nil {
		return true
	}
	refuse := func(code, text, unblock string) bool { return p.refuse(it, code, text, unblock) }
	switch {
	case p.lacksLXC() && !p.ready.lxc:
		return refuse(BlockedLXC, "LXC is not installed on the host",
			"install it, or declare prepare for the host")
	case d.Backing != "" && len(f.Backings) > 0 && !slices.Contains(f.Backings, d.Backing):
		return refuse(BlockedBacking, fmt.Sprintf("the host cannot do backing %q, only %s", d.Backing,
			strings.Join(f.Backings, ", ")), "declare one of these, or give the host what it needs for it")
	case d.Backing == "lvm" && p.volumeGroup() != "" && !slices.Contains(f.VolumeGroups,
		p.volumeGroup()):
		return refuse(BlockedVolumeGroup, fmt.Sprintf("the host has no volume group %q",
			p.volumeGroup()), "make it there with vgcreate")
	}
	return true
}

// fitsMemory reports whether a container may not use more memory than the host has, as far as that
// is known; otherwise what gives it that limit is blocked.
func (p *planner) fitsMemory(it *item, a Action) bool {
	f, d := p.h.Facts, it.want
	if f == nil || f.Memory == 0 || d.Memory <= f.Memory {
		return true
	}
	p.block(it, Blocked{Action: a, Code: BlockedMemory, Failed: true,
		Text: fmt.Sprintf("it may use %s of memory, and the host has %s", BytesText(d.Memory),
			BytesText(f.Memory)),
		Unblock: "declare less memory, or move it to another host"})
	return false
}

// volumeGroup is where the host shall have its logical volumes; empty: it does not say.
func (p *planner) volumeGroup() string {
	if p.h.Prepare == nil {
		return ""
	}
	return p.h.Prepare.Want.VolumeGroup
}

// refuse blocks a new container that does not fit. It returns false.
func (p *planner) refuse(it *item, code, text, unblock string) bool {
	p.block(it, Blocked{Action: makeAction(it.want), Code: code, Failed: true, Text: text,
		Unblock: unblock})
	return false
}

// fitsDisk takes the declared size of a new container from the free disk of the host. Logical
// volumes and datasets lie elsewhere.
func (p *planner) fitsDisk(it *item) bool {
	f, d := p.h.Facts, it.want
	if f == nil || d.Size == 0 || f.DiskTotal == 0 || d.Backing == "lvm" || d.Backing == "zfs" {
		return true
	}
	free := f.DiskFree - p.ready.disk
	if d.Size <= free {
		p.ready.disk += d.Size
		return true
	}
	text := fmt.Sprintf("its size is %s, and %s of %s are free on the host", BytesText(d.Size),
		BytesText(max(0, f.DiskFree)), BytesText(f.DiskTotal))
	if p.ready.disk > 0 {
		text += fmt.Sprintf(", of which others in this pass get %s", BytesText(p.ready.disk))
	}
	return p.refuse(it, BlockedDisk, text, "declare a smaller size, or free some of the disk")
}
