package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// begin stores the intents. A container that would take an address or MAC which its owner was to
// give up in this pass, but does not (its steps are blocked or outside the filter), is left out.
func (p *Pass) begin(ctx context.Context, j *journal) error {
	for {
		err := j.begin(ctx, p.Plan.Steps)
		var taken *state.TakenError
		if !errors.As(err, &taken) {
			return err
		}
		claimants := j.claimants(taken, p.Plan.Steps)
		if len(claimants) == 0 {
			return err
		}
		for _, s := range claimants {
			p.Plan = p.Plan.Without(takenFrom(s, taken))
		}
	}
}

// Fetch reads and parses the tree. An invalid tree is spec.Problems.
func Fetch(ctx context.Context, src Source, o spec.Options) (Declaration, error) {
	read, err := src.Fetch(ctx)
	if err != nil {
		return Declaration{}, fmt.Errorf("cannot read the source: %w", err)
	}
	tree, err := spec.Parse(read.Files, o)
	return Declaration{Revision: read.Revision, Tree: tree}, err
}

// Plan looks and compares, and changes nothing: no lock, no write, no random value.
func Plan(ctx context.Context, d Declaration, o Options) (Pass, error) {
	p := Pass{Declaration: d}
	snapshot, err := o.load(ctx, p.Tree)
	if err != nil {
		return p, err
	}
	f := o.visitAll(ctx, o.hosts(p.Tree), modeOf(p.Tree, snapshot, false)).next(0)
	defer f.close(&o)
	if ctx.Err() != nil {
		return p, context.Cause(ctx)
	}
	resolved, err := resolve.Preview(resolveInput(p.Tree, f, snapshot), o.Sealer)
	if err != nil {
		return p, fmt.Errorf("cannot complete the tree: %w", err)
	}
	p.compute(&o, f, snapshot, resolved)
	p.doubt(&o, snapshot)
	return p, nil
}

// Run carries the declaration out. A returned error means that no host was touched; what happened
// to single containers is in the Pass. Running it again after an interruption at any point
// converges.
//
// A tree with encrypted values that no key opened is refused: see Declaration.Opened.
func Run(ctx context.Context, d Declaration, o Options) (Pass, error) {
	p := Pass{Declaration: d}
	if err := d.Opened(); err != nil {
		return p, err
	}
	lockCtx, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := o.Store.Lock(lockCtx, o.Holder)
	if err != nil {
		return p, fmt.Errorf("cannot lock the state: %w", err)
	}
	defer func() {
		if err := unlock(); err != nil {
			o.Log.Error("cannot give back the lock of the state", "error", err)
		}
	}()
	return run(ctx, &o, p)
}

// approve asks whether the plan may be carried out, if somebody wants to be asked.
func (p *Pass) approve(o *Options, f *fleet, s state.Snapshot) error {
	if o.Approve == nil {
		return nil
	}
	resolved, err := resolve.Preview(resolveInput(p.Tree, f, s), o.Sealer)
	if err != nil {
		return fmt.Errorf("cannot complete the tree: %w", err)
	}
	preview := *p
	preview.compute(o, f, s, resolved)
	return o.Approve(preview)
}

// compute makes the plan from what was found.
func (p *Pass) compute(o *Options, f *fleet, s state.Snapshot, r resolve.Result) {
	p.Installation, p.Serial, p.Observed = s.Installation, s.Serial, f.actual
	p.Suspensions = state.Holding(s.Suspensions, o.now())
	in := o.planInput(p.Tree, f, s, r)
	in.Holds, p.Opens = o.holds(o.hosts(p.Tree), p.Suspensions)
	in.Failing = o.Failing
	p.Plan = withoutRobbers(plan.Compute(in), s.Records)
}

// HostNames returns the hosts that were observed, sorted.
func (p *Pass) HostNames() []string { return slices.Sorted(maps.Keys(p.Observed)) }

// load reads the state, and refuses filters that fit neither the tree nor the state.
func (o *Options) load(ctx context.Context, t *spec.Tree) (state.Snapshot, error) {
	snapshot, err := o.reload(ctx)
	if err != nil {
		return snapshot, err
	}
	return snapshot, o.checkFilters(t, snapshot)
}

// reload is load once more in the same pass, which may have destroyed what a filter names.
func (o *Options) reload(ctx context.Context) (state.Snapshot, error) {
	snapshot, err := o.Store.Load(ctx)
	if err != nil {
		return snapshot, fmt.Errorf("cannot load the state: %w", err)
	}
	return snapshot, nil
}

// checkFilters refuses a filter that names nothing: it is a misspelling, and quietly doing
// nothing would look like success.
func (o *Options) checkFilters(t *spec.Tree, s state.Snapshot) error {
	unknown := func(what string, target Target) error {
		return &UnknownTargetError{What: what, Target: target, Nearest: Nearest(target, t, s.Records)}
	}
	for _, h := range o.Hosts {
		if _, ok := t.Hosts[h]; !ok {
			return fmt.Errorf("cannot limit the pass to host %q: the tree has no such host", h)
		}
	}
	for _, only := range o.Only {
		if !known(only, t, s) {
			return unknown("limit the pass to", only)
		}
	}
	for _, a := range o.Allow {
		if target := (Target{a.Host, a.Container}); a.Container != "" && !known(target, t, s) {
			return unknown("allow to destroy", target)
		}
	}
	return nil
}

// known reports whether a target is declared, or remembered on a host that is declared.
func known(only Target, t *spec.Tree, s state.Snapshot) bool {
	host, ok := t.Hosts[only.Host]
	if !ok {
		return false
	}
	if _, ok := host.Containers[only.Container]; ok || only.Container == "" {
		return true
	}
	return slices.ContainsFunc(s.Records, func(r state.Record) bool {
		return r.Host == only.Host && r.Name == only.Container
	})
}

// hosts returns the hosts of the tree that this pass is about, sorted.
func (o *Options) hosts(t *spec.Tree) []*spec.Host {
	names := make([]string, 0, len(t.Hosts))
	for name := range t.Hosts {
		if o.WantsHost(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	hosts := make([]*spec.Host, len(names))
	for i, name := range names {
		hosts[i] = t.Hosts[name]
	}
	return hosts
}

// WantsHost reports whether Hosts and Only let a pass work on a host.
func (o *Options) WantsHost(name string) bool {
	if len(o.Hosts) > 0 && !slices.Contains(o.Hosts, name) {
		return false
	}
	return len(o.Only) == 0 ||
		slices.ContainsFunc(o.Only, func(t Target) bool { return t.Host == name })
}

func (o *Options) wantsContainer(host, name string) bool {
	return slices.ContainsFunc(o.Only, func(t Target) bool {
		return t.Host == host && (t.Container == "" || t.Container == name)
	})
}

func resolveInput(t *spec.Tree, f *fleet, s state.Snapshot) resolve.Input {
	in := resolve.Input{Tree: t, Hosts: f.names(), State: s, Observed: f.actual}
	if len(f.others) > 0 {
		in.Observed = maps.Clone(f.others)
		maps.Copy(in.Observed, f.actual)
	}
	return in
}

// planInput gathers what Compute must know.
func (o *Options) planInput(
	t *spec.Tree, f *fleet, s state.Snapshot, r resolve.Result,
) plan.Input {
	in := plan.Input{
		Installation: s.Installation,
		Unreachable:  f.unreachable,
		Allow:        o.Allow,
		Warnings:     t.Warnings,
	}
	for _, g := range t.Groups {
		in.Groups = append(in.Groups, *g)
	}
	if len(o.Only) > 0 {
		in.Only = o.wantsContainer
	}
	owned := ownedByHost(s.Records)
	for _, name := range f.names() {
		in.Hosts = append(in.Hosts, plan.HostInput{
			Host:     name,
			Desired:  r.Desired[name],
			Owned:    owned[name],
			Actual:   f.actual[name],
			Problems: r.Problems[name],
			Facts:    f.able[name].facts,
			Prepare:  o.preparing(t.Hosts[name], f.able[name].changes),
		})
	}
	return in
}

func ownedByHost(records []state.Record) map[string][]plan.Owned {
	owned := make(map[string][]plan.Owned)
	for i := range records {
		r := &records[i]
		own := plan.Owned{
			UID: r.UID, Host: r.Host, Name: r.Name, Template: r.Template,
			Protect: r.Protect, Applied: r.Applied, Intent: r.Intent,
		}
		if r.Failure != interrupted {
			own.Failure = r.Failure
		}
		owned[r.Host] = append(owned[r.Host], own)
	}
	return owned
}

func holderText(h state.Holder) string {
	return fmt.Sprintf("%s (pid %d, %s) since %s", h.Who, h.PID, h.Command,
		h.Since.Format(time.RFC3339))
}
