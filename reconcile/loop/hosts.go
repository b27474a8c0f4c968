package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/spec"
	"reconciler/state"
)

// hosts keeps the hosts connected, looks at them, and shares their locks among the passes of this
// process: while one pass waits for a slow container, the next ones work beside it.
//
// A host that fails, or does not answer in time, is tried on by a goroutine of its own: no pass
// waits for it until it answers. It is never asked twice at once.
type hosts struct {
	o     hostsOptions
	store sharedLock
	slots chan struct{} // of hosts that are tried again

	mu      sync.Mutex
	known   map[string]*machine // by name
	running sync.WaitGroup      // goroutines
}

// hostsOptions are what hosts work with.
type hostsOptions struct {
	pass     reconcile.Options // Dial, Look and Now
	backoff  Backoff
	patience time.Duration
	answers  func()                              // a host that was left out can be visited
	busy     func(host string) map[target]string // what is worked on there now, by pass
}

// machine is what is known of one host. The mutex of hosts guards it.
type machine struct {
	key     hostKey
	conn    *sharedHost // nil: it is not connected
	broken  bool        // conn failed when it was last used
	look    *look       // the last, unless a pass has taken it
	trusted bool        // it answered in time when it was last asked: passes wait for it
	failed  int         // looks in a row
	failure error       // why the last of them did
	retry   time.Time   // when the next one is

	again chan struct{}      // has an element if the next look shall begin at once
	stop  context.CancelFunc // ends the goroutine that looks; nil: there is none
}

// hostKey is what a connection depends on.
type hostKey struct {
	connect, lxcpath, agent, installation string
	gateway                               spec.SSHGateway
}

func keyOf(h *spec.Host, installation string) hostKey {
	key := hostKey{connect: h.Connect, lxcpath: h.LXCPath, agent: h.Agent, installation: installation}
	if h.Gateway != nil {
		key.gateway = *h.Gateway
	}
	return key
}

func newHosts(o hostsOptions) *hosts {
	const mostTriedAgain = 32
	return &hosts{o: o, known: map[string]*machine{}, slots: make(chan struct{}, mostTriedAgain)}
}

// visit implements reconcile.Options.Visit. It waits at most for as long as a pass has patience,
// and only for a host that has answered in time when it was last asked.
func (h *hosts) visit(
	ctx context.Context, declared *spec.Host, installation string,
) (reconcile.Visit, error) {
	l, wait, err := h.ask(ctx, declared, installation)
	if err != nil {
		return reconcile.Visit{}, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	return h.take(declared, l)
}

// ask returns a look that is ready, or that a pass may wait for, and how long it may.
func (h *hosts) ask(
	ctx context.Context, declared *spec.Host, installation string,
) (*look, time.Duration, error) {
	next := h.newLook(declared.Name)
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.machine(declared, installation)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case m.stop == nil:
		m.look = next
		h.begin(ctx, m, declared, installation)
	case m.look.hasFailed() && !m.retry.After(h.o.pass.Now()):
		m.look = next
		m.hurry()
	}
	if !m.trusted {
		return m.look, 0, nil
	}
	return m.look, h.o.patience - time.Since(m.look.began), nil
}

// machine returns what is known of a host as it is declared now. h.mu is held.
func (h *hosts) machine(declared *spec.Host, installation string) (*machine, error) {
	key := keyOf(declared, installation)
	m := h.known[declared.Name]
	if m != nil && m.key == key {
		return m, nil
	}
	if m != nil && m.stop != nil {
		m.stop()
		return nil, errors.New("it is still being asked as it was declared before")
	}
	if m != nil && !h.leave(m) {
		return nil, errors.New("it is still being worked on over an older connection")
	}
	m = &machine{key: key, trusted: true, again: make(chan struct{}, 1)}
	h.known[declared.Name] = m
	return m, nil
}

// take gives a look that has ended to a pass. One that has not is waited for no more.
func (h *hosts) take(declared *spec.Host, l *look) (reconcile.Visit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.known[declared.Name]
	switch {
	case l.hasFailed(): // also if the next try has begun since
		return reconcile.Visit{}, l.failure
	case m == nil || m.look != l:
		return reconcile.Visit{}, errors.New("it has just been left")
	case !l.hasEnded():
		m.trusted = false
		return reconcile.Visit{}, m.silent(h.o.patience)
	case !l.visit.Suits(declared):
		m.stop()
		return reconcile.Visit{}, errors.New("it answers, and is asked for more that is declared now")
	}
	m.look, m.stop = nil, nil
	close(l.taken)
	return l.visit, nil
}

// hurry makes the next look begin at once.
func (m *machine) hurry() {
	select {
	case m.again <- struct{}{}:
	default:
	}
}

// silent says that a host is being looked at, or what is known of it. The error is the same
// for as long as nothing new is known.
func (m *machine) silent(patience time.Duration) error {
	if m.failure != nil {
		return m.failure
	}
	perhaps := ""
	if m.conn != nil {
		perhaps = "; another run may work on it"
	}
	return fmt.Errorf("it has not answered within %s, since %s%s", patience,
		m.look.began.UTC().Format(time.DateTime+" UTC"), perhaps)
}

// busy returns what was worked on when the hosts began to show what passes may take now: what is
// finished since may look half done.
func (h *hosts) busy() map[target]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := map[target]string{}
	for _, m := range h.known {
		if m.look != nil && !m.look.hasFailed() {
			maps.Copy(busy, m.look.busy)
		}
	}
	return busy
}

// forget lets everything be tried again at once, and waited for: a person asked for it. What is
// being tried goes on.
func (h *hosts) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.known {
		if m.look == nil || m.look.hasEnded() {
			m.trusted, m.failed, m.retry = true, 0, time.Time{}
		}
	}
}

// tries returns what is known of a host that does not answer: how often it was tried in a row, why
// the last try failed, and when the next one is; zero if it is going on. It reports false for
// others.
func (h *hosts) tries(host string) (x Unknown, silent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.known[host]
	if m == nil || m.look == nil || m.look.hasEnded() && m.look.failure == nil {
		return x, false
	}
	x = Unknown{Host: host, Tries: m.failed, Retry: m.retry}
	why := m.failure
	if !m.look.hasEnded() {
		x.Tries, x.Retry, why = m.failed+1, time.Time{}, m.silent(h.o.patience)
	}
	x.Text, x.InUse = why.Error(), errors.Is(why, execute.ErrHostInUse)
	return x, true
}

// keep ends what there is with hosts that are not declared.
func (h *hosts) keep(t *spec.Tree) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, m := range h.known {
		if t.Hosts[name] == nil && h.leave(m) {
			delete(h.known, name)
		}
	}
}

// leave ends what there is with a host. It reports false if somebody still looks at it or works on
// it. h.mu is held.
func (h *hosts) leave(m *machine) bool {
	if m.stop != nil {
		m.stop()
		return false
	}
	if m.conn != nil {
		if m.conn.lock.held() {
			return false
		}
		h.running.Go(m.conn.close) // which takes seconds where nobody answers
		m.conn = nil
	}
	return true
}

// close ends all connections. It waits for a while for those that do not end.
func (h *hosts) close(log *slog.Logger) {
	h.each(func(_ string, m *machine) { h.leave(m) })
	h.wait()
	h.each(func(name string, m *machine) {
		if !h.leave(m) {
			log.Error("a host is still being looked at or worked on", "host", name)
		}
	})
	h.wait()
}

func (h *hosts) each(do func(name string, m *machine)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, m := range h.known {
		do(name, m)
	}
}

// wait waits for the goroutines, but not for ever.
func (h *hosts) wait() {
	const limit = 10 * time.Second
	ended := make(chan struct{})
	go func() {
		h.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(limit):
	}
}

// sharing returns the store with its lock shared.
func (h *hosts) sharing(s state.Store) state.Store { return sharedStore{s, &h.store} }
