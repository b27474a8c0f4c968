package loop

import (
	"time"

	"reconciler/reconcile"
)

// look is one try to see a host: to connect to it, lock it and observe it.
type look struct {
	began time.Time         // of the real clock; the mutex of hosts guards it
	busy  map[target]string // what was worked on there when it began, by pass
	taken chan struct{}     // closed when a pass has taken what was seen

	done      chan struct{} // closed when it has ended: from then on the rest holds
	connected time.Time     // of the real clock
	visit     reconcile.Visit
	failure   error
}

func (h *hosts) newLook(host string) *look {
	return &look{began: time.Now(), busy: h.o.busy(host), done: make(chan struct{}),
		taken: make(chan struct{})}
}

func (l *look) hasEnded() bool { return isClosed(l.done) }

// hasFailed reports whether it has ended and did not see the host.
func (l *look) hasFailed() bool { return l.hasEnded() && l.failure != nil }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
