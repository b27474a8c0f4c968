package web

import (
	"net/http"
	"time"
)

// stuckAfter is how long the loop may be silent. It beats every few seconds, but not while it
// reads the source and looks at the hosts, which takes as long as their timeouts.
const stuckAfter = 5 * time.Minute

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	seen := s.Watch.seen()
	if seen.IsZero() {
		seen = s.Loop.Status().Started
	}
	var reasons []string
	if time.Since(seen) > stuckAfter {
		reasons = append(reasons, "the loop has been stuck since "+seen.UTC().Format(time.RFC3339))
	}
	health(w, reasons)
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	now := s.Loop.Status()
	var reasons []string
	if now.Fetched.IsZero() {
		reasons = append(reasons, because("the source was not read yet", now.SourceError))
	}
	if now.Latest.Tree == nil {
		why := ""
		if now.Last.Err != nil {
			why = now.Last.Err.Error()
		}
		reasons = append(reasons, because("no pass has compared the hosts yet", why))
	}
	health(w, reasons)
}

func because(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + why
}

func health(w http.ResponseWriter, reasons []string) {
	if len(reasons) > 0 {
		answer(w, http.StatusServiceUnavailable, Health{Reasons: reasons})
		return
	}
	answer(w, http.StatusOK, Health{OK: true, Reasons: []string{}})
}
