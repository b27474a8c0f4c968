package spec

import (
	"fmt"
	"strings"
)

// backing settles profile, profile_type and backing. The closest layer wins; in one layer they
// must agree.
func (f *finisher) backing() {
	d := f.d
	if d.typeOf != "" && f.rank(keyProfileType) < byProfile {
		d.ProfileType, d.scratch = d.typeOf, strings.HasSuffix(d.typeOf, scratchSuffix)
		d.at[keyProfileType] = f.ofProfile()
	}
	if d.ProfileType != "" {
		backing := strings.TrimSuffix(d.ProfileType, scratchSuffix)
		typed, said := f.rank(keyProfileType), f.rank(keyBacking)
		if typed == said && d.Backing != backing {
			f.fail(keyBacking, fmt.Sprintf("backing %s contradicts profile_type %s", d.Backing,
				d.ProfileType), "keep one of them")
		}
		if typed > said {
			d.Backing, d.at[keyBacking] = backing, d.at[keyProfileType]
		}
	}
	if !isActedOn(d.Backing) {
		f.warn(keyBacking, fmt.Sprintf("backing %q is not acted on yet", d.Backing),
			"such a container is blocked; dir and overlayfs work")
	}
}

// ofProfile is the place of what the profile implies, in the layer of profiles.
func (f *finisher) ofProfile() origin {
	o := f.d.at[keyProfile]
	src := *o.src
	src.rank, src.label = byProfile, "profile "+f.d.Profile
	o.src = &src
	return o
}

// source settles whether the container is cloned or created. The closest of from_container,
// image and profile_type decides; in one layer a -scratch type goes before from_container, and
// that before image.
func (f *finisher) source() {
	d := f.d
	from, image, typed := f.rank(keyFromContainer), f.rank(keyImage), f.rank(keyProfileType)
	scratch := d.ProfileType != "" && d.scratch
	clones := d.ProfileType != "" && !d.scratch
	switch {
	case scratch && typed >= from:
		if typed == from {
			f.warn(keyFromContainer, "from_container is not used: profile_type "+d.ProfileType+
				" creates from image", "remove one of them")
		}
		f.create()
	case image > from && (!clones || image > typed):
		f.create()
	default:
		if image != byBuiltIn && image == max(from, typed) {
			f.warn(keyImage, "image is not used: the container is cloned",
				"remove it, or choose a profile_type that ends in -scratch")
		}
		f.clone()
	}
}

func (f *finisher) create() {
	d := f.d
	d.FromContainer, d.at[keyFromContainer] = "", origin{}
	if d.Image != "" {
		return
	}
	base := f.host.Templates[baseTemplate]
	d.Image = base.Image
	if d.Options == nil {
		d.Options = base.Options
	}
	if d.Image == "" {
		f.fail(keyProfileType, "there is no image to create from: the template base is a clone",
			"write image: SCRIPT")
	}
}

func (f *finisher) clone() {
	d := f.d
	if d.FromContainer == "" {
		d.FromContainer = baseTemplate
	}
	if o := f.rank(keyOptions); o == byContainer || o > byBuiltIn && o > f.rank(keyImage) {
		f.warn(keyOptions, "options are not used: the container is cloned",
			"write them at the template")
	}
	d.Image, d.at[keyImage] = "", origin{}
	d.Options, d.at[keyOptions] = nil, origin{}
}

// size settles the size of the root file system. One that was declared together with, or closer
// than, a backing that has none is a mistake; one from further out belongs to another backing.
func (f *finisher) size() {
	d := f.d
	if !isBlock(d.Backing) {
		if d.Size != 0 && f.rank(keySize) >= f.rank(keyBacking) {
			f.fail(keySize, "a root file system on backing "+d.Backing+" has no size of its own",
				"remove size, or choose backing lvm or loop")
		}
		if d.sizeOf != 0 {
			f.warn(keyProfile, fmt.Sprintf("the size of profile %q has no effect on backing %s",
				d.Profile, d.Backing), "")
		}
		d.Size, d.at[keySize] = 0, origin{}
		return
	}
	if d.sizeOf != 0 && f.rank(keySize) < byProfile {
		d.Size, d.at[keySize] = d.sizeOf, f.ofProfile()
	}
	if d.Size == 0 {
		d.Size = defaultSize
	}
	if d.at[keySize].src != nil {
		f.warn(keySize, "a size on backing "+d.Backing+" is not acted on yet", "")
	}
}

// snapshot settles whether the clone shares its lower layer with what it is cloned from.
func (f *finisher) snapshot() {
	d := f.d
	said, overlay := f.rank(keySnapshot), d.Backing == backingOverlay
	switch {
	case d.Snapshot && !overlay && said >= f.rank(keyBacking):
		f.fail(keySnapshot, "backing "+d.Backing+" has no snapshots", "write backing: overlayfs")
	case d.Snapshot && overlay && d.FromContainer == "":
		f.warn(keySnapshot, "snapshot has no effect: the container is created from an image", "")
	case !d.Snapshot && overlay && d.FromContainer != "" && said != byBuiltIn &&
		said >= f.rank(keyBacking):
		f.warn(keySnapshot, "overlayfs clones are always snapshots", "remove it")
	}
	d.Snapshot = overlay && d.FromContainer != ""
}
