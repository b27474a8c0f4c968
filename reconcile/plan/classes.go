package plan

import "reconciler/spec"

// classOf returns what it takes to change a setting of a container that exists. The table is that
// of the tree; only the host name, which follows from the name, is no key of it.
func classOf(f field) spec.Class {
	if f == fHostname {
		return spec.Restart
	}
	return spec.ClassOf(f.key())
}
