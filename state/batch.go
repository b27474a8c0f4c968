package state

import (
	"bytes"
	"fmt"
	"maps"
)

// Same reports whether two records say the same. Version, Created and Updated do not count: the
// store keeps those.
func (r Record) Same(o Record) bool {
	return r.UID == o.UID && r.Host == o.Host && r.Name == o.Name && r.Template == o.Template &&
		r.Network == o.Network && r.IP == o.IP && r.MAC == o.MAC &&
		bytes.Equal(r.Password, o.Password) && r.Protect == o.Protect &&
		maps.Equal(r.Applied, o.Applied) && r.Intent == o.Intent && r.Failure == o.Failure
}

// Check returns an error if no store can carry out the batch: a record without uid, host or name,
// something that stands in it twice, or a suspension, pass or observation that cannot be meant.
func (b Batch) Check() error {
	if err := b.checkRecords(); err != nil {
		return err
	}
	if err := b.checkSuspensions(); err != nil {
		return err
	}
	for host, o := range b.Observed {
		if err := o.check(host); err != nil {
			return fmt.Errorf("cannot store the observation of host %q: %w", host, err)
		}
	}
	if b.Pass == nil {
		return nil
	}
	if err := b.Pass.check(); err != nil {
		return fmt.Errorf("cannot store pass %q: %w", b.Pass.ID, err)
	}
	return nil
}

func (b Batch) checkRecords() error {
	seen := make(map[string]bool, len(b.Put))
	for _, r := range b.Put {
		if r.UID == "" || r.Host == "" || r.Name == "" {
			return fmt.Errorf("cannot store record %q of %q: uid, host or name is missing",
				r.UID, r.Host+"/"+r.Name)
		}
		if seen[r.UID] {
			return fmt.Errorf("cannot store record %q: it stands twice in one batch", r.UID)
		}
		seen[r.UID] = true
	}
	for _, uid := range b.Delete {
		if seen[uid] {
			return fmt.Errorf("cannot delete record %q: the same batch stores it", uid)
		}
	}
	return nil
}

func (b Batch) checkSuspensions() error {
	seen := make(map[Scope]bool, len(b.Suspend))
	for _, s := range b.Suspend {
		scope := s.Scope()
		if err := s.check(); err != nil {
			return fmt.Errorf("cannot suspend %q: %w", scope, err)
		}
		if seen[scope] {
			return fmt.Errorf("cannot suspend %q: it stands twice in one batch", scope)
		}
		seen[scope] = true
	}
	for _, scope := range b.Resume {
		if err := scope.check(); err != nil {
			return fmt.Errorf("cannot resume %q: %w", scope, err)
		}
		if seen[scope] {
			return fmt.Errorf("cannot resume %q: the same batch suspends it", scope)
		}
	}
	return nil
}
