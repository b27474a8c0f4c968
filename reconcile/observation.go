package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"reconciler/reconcile/plan"
	"reconciler/state"
)

// seenHost is what is stored of a host: everything that a plan depends on.
type seenHost struct {
	Host       string          `json:"host"`
	Bridges    []string        `json:"bridges,omitempty"`
	Others     []string        `json:"others,omitempty"`
	Known      bool            `json:"known,omitempty"`
	Missing    string          `json:"missing,omitempty"`
	Containers []seenContainer `json:"containers,omitempty"`
}

// seenContainer also tells whether the raw settings that really hold are known: JSON has the same
// text for none and for not known.
type seenContainer struct {
	plan.Observed
	LiveRawKnown bool `json:"live_raw_known,omitempty"`
}

// seen returns an observation without what changes although nobody changes anything.
func seen(a plan.Actual) seenHost {
	s := seenHost{Host: a.Host, Bridges: a.Bridges, Others: a.Others, Known: a.Known,
		Missing: a.Missing}
	for _, o := range a.Containers {
		o.PID = 0
		o.Addresses = lasting(o.Addresses)
		s.Containers = append(s.Containers, seenContainer{o, o.Live != nil && o.Live.Raw != nil})
	}
	return s
}

// lasting returns the addresses that somebody assigned, sorted. Those of IPv6, which no tree can
// declare, come and go by themselves and are left out.
func lasting(addresses []string) []string {
	kept := slices.DeleteFunc(slices.Clone(addresses), func(text string) bool {
		a, err := netip.ParseAddr(text)
		return err != nil || !a.Is4() || a.IsLoopback() || a.IsLinkLocalUnicast()
	})
	slices.Sort(kept)
	return slices.Clip(kept)
}

// actual is the reverse of seen.
func (s seenHost) actual() plan.Actual {
	a := plan.Actual{Host: s.Host, Bridges: s.Bridges, Others: s.Others, Known: s.Known,
		Missing: s.Missing}
	for _, c := range s.Containers {
		if c.LiveRawKnown && c.Live != nil && c.Live.Raw == nil {
			c.Live.Raw = map[string][]string{}
		}
		a.Containers = append(a.Containers, c.Observed)
	}
	return a
}

// decodeSeen reads what keep stored of a host.
func decodeSeen(host string, content []byte) (plan.Actual, error) {
	var s seenHost
	if err := json.Unmarshal(content, &s); err != nil {
		return plan.Actual{}, fmt.Errorf("cannot read the stored observation of host %q: %w",
			host, err)
	}
	return s.actual(), nil
}

// keep stores what hosts have, unless that is stored already. Nothing is decided from it, so that
// a failure is only told.
func (o *Options) keep(ctx context.Context, actual map[string]plan.Actual) {
	batch := state.Batch{Observed: make(map[string]state.Observation, len(actual))}
	at := o.now().UTC()
	for host, a := range actual {
		content, err := json.Marshal(seen(a))
		if err != nil {
			o.Log.Warn("cannot encode what was observed", "host", host, "error", err)
			continue
		}
		batch.Observed[host] = state.Observation{At: at, Content: content}
	}
	if len(batch.Observed) == 0 {
		return
	}
	if _, err := o.Store.Apply(context.WithoutCancel(ctx), batch); err != nil {
		o.Log.Warn("cannot store what was observed", "error", err)
	}
}

// after returns the observations as they are after the steps: hosts that were worked on are looked
// at once more, unless the next pass does that. One that is not seen again is left out.
func (o *Options) after(
	ctx context.Context, f *fleet, steps []plan.Step,
) map[string]plan.Actual {
	actual := maps.Clone(f.actual)
	touched := map[string]bool{}
	for i := range steps {
		if touchesHost(steps[i].Action) {
			touched[steps[i].Host] = true
			delete(actual, steps[i].Host)
		}
	}
	if o.Followed {
		return actual
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	limit := o.hostLimit()
	for name := range touched {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if a, err := observeOne(ctx, f.hosts[name]); err == nil {
				mu.Lock()
				defer mu.Unlock()
				actual[name] = a
			}
		})
	}
	wg.Wait()
	return actual
}
