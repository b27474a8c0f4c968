package spec

import "strconv"

// creationFields say how a container comes into being.
func creationFields() []field {
	const all = inSettings
	return []field{
		{Field: Field{Key: "profile", In: InContainer | InDefaults, Kind: KindText, Status: Acted,
			Class: Live, Doc: "name of an entry of profiles, or a size name such as small"},
			id: keyProfile, set: setProfile, get: func(s *Settings) string { return s.Profile }},
		{Field: Field{Key: "profile_type", In: all, Kind: KindText, Status: Acted, Class: Recreate,
			Values: profileTypes(), Doc: "backing, and with -scratch: created from image"},
			id: keyProfileType, set: setProfileType,
			get: func(s *Settings) string { return s.ProfileType }},
		{Field: Field{Key: "from_container", In: all | InTemplate, Kind: KindText, Status: Acted,
			Class: Recreate, Default: "base", Doc: "template or stopped container to clone"},
			id: keyFromContainer, set: setFromContainer,
			get: func(s *Settings) string { return s.FromContainer }},
		{Field: Field{Key: "image", In: all | InTemplate, Kind: KindText, Status: Acted,
			Class: Recreate, Doc: "LXC template script that creates the root file system"},
			id: keyImage, set: setImage, get: func(s *Settings) string { return s.Image }},
		{Field: Field{Key: "options", In: all | InTemplate, Kind: KindMap, Status: Acted,
			Class: Recreate, Doc: "options of the template script, without the leading dashes"},
			id: keyOptions, set: setOptions,
			get: func(s *Settings) string { return mapText(s.Options) }},
		{Field: Field{Key: "backing", In: all, Kind: KindText, Status: Acted, Class: Recreate,
			Default: backingDir, Values: append(backings(), "overlay"),
			Doc: "what the root file system lies on"},
			id: keyBacking, set: setBacking, get: func(s *Settings) string { return s.Backing }},
		{Field: Field{Key: "size", In: all, Kind: KindSize, Status: Acted, Class: Recreate,
			Doc: "size of the root file system, only on block backings"},
			id: keySize, set: setSize, get: func(s *Settings) string { return sizeText(s.Size) }},
		{Field: Field{Key: "snapshot", In: all, Kind: KindBool, Status: Acted, Class: Recreate,
			Doc: "clone without copying; overlayfs clones always are snapshots"},
			id: keySnapshot, set: setSnapshot,
			get: func(s *Settings) string { return strconv.FormatBool(s.Snapshot) }},
		{Field: Field{Key: "recreate", In: all | InTemplate, Kind: KindText, Status: Acted,
			Class: Live, Values: []string{"allow"},
			Doc: "allow: a change that needs a new container may destroy the old one"},
			id: keyRecreate, set: setRecreate, get: recreateText},
		{Field: Field{Key: "name", In: InContainer, Kind: KindText, Status: Acted,
			Doc: "the name of the container once more; must equal its key"}, set: checkName},
	}
}

func recreateText(s *Settings) string {
	if s.Recreate {
		return "allow"
	}
	return ""
}
