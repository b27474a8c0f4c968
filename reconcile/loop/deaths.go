package loop

import (
	"context"
	"maps"
	"time"

	"reconciler/reconcile/plan"
)

// deathWatcher is a host that tells when containers end.
type deathWatcher interface {
	// Deaths calls died with the name of each container whose init process ends, until ctx ends.
	Deaths(ctx context.Context, running map[string]int, died func(container string)) error
}

// watch is a running call of Deaths.
type watch struct {
	looked  time.Time      // when the pass began that saw them
	running map[string]int // init process by container
	cancel  context.CancelFunc
	ended   <-chan struct{}
}

// watch follows the containers that a pass has seen running, and leaves hosts alone that are no
// longer declared. A host that cannot be seen now is followed as before.
func (l *Loop) watch(ctx context.Context, r Report) {
	if r.Pass.Tree != nil {
		l.leave(r)
	}
	for host, actual := range r.Pass.Observed {
		watcher, ok := l.hosts.watcher(host)
		if !ok {
			continue
		}
		running := pids(actual)
		l.mu.Lock()
		old := l.watches[host]
		// A pass that ends late may have looked before the one that ended first.
		if !r.looked.Before(old.looked) {
			old.looked = r.looked
			l.watches[host] = l.refollow(ctx, old, follower{host, watcher, running})
		}
		l.mu.Unlock()
	}
}

// leave ends what there is with hosts that are not declared.
func (l *Loop) leave(r Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.looked.Before(l.status.looked) {
		return // its tree may be older than the one that holds
	}
	t := r.Pass.Tree
	for host, w := range l.watches {
		if t.Hosts[host] == nil {
			w.cancel()
			delete(l.watches, host)
		}
	}
	l.hosts.keep(t)
}

// hasEnded reports whether nobody watches any more, because a connection was lost perhaps.
func (w watch) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// follower says whom to follow.
type follower struct {
	host    string
	watcher deathWatcher
	running map[string]int
}

// refollow follows other processes than before, or goes on if they are the same. l.mu is held.
func (l *Loop) refollow(ctx context.Context, old watch, f follower) watch {
	if old.cancel != nil && maps.Equal(old.running, f.running) && !old.hasEnded() {
		return old
	}
	if old.cancel != nil {
		old.cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.follow(ctx, f)
	}()
	return watch{looked: old.looked, running: f.running, cancel: cancel, ended: ended}
}

// follow wakes the loop when one of the processes ends, until ctx does.
func (l *Loop) follow(ctx context.Context, f follower) {
	err := f.watcher.Deaths(ctx, f.running, func(container string) {
		l.o.Log.Info("container ended", "host", f.host, "container", container)
		l.ended(target{f.host, container})
	})
	if err != nil && ctx.Err() == nil {
		l.o.Log.Warn("cannot watch for containers that end", "host", f.host, "error", err)
	}
}

// ended is told that the init process of a container has ended.
func (l *Loop) ended(t target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[t] == "" { // else it may be ourselves who stop it
		l.flaps.died(t, l.o.Pass.Now())
	}
	l.wakeLocked(containerEnded)
}

// stopWatching ends all watches and waits for them.
func (l *Loop) stopWatching() {
	l.mu.Lock()
	watches := maps.Clone(l.watches)
	clear(l.watches)
	l.mu.Unlock()
	for _, w := range watches {
		w.cancel()
		<-w.ended
	}
}

func pids(a plan.Actual) map[string]int {
	running := map[string]int{}
	for _, o := range a.Containers {
		if o.PID > 0 {
			running[o.Name] = o.PID
		}
	}
	return running
}

// watcher returns a connected host that tells when containers end.
func (h *hosts) watcher(name string) (deathWatcher, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.known[name]
	if m == nil || m.conn == nil {
		return nil, false
	}
	w, ok := m.conn.Host.(deathWatcher)
	return w, ok
}
