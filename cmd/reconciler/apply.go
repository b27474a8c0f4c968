package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
)

func newApply(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "apply PLANFILE",
		Short: "Carry out a plan that was reviewed, or nothing",
		Long: `Carry out the plan that "plan --out-json PLANFILE" wrote, if it is still what would be
done: if the tree, the state or a host has changed since, nothing is touched. The destroys in it
were reviewed, so the guard lets just these through.

` + exitText,
		Example: `  reconciler plan --source tree --out-json plan.json
  reconciler apply plan.json --source tree`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.apply(cmd.Context(), args[0])
		},
	}
}

func (a *app) apply(ctx context.Context, path string) error {
	reviewed, err := readPlan(path)
	if err != nil {
		return err
	}
	for _, s := range reviewed.Steps {
		if s.Action == plan.Destroy {
			a.allow = append(a.allow, s.Host+"/"+s.Container)
		}
	}
	approve := func(now reconcile.Pass) error { return stillReviewed(reviewed, now) }
	pass, err := runPass(ctx, a, approve)
	if err != nil {
		return err
	}
	return writeResult(a, pass)
}

func readPlan(path string) (report.PlanDocument, error) {
	f, err := os.Open(path)
	if err != nil {
		return report.PlanDocument{}, hinted{
			fmt.Errorf("cannot read plan %q: %w", path, fileError(err)),
			"plan --out-json FILE writes one"}
	}
	defer func() { _ = f.Close() }()
	reviewed, err := report.ParsePlan(f)
	if err != nil {
		return reviewed, hinted{fmt.Errorf("cannot apply plan %q: %w", path, fileError(err)),
			"plan --out-json FILE writes one"}
	}
	if k := reviewed.Meta.Knowledge; k != report.KnowFull && k != "" {
		return reviewed, hinted{fmt.Errorf("cannot apply plan %q: it knows only what is %s", path, k),
			"make it where the hosts can be reached, without --against and --refresh=false"}
	}
	return reviewed, nil
}

// stillReviewed returns an error that names what is different from what was reviewed. The files of
// the tree must be the same, whatever commit they are of: not all of a declaration shows in a plan.
func stillReviewed(reviewed report.PlanDocument, pass reconcile.Pass) error {
	now := pass.Plan
	const hint = "make a new plan, and have it reviewed"
	if reviewed.Meta.Tree != pass.Revision.Tree {
		return hinted{errors.New("cannot apply the plan: the tree is not the one that was reviewed"),
			hint}
	}
	if report.PlanID(now) == reviewed.PlanID {
		return nil
	}
	for _, u := range now.Unreachable {
		before := func(b plan.Unreachable) bool { return b.Host == u.Host }
		if !slices.ContainsFunc(reviewed.Unreachable, before) {
			return hinted{fmt.Errorf("cannot apply the plan: nothing is known of host %q now: %s", u.Host,
				u.Text), "apply it again when the host can be worked on"}
		}
	}
	then := plan.Plan{Prepare: reviewed.Prepare, Steps: reviewed.Steps, Blocked: reviewed.Blocked,
		Held: reviewed.Held}
	return hinted{fmt.Errorf("cannot apply the plan: it is no longer what would be done: %s",
		strings.Join(differing(then, now), ", ")), hint}
}

// differing lists the containers and hosts about which two plans say different things, some of them
// by name.
func differing(a, b plan.Plan) []string {
	const most = 10
	then, now := piecesOf(a), piecesOf(b)
	all := maps.Clone(then)
	maps.Copy(all, now)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if report.PlanID(*then.of(name)) != report.PlanID(*now.of(name)) {
			names = append(names, strings.TrimSuffix(name, "/"))
		}
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return names
}

// pieces are what a plan says about each container, and each host itself.
type pieces map[string]*plan.Plan

// of returns what is said about one, to which more can be added.
func (p pieces) of(name string) *plan.Plan {
	if p[name] == nil {
		p[name] = &plan.Plan{}
	}
	return p[name]
}

// piecesOf splits a plan.
func piecesOf(p plan.Plan) pieces {
	all := pieces{}
	for _, h := range p.Prepare {
		part := all.of(h.Host + "/")
		part.Prepare = append(part.Prepare, h)
	}
	for _, s := range p.Steps {
		part := all.of(s.Host + "/" + s.Container)
		part.Steps = append(part.Steps, s)
	}
	for _, b := range p.Blocked {
		part := all.of(b.Host + "/" + b.Container)
		part.Blocked = append(part.Blocked, b)
	}
	for _, h := range p.Held {
		part := all.of(h.Host + "/" + h.Container)
		part.Held = append(part.Held, h)
	}
	return all
}
