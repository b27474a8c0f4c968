package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// What follows is what a plan means: what is done, blocked and held, in values and codes. How it
// is said, and on which line it is declared, is no part of it.
type (
	stepMeaning struct {
		Host, Container string
		Template        bool
		UID             string
		Action          plan.Action
		Class           spec.Class
		Reason          string
		Changes         []plan.Change `json:",omitempty"`
		Needs           []string      `json:",omitempty"`
	}
	blockedMeaning struct {
		Host, Container string
		Action          plan.Action
		Code            string
		Failed          bool
	}
	preparationMeaning struct {
		Host    string
		Changes []plan.HostChange
	}
	heldMeaning struct {
		Host, Container string
		Kind            plan.Kind
		Code            string
		Changes         []plan.Change `json:",omitempty"`
	}
)

// PlanID returns the identity of what a plan does: 64 hexadecimal digits that are the same for
// the same preparations, steps, blocked and held work, and rollouts, whatever the order in which
// hosts and containers were computed. Sentences, positions and warnings do not count, and no secret
// does, so that the identity tells nothing of a password. What is known only after the run counts
// as unknown: a plan must be compared with another that was also made before anything was
// generated.
func PlanID(p plan.Plan) string {
	h := sha256.New()
	e := json.NewEncoder(h)
	// A hash takes everything, and these values can be encoded: there is no error.
	_ = e.Encode(stepMeanings(p.Steps))
	_ = e.Encode(blockedMeanings(p.Blocked))
	_ = e.Encode(heldMeanings(p.Held))
	if len(p.Prepare) > 0 { // else it is that of the versions before there were any
		_ = e.Encode(preparationMeanings(p.Prepare))
	}
	if len(p.Rollouts) > 0 { // likewise
		_ = e.Encode(rolloutMeanings(p.Rollouts))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func stepMeanings(steps []plan.Step) []stepMeaning {
	all := make([]stepMeaning, 0, len(steps))
	for _, s := range steps {
		all = append(all, stepMeaning{s.Host, s.Container, s.Template, s.UID, s.Action, s.Class,
			s.Reason.Code, changesMeaning(s.Changes), sorted(s.Needs)})
	}
	// The order of the steps of one container means something and stays.
	slices.SortStableFunc(all, func(a, b stepMeaning) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return all
}

func blockedMeanings(blocked []plan.Blocked) []blockedMeaning {
	all := make([]blockedMeaning, 0, len(blocked))
	for _, b := range blocked {
		all = append(all, blockedMeaning{b.Host, b.Container, b.Action, b.Code, b.Failed})
	}
	slices.SortFunc(all, func(a, b blockedMeaning) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Action, b.Action),
			cmp.Compare(yesNo(a.Failed), yesNo(b.Failed)))
	})
	return all
}

func heldMeanings(held []plan.Held) []heldMeaning {
	all := make([]heldMeaning, 0, len(held))
	for _, x := range held {
		all = append(all, heldMeaning{x.Host, x.Container, x.Kind, x.Code,
			changesMeaning(x.Changes)})
	}
	slices.SortStableFunc(all, func(a, b heldMeaning) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

func preparationMeanings(all []plan.HostPreparation) []preparationMeaning {
	meanings := make([]preparationMeaning, 0, len(all))
	for _, h := range all {
		changes := slices.Clone(h.Changes)
		slices.SortFunc(changes, func(a, b plan.HostChange) int {
			return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Old, b.Old),
				cmp.Compare(a.New, b.New))
		})
		meanings = append(meanings, preparationMeaning{h.Host, changes})
	}
	slices.SortFunc(meanings, func(a, b preparationMeaning) int { return cmp.Compare(a.Host, b.Host) })
	return meanings
}

func changesMeaning(changes []plan.Change) []plan.Change {
	all := redactAll(changes)
	slices.SortStableFunc(all, func(a, b plan.Change) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Old, b.Old),
			cmp.Compare(a.New, b.New))
	})
	return all
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
