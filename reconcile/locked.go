package reconcile

import (
	"fmt"
	"strings"

	"reconciler/spec"
)

// LockedError says that a tree cannot be carried out, because no key was given for what is
// encrypted in it.
type LockedError struct {
	Positions []spec.Position // in file order, not empty
}

// Error implements error.
func (e *LockedError) Error() string {
	const most = 5
	var places []string
	for _, p := range e.Positions[:min(most, len(e.Positions))] {
		places = append(places, p.String())
	}
	text := "cannot carry out the tree: it is encrypted at " + strings.Join(places, ", ")
	if more := len(e.Positions) - most; more > 0 {
		text += fmt.Sprintf(" and %d more places", more)
	}
	return text + ", and no key was given"
}

// Opened returns a *LockedError if something in the tree is encrypted and was not opened. Such a
// tree can be planned; Run refuses it.
func (d Declaration) Opened() error {
	if locked := d.Tree.Locked(); len(locked) > 0 {
		return &LockedError{locked}
	}
	return nil
}
