package loop

import (
	"context"
	"sync"
	"time"

	"reconciler/reconcile"
	"reconciler/spec"
)

// pursuit looks at one host again and again until it answers.
type pursuit struct {
	hosts        *hosts
	m            *machine
	host         *spec.Host // as it was declared when somebody asked first
	installation string
}

// begin looks at a host until a pass takes what was seen, or m.stop is called. h.mu is held.
func (h *hosts) begin(
	ctx context.Context, m *machine, declared *spec.Host, installation string,
) {
	// The pass that asks may end before the host answers.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	first := m.look
	p := &pursuit{hosts: h, m: m, host: declared, installation: installation}
	h.running.Go(func() {
		defer stop()
		p.run(ctx, first)
	})
}

func (p *pursuit) run(ctx context.Context, l *look) {
	release := func() {}
	for {
		l.visit, l.failure = p.try(ctx, l)
		release()
		wait, answered := p.settle(ctx, l)
		if answered {
			p.offer(ctx, l)
			return
		}
		if l = p.next(ctx, l, wait); l == nil {
			return
		}
		release = p.slot(ctx, l)
	}
}

// try connects to the host and looks at it.
func (p *pursuit) try(ctx context.Context, l *look) (reconcile.Visit, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return reconcile.Visit{}, err
	}
	l.connected = time.Now()
	return p.hosts.o.pass.Look(ctx, p.host, conn.Host, conn.Lock)
}

// spendable is a host whose connection may become useless before it ends.
type spendable interface {
	Spent() bool // another connection must be made to look again
}

// connect returns the connection. It is made anew if it failed the last time or is spent, unless
// somebody works over it: what failed once need not fail again.
func (p *pursuit) connect(ctx context.Context) (*sharedHost, error) {
	p.hosts.mu.Lock()
	old := p.m.conn
	keep := old != nil && (old.lock.held() || !p.m.broken && !old.spent())
	if !keep {
		p.m.conn = nil
	}
	p.hosts.mu.Unlock()
	if keep {
		return old, nil
	}
	if old != nil {
		old.close()
	}
	inner, err := p.hosts.o.pass.Dial(ctx, p.host, p.installation)
	if err != nil {
		return nil, err
	}
	p.hosts.mu.Lock()
	defer p.hosts.mu.Unlock()
	p.m.conn = &sharedHost{Host: inner}
	return p.m.conn, nil
}

// settle takes the result of a look in. It returns when the next one is due, or reports that this
// one saw the host.
func (p *pursuit) settle(ctx context.Context, l *look) (wait time.Duration, answered bool) {
	h, m := p.hosts, p.m
	h.mu.Lock()
	waited := m.trusted
	m.broken = l.failure != nil
	if l.failure == nil {
		// Without the time to connect: that may take long, and is not done again.
		m.trusted = time.Since(l.connected) <= h.o.patience
		m.failed, m.failure = 0, nil
	} else if ctx.Err() == nil {
		m.failed++
		wait = h.o.backoff.after(m.failed)
		m.trusted, m.failure, m.retry = false, l.failure, h.o.pass.Now().Add(wait)
	}
	close(l.done)
	h.mu.Unlock()
	if l.failure == nil && !waited {
		h.o.answers()
	}
	return wait, l.failure == nil
}

// offer waits until a pass takes what was seen. What nobody wants soon is given up, and with it the
// lock: another program may wait for it, and what was seen grows old.
func (p *pursuit) offer(ctx context.Context, l *look) {
	timer := time.NewTimer(2 * p.hosts.o.patience)
	defer timer.Stop()
	select {
	case <-l.taken:
	case <-timer.C:
		p.abandon(l)
	case <-ctx.Done():
		p.abandon(l)
		p.hosts.o.answers() // it may be declared otherwise now
	}
}

// abandon ends the pursuit with a look that no pass has taken, unless one just has.
func (p *pursuit) abandon(l *look) {
	h := p.hosts
	h.mu.Lock()
	taken := isClosed(l.taken)
	if !taken {
		p.m.look, p.m.stop = nil, nil
	}
	h.mu.Unlock()
	if !taken && l.failure == nil {
		if err := l.visit.End(); err != nil {
			h.o.pass.Log.Error("cannot leave a host", "host", p.host.Name, "error", err)
		}
	}
}

// next waits until the host is to be tried again. It returns nil if that is never.
func (p *pursuit) next(ctx context.Context, failed *look, wait time.Duration) *look {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.m.again:
	case <-ctx.Done():
		p.abandon(failed)
		p.hosts.o.answers() // it may be declared otherwise now
		return nil
	}
	l := p.hosts.newLook(p.host.Name)
	p.hosts.mu.Lock()
	defer p.hosts.mu.Unlock()
	if p.m.look != failed {
		l = p.m.look // a pass waits for it
	}
	select {
	case <-p.m.again:
	default:
	}
	p.m.look = l
	return l
}

// slot waits until there is room for one more host among the few that are tried again at the same
// time, and lets the look begin then. A host that does not answer soon loses its place, so that it
// keeps no other from its turn.
func (p *pursuit) slot(ctx context.Context, l *look) (release func()) {
	h := p.hosts
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return func() {}
	}
	h.mu.Lock()
	l.began = time.Now()
	h.mu.Unlock()
	give := sync.OnceFunc(func() { <-h.slots })
	timer := time.AfterFunc(h.o.patience, give)
	return func() {
		timer.Stop()
		give()
	}
}
