package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Preparer is a Host that can be prepared for containers. It works without LXC.
type Preparer interface {
	// Check returns what the host can do, and what Prepare would change: sorted by What, nothing
	// if all of it is there; some of it may be refused. It changes nothing. Without a preparation
	// it only gathers the facts. That a volume group is missing is no change and no error: the
	// facts say so.
	Check(ctx context.Context, want *spec.Preparation) (plan.Facts, []plan.HostChange, error)
	// Prepare makes what is missing and leaves alone what is there: a second call does nothing.
	// done has one sentence for each thing that was done, also if it ends with an error, which it
	// does if anything is refused or a volume group is missing.
	Prepare(ctx context.Context, want spec.Preparation) (done []string, err error)
}

// How long a host may take. Installing packages is as slow as their mirror.
const (
	checkLimit   = 2 * time.Minute
	prepareLimit = 30 * time.Minute
)

// ability is what is known of a host beside its containers.
type ability struct {
	want    *spec.Preparation // what changes is compared with
	asked   bool              // or there is nothing to ask
	facts   *plan.Facts       // nil: it was not asked
	changes []plan.HostChange
}

// examine asks a host what it can do, and what it lacks of what it shall be prepared with. Where
// nothing is to be prepared and all fits as it is, it is not asked, since that takes time.
func examine(ctx context.Context, o *Options, h *spec.Host, v Visit) (a ability, err error) {
	preparer, can := v.Host.(Preparer)
	switch {
	case !can && h.Prepare != nil:
		return a, fmt.Errorf("cannot prepare host %q: this kind of host cannot be prepared", h.Name)
	case !can || h.Prepare == nil && !mayNotFit(h, v.Actual):
		return ability{asked: !can}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	facts, changes, err := preparer.Check(ctx, h.Prepare)
	if err != nil && h.Prepare != nil {
		return a, fmt.Errorf("cannot check what host %q is prepared with: %w", h.Name, err)
	}
	if err != nil {
		o.Log.Warn("a host does not say what it can do", "host", h.Name, "error", err)
		return ability{asked: true}, nil
	}
	return ability{want: h.Prepare, asked: true, facts: &facts, changes: changes}, nil
}

// mayNotFit reports whether a container of the host is declared that is not there, or that shall
// get another limit of its memory.
func mayNotFit(h *spec.Host, a plan.Actual) bool {
	for name, c := range h.Containers {
		i := slices.IndexFunc(a.Containers, func(o plan.Observed) bool { return o.Name == name })
		if i < 0 || c.Memory > 0 && c.Memory != a.Containers[i].Config.Memory {
			return true
		}
	}
	return false
}

// preparing is the material about a host's preparation for its plan.
func (o *Options) preparing(h *spec.Host, changes []plan.HostChange) *plan.Preparing {
	if h == nil || h.Prepare == nil {
		return nil
	}
	p := &plan.Preparing{Want: *h.Prepare, Changes: changes, Drift: h.Drift}
	if next, closed := outsideWindows(h.Windows, o.now()); closed {
		hold := windowHold(next)
		p.Hold = &hold
	}
	return p
}

// preparations is how the hosts of a plan are prepared.
func (p *Pass) preparations(o *Options, f *fleet) map[string]execute.Preparation {
	all := make(map[string]execute.Preparation, len(p.Plan.Prepare))
	for _, x := range p.Plan.Prepare {
		preparer, ok := f.hosts[x.Host].(Preparer)
		if !ok {
			continue // examine refuses such a host
		}
		want := *p.Tree.Hosts[x.Host].Prepare
		all[x.Host] = func(ctx context.Context) ([]string, error) {
			log := o.Log.With("host", x.Host)
			log.Info("preparing a host", "changes", len(x.Changes))
			return prepareOne(ctx, preparer, want, log)
		}
	}
	return all
}

// Prepare has a host prepared, within its limit. When ctx ends meanwhile it goes on: a package
// manager that is broken off leaves a broken host. The log, which names the host, says then that it
// is waited for.
func Prepare(
	ctx context.Context, h Preparer, want spec.Preparation, log *slog.Logger,
) (done []string, err error) {
	defer context.AfterFunc(ctx, func() {
		log.Warn("waiting until the host is prepared: to break off what installs packages would " +
			"leave it broken")
	})()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), prepareLimit)
	defer cancel()
	return h.Prepare(ctx, want)
}

// prepareOne prepares a host. What the host refuses, and a volume group that is missing, was told
// in the plan and keeps nobody from using the rest.
func prepareOne(
	ctx context.Context, h Preparer, want spec.Preparation, log *slog.Logger,
) ([]string, error) {
	done, err := Prepare(ctx, h, want, log)
	if err == nil {
		return done, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkLimit)
	defer cancel()
	_, left, checkErr := h.Check(ctx, &want)
	missing := func(c plan.HostChange) bool { return c.Refused == "" }
	if checkErr != nil || slices.ContainsFunc(left, missing) {
		return done, err
	}
	return done, nil
}
