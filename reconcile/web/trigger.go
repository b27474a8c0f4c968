package web

import (
	"net/http"
	"strconv"
	"time"

	"reconciler/reconcile/loop"
)

// trigger wakes the loop, and with ?wait=1 answers when the pass that this led to has ended.
func (s *server) trigger(w http.ResponseWriter, r *http.Request) {
	wait, err := strconv.ParseBool(r.URL.Query().Get("wait"))
	if err != nil && r.URL.Query().Has("wait") {
		refuse(w, http.StatusBadRequest, "wait must be 1 or 0")
		return
	}
	ended, done := s.Watch.wait()
	defer done()
	s.Loop.Wake(loop.Triggered)
	if !wait {
		answer(w, http.StatusAccepted, TriggerAnswer{FormatVersion: formatVersion})
		return
	}
	// A pass may take hours. Where a deadline cannot be lifted there is none.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
	select {
	case report := <-ended:
		pass := passOf(report)
		answer(w, http.StatusOK, TriggerAnswer{formatVersion, &pass})
	case <-r.Context().Done():
		refuse(w, http.StatusServiceUnavailable, "the daemon ends before the pass has ended")
	}
}
