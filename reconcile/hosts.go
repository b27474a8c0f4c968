package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// fleet is the connected hosts of one pass.
type fleet struct {
	hosts       map[string]Host
	actual      map[string]plan.Actual
	able        map[string]ability // of those that were asked
	unreachable []plan.Unreachable // sorted by host
	visits      []Visit

	others map[string]plan.Actual // how the hosts of earlier rounds were left
}

// names returns the hosts that were observed, sorted.
func (f *fleet) names() []string {
	return slices.Sorted(maps.Keys(f.actual))
}

// executors returns the hosts as the executor wants them, each with its limits and retries: those
// that take batches have their own.
func (f *fleet) executors(tries int) map[string]execute.Host {
	hosts := make(map[string]execute.Host, len(f.hosts))
	for name, h := range f.hosts {
		if _, ok := h.(execute.Batcher); ok {
			hosts[name] = h
			continue
		}
		hosts[name] = execute.Retry(execute.Timeout(h), execute.RetryOptions{Tries: tries})
	}
	return hosts
}

// leave stores how the hosts are left, for later rounds too.
func (f *fleet) leave(ctx context.Context, o *Options, actual map[string]plan.Actual) {
	o.keep(ctx, actual)
	maps.Copy(f.others, actual)
}

// close gives the locks back and ends the connections, in parallel: a dead one takes seconds.
func (f *fleet) close(o *Options) {
	var wg sync.WaitGroup
	for _, v := range f.visits {
		wg.Go(func() { o.end(v) })
	}
	wg.Wait()
}

// arrivals are the hosts of a pass, as they answer.
type arrivals struct {
	o       *Options
	waiting int           // hosts that have not answered
	seen    chan sighting // of each of them

	left map[string]plan.Actual // how those were left that others are done with
}

// sighting is what one host answers.
type sighting struct {
	host string
	sight
}

// visitAll connects to all hosts in parallel, locks them if asked, and looks at them.
func (o *Options) visitAll(ctx context.Context, hosts []*spec.Host, in observeMode) *arrivals {
	a := &arrivals{o: o, waiting: len(hosts), seen: make(chan sighting, len(hosts)),
		left: map[string]plan.Actual{}}
	limit := o.hostLimit()
	for _, h := range hosts {
		go func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			a.seen <- sighting{h.Name, look(ctx, o, h, in)}
		}()
	}
	return a
}

// next returns the hosts that have answered: all of them, or with a patience, when that is over,
// at least one that can be worked on. A host that failed in any of this is unreachable.
func (a *arrivals) next(patience time.Duration) *fleet {
	f := &fleet{hosts: map[string]Host{}, actual: map[string]plan.Actual{},
		able: map[string]ability{}, others: a.left}
	var over <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	for late := false; a.waiting > 0 && !(late && len(f.actual) > 0); {
		select {
		case s := <-a.seen:
			a.waiting--
			f.add(s.host, s.sight)
		case <-over:
			late = true
		}
	}
	slices.SortFunc(f.unreachable, func(a, b plan.Unreachable) int {
		return cmp.Compare(a.Host, b.Host)
	})
	return f
}

// end leaves the hosts that nobody has waited for, which takes until they have answered.
func (a *arrivals) end() { a.next(0).close(a.o) }

// hostLimit returns a channel that bounds how many hosts are looked at at once: whoever has sent an
// element to it may look at one.
func (o *Options) hostLimit() chan struct{} {
	const most = 32
	return make(chan struct{}, cmp.Or(o.ParallelHosts, most))
}

// observeMode is what observe needs to know of the pass.
type observeMode struct {
	installation string
	tree         *spec.Tree
	made         map[string]int // by host: recorded containers that were made
	lock         bool           // the pass is going to write
}

// modeOf gathers it from the tree and the state.
func modeOf(t *spec.Tree, s state.Snapshot, lock bool) observeMode {
	m := observeMode{installation: s.Installation, tree: t, made: map[string]int{}, lock: lock}
	for i := range s.Records {
		if r := &s.Records[i]; !r.Template && wasMade(r) {
			m.made[r.Host]++
		}
	}
	return m
}

// wasMade reports whether a container is known to have been on its host: it was made as declared,
// or an action was begun or failed that only one gets which is there.
func wasMade(r *state.Record) bool {
	return plan.CarriedOut(r.Applied) || r.Intent != "" && !makesAnew(r.Intent)
}

// sight is what look brings back from one host.
type sight struct {
	Visit
	err error
}

func (f *fleet) add(name string, s sight) {
	if s.End != nil {
		f.visits = append(f.visits, s.Visit)
	}
	if s.err != nil {
		f.unreachable = append(f.unreachable, plan.Unreachable{Host: name, Text: s.err.Error(),
			InUse: errors.Is(s.err, execute.ErrHostInUse)})
		return
	}
	f.hosts[name], f.actual[name], f.able[name] = s.Host, s.Actual, s.ability
}

func look(ctx context.Context, o *Options, h *spec.Host, in observeMode) (s sight) {
	if s.Visit, s.err = o.visit(ctx, h, in); s.err != nil {
		return s
	}
	n := in.made[h.Name]
	if n == 0 {
		return s
	}
	if !s.Actual.Known {
		s.err = fmt.Errorf("none of the %d recorded containers is in %s, nor is any trace that one "+
			"ever was: is its disk mounted? If they are lost, say so with: "+
			"mkdir -m 700 -p %[2]s/.reconciler && touch %[2]s/.reconciler/known", n, h.LXCPath)
	} else if other := in.hostOf(s.Actual); other != "" && other != h.Name {
		s.err = fmt.Errorf("it has containers of host %q and none of the %d recorded ones of its own: "+
			"does its address lead to that host?", other, n)
	}
	return s
}

// hostOf returns the host of the tree that the marks of the containers name: the one that was
// looked at if any mark names it, and none if no mark names a host.
func (in observeMode) hostOf(a plan.Actual) (host string) {
	for i := range a.Containers {
		m := a.Containers[i].Mark
		if m == nil || m.Installation != in.installation || in.tree.Hosts[m.Host] == nil {
			continue
		}
		if host = m.Host; host == a.Host {
			return host
		}
	}
	return host
}
