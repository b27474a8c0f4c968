package loop

import (
	"context"
	"maps"

	"reconciler/reconcile/plan"
)

// deathWatcher is a host that tells when containers end.
type deathWatcher interface {
	// Deaths calls died with the name of each container whose init process ends, until ctx ends.
	Deaths(ctx context.Context, running map[string]int, died func(container string)) error
}

// watch is a running call of Deaths.
type watch struct {
	running map[string]int // init process by container
	cancel  context.CancelFunc
	ended   <-chan struct{}
}

// watch follows the containers that a pass has seen running.
func (l *Loop) watch(ctx context.Context, r Report) {
	for host, actual := range r.Pass.Observed {
		watcher, ok := l.hosts.watcher(host)
		if !ok {
			continue
		}
		running := pids(actual)
		l.mu.Lock()
		old := l.watches[host]
		if same := old.cancel != nil && maps.Equal(old.running, running); !same {
			if old.cancel != nil {
				old.cancel()
			}
			l.watches[host] = l.follow(ctx, host, watcher, running)
		}
		l.mu.Unlock()
	}
}

// follow starts to watch. l.mu is held.
func (l *Loop) follow(
	ctx context.Context, host string, w deathWatcher, running map[string]int,
) watch {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := w.Deaths(ctx, running, func(container string) {
			l.o.Log.Info("container ended", "host", host, "container", container)
			l.Wake("a container ended")
		})
		if err != nil && ctx.Err() == nil {
			l.o.Log.Warn("cannot watch for containers that end", "host", host, "error", err)
		}
	}()
	return watch{running: running, cancel: cancel, ended: ended}
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
	s := h.known[name]
	if s == nil {
		return nil, false
	}
	w, ok := s.Host.(deathWatcher)
	return w, ok
}
