package spec

// controlFields say when and how far the program may act on a container. Nothing of the container
// itself follows from them, so that a change of them alone is nothing to do.
func controlFields() []field {
	const all = inSettings
	return []field{
		{Field: Field{Key: "drift", In: all, Kind: KindText, Status: Acted, Class: Live,
			Default: DriftCorrect.String(), Values: driftNames(),
			Doc: "what becomes of differences that no change of the tree explains"},
			id: keyDrift, set: setDrift, get: func(s *Settings) string { return s.Drift.String() }},
		{Field: Field{Key: "windows", In: all, Kind: KindList, Status: Acted, Class: Live,
			Default: "any time",
			Doc:     "when it may be touched, such as mon-fri 22:00-04:00 Europe/Berlin; []: any time"},
			id: keyWindows, set: setWindows,
			get: func(s *Settings) string { return windowsText(s.Windows) }},
	}
}
