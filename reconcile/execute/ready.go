package execute

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"reconciler/reconcile/plan"
)

// Preparation makes a host ready for its steps, and returns a sentence for each thing that it did,
// also with an error. It does not end with ctx, which is that of Run.
type Preparation func(ctx context.Context) (done []string, err error)

// HostOutcome is what became of the preparation of one host.
type HostOutcome struct {
	Host string
	Done []string      // a sentence for each thing that was done; empty: it was done already
	Err  error         // why the host is not ready; none of its steps was begun then
	Took time.Duration //
}

// gate keeps the steps of one host back until it is ready.
type gate struct {
	once        sync.Once
	prepare     Preparation
	outcome     HostOutcome
	interrupted bool // the context ended before it began
}

func newGates(preparations map[string]Preparation) map[string]*gate {
	gates := make(map[string]*gate, len(preparations))
	for host, p := range preparations {
		gates[host] = &gate{prepare: p, outcome: HostOutcome{Host: host}}
	}
	return gates
}

// ready prepares the host of a unit unless that was done, and reports whether its steps may begin.
// If not they are skipped.
func (w worker) ready(ctx context.Context, u *unit) bool {
	g := w.gates[u.outcome.Host]
	if g == nil {
		return true
	}
	g.open(ctx)
	switch {
	case g.interrupted:
		u.interrupt()
	case g.outcome.Err != nil:
		u.skipRest("not begun: its host could not be prepared")
	default:
		return true
	}
	return false
}

// open prepares the host at the first call; others wait for it.
func (g *gate) open(ctx context.Context) {
	g.once.Do(func() {
		if g.interrupted = ctx.Err() != nil; g.interrupted {
			return
		}
		begun := time.Now()
		err := contain(func() (err error) {
			g.outcome.Done, err = g.prepare(ctx)
			return err
		})
		if err != nil {
			err = fmt.Errorf("cannot prepare host %q: %w", g.outcome.Host, err)
		}
		g.outcome.Err, g.outcome.Took = err, time.Since(begun)
	})
}

// idle prepares the hosts that have no steps.
func (w worker) idle(ctx context.Context, steps []plan.Step) {
	rest := maps.Clone(w.gates)
	for i := range steps {
		delete(rest, steps[i].Host)
	}
	slots := make(chan struct{}, maxBatches)
	var all sync.WaitGroup
	for _, g := range rest {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			g.open(ctx)
		})
	}
	all.Wait()
}

// prepared adds to a result what became of the hosts. One whose steps were all given up before
// it was asked for was not prepared.
func (w worker) prepared(ctx context.Context, r *Result) {
	for _, g := range w.gates {
		if g.once.Do(func() { g.interrupted = true }); g.interrupted {
			r.Interrupted = r.Interrupted || ctx.Err() != nil
			continue
		}
		r.Hosts = append(r.Hosts, g.outcome)
	}
}
