package execute

import (
	"context"
	"slices"
	"sync"

	"reconciler/reconcile/plan"
)

// Options are what Run works with.
type Options struct {
	// Parallel is required: how many containers are worked on at once, on each Batcher and over all
	// other hosts together; below 1 counts as 1.
	Parallel int
	Hosts    map[string]Host        // required: by name; Batchers, or behind Retry and Timeout
	Tries    int                    // optional: of each step on a Batcher; default as that of Retry
	Prepare  map[string]Preparation // optional: by host, what comes before its first step
	Secrets  SecretSource           // required if there is a password step
	Journal  Journal                // optional
	Observer Observer               // optional
	// Rollouts is optional: in what order the hosts get the steps that name a rollout.
	Rollouts []plan.Rollout
	// Held is optional. It is asked before hosts of a rollout begin, which may be long after the
	// plan was made, and says why a container must be left alone now; empty if it need not be. A
	// host with such a container gets no turn.
	Held func(ctx context.Context) func(host, container string) (why string)
}

// SecretSource gives a step what the plan does not say.
type SecretSource interface {
	// Secrets is called before each password step, from several goroutines at once; for a Batcher
	// before its first step.
	Secrets(ctx context.Context, step plan.Step) (Secrets, error)
}

// Journal makes durable what became of a container.
type Journal interface {
	// Finished is called once for each container of which a step was begun, after its last step
	// ended, also when one failed. Calls for different containers overlap. The context does not
	// end with that of Run. An error makes the outcome failed, and all that need it are skipped.
	Finished(ctx context.Context, o Outcome) error
}

// maxBatches is how many Batchers are at work at once.
const maxBatches = 32

// Run carries out the steps and returns what became of each of them, after the last one ended.
// Steps of one container run in the given order up to the first failure. A container begins when
// all containers of its host that any of its steps needs have finished; it is skipped if one of
// them failed, or if they need each other in a circle. A needed container without steps counts as
// done. A Batcher gets all its steps in one batch; if it is lost in the middle, the finished steps
// stand, the running ones fail and the rest is skipped.
//
// A host that is to be prepared is so before the first of its steps begins, also if it has none.
// If that fails all its steps are skipped.
//
// Steps that name one of Rollouts, and what needs them, wait for the turn of their host, which
// comes as plan.Rollout says. The other steps of such a host are carried out before, at once.
//
// While the Journal records what became of a container, the next one is begun; at most as many
// containers wait to be recorded as are worked on at once. When ctx ends no new step begins. Steps
// get a context that does not end with ctx, so a running step finishes. A panic fails only its
// container. Note and forget steps reach no host: they are for the Journal.
func Run(ctx context.Context, steps []plan.Step, o Options) Result {
	units := group(steps)
	w := worker{options: o, watch: &watch{observer: o.Observer}, gates: newGates(o.Prepare),
		slots: make(chan struct{}, max(o.Parallel, 1)), batches: make(chan struct{}, maxBatches)}
	turns := takeTurns(units, o.Rollouts)
	shared, alone := split(units, o.Hosts, turns)
	var all sync.WaitGroup
	all.Go(func() { w.pool(ctx, shared) })
	for host, units := range alone {
		all.Go(func() {
			w.host(ctx, host, units)
			if t := turns[host]; t != nil {
				close(t.ready)
			}
		})
	}
	for _, r := range o.Rollouts {
		all.Go(func() { w.rollOut(ctx, r, turns) })
	}
	if len(w.gates) > 0 {
		all.Go(func() { w.idle(ctx, steps) })
	}
	all.Wait()
	for _, t := range turns {
		t.skip("no rollout has its host")
	}
	r := collect(units)
	w.prepared(ctx, &r)
	r.sort()
	return r
}

// split returns, by host, the units of the hosts that are worked on alone (a Batcher with something
// to do, or a host that gets a turn later), and the units of all other hosts together. Units that
// wait for a turn are in neither.
func split(
	units []*unit, hosts map[string]Host, turns map[string]*turn,
) (shared []*unit, alone map[string][]*unit) {
	alone = make(map[string][]*unit, len(hosts))
	for host := range turns {
		alone[host] = nil
	}
	for _, u := range units {
		if h := u.outcome.Host; isBatcher(hosts[h]) && u.reachesHost() {
			alone[h] = nil
		}
	}
	for _, u := range units {
		if u.inTurn {
			continue
		}
		if mine, ok := alone[u.outcome.Host]; ok {
			alone[u.outcome.Host] = append(mine, u)
		} else {
			shared = append(shared, u)
		}
	}
	return shared, alone
}

func isBatcher(h Host) bool {
	_, ok := h.(Batcher)
	return ok
}

// host carries out units of one host, all of those that may be worked on now.
func (w worker) host(ctx context.Context, host string, units []*unit) {
	if isBatcher(w.options.Hosts[host]) && slices.ContainsFunc(units, (*unit).reachesHost) {
		w.batches <- struct{}{}
		defer func() { <-w.batches }()
		w.batch(ctx, host, units)
		return
	}
	w.pool(ctx, units)
}

// pool carries out units with a number of workers. All pools share what may be done at once.
func (w worker) pool(ctx context.Context, units []*unit) {
	work, worked, finished := make(chan *unit), make(chan *unit), make(chan *unit)
	var workers, recorders sync.WaitGroup
	for range min(cap(w.slots), len(units)) {
		workers.Go(func() {
			for u := range work {
				w.slots <- struct{}{}
				w.steps(ctx, u)
				<-w.slots
				worked <- u
			}
		})
		// Recording has goroutines of its own, so that the disk does not keep the next container
		// waiting.
		recorders.Go(func() {
			for u := range worked {
				w.finish(ctx, u)
				finished <- u
			}
		})
	}
	dispatch(ctx, units, work, finished)
	close(work)
	workers.Wait()
	close(worked)
	recorders.Wait()
}

// dispatch hands out every unit whose needs are met and returns when no unit is left. It alone
// changes the graph, so the graph needs no lock.
func dispatch(ctx context.Context, units []*unit, work chan<- *unit, finished <-chan *unit) {
	ready := breakCircles(units)
	cancelled := ctx.Done()
	for running := 0; running > 0 || len(ready) > 0; {
		var out chan<- *unit
		var next *unit
		if len(ready) > 0 {
			out, next = work, ready[0]
		}
		select {
		case <-cancelled:
			interrupt(units)
			cancelled, ready = nil, nil
		case out <- next:
			next.begun = true
			ready = ready[1:]
			running++
		case u := <-finished:
			running--
			ready = append(ready, u.release()...)
		}
	}
}

// interrupt skips every unit that was not handed out.
func interrupt(units []*unit) {
	for _, u := range units {
		if !u.begun && !u.settled() {
			u.interrupt()
		}
	}
}

func collect(units []*unit) Result {
	r := Result{Outcomes: make([]Outcome, len(units))}
	for i, u := range units {
		r.Outcomes[i] = u.outcome
		r.Interrupted = r.Interrupted || u.interrupted
	}
	return r
}
