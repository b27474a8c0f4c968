// Package web is how others talk to the daemon: HTTP on a TCP address, and on a socket of root.
//
// It promises that a request does no more than wake the loop, that a webhook without a valid
// signature does not even that, and that no request, however slow or large, holds up the loop or
// takes more than a fixed share of memory. It never shows what a plan hides. It has no TLS and,
// except for webhooks, no authentication: whoever can reach the address can read the status.
package web

import (
	"context"
	"log/slog"
	"net/http"

	"reconciler/reconcile/loop"
	"reconciler/state"
)

// Loop is the part of *loop.Loop that the handlers ask and wake.
type Loop interface {
	Status() loop.Status
	Wake(reason string)
}

var _ Loop = (*loop.Loop)(nil)

// Options are what the handlers answer from.
type Options struct {
	Loop    Loop         // required
	Watch   *Watch       // required: the Recorder and the Beat of the loop
	Metrics http.Handler // optional
	Secrets Secrets      // of webhooks; without one there are no webhooks

	// Memory returns what is suspended and the last passes, the newest first. Required.
	Memory func(context.Context) ([]state.Suspension, []state.Pass, error)

	Tool   string       // version of the program
	Source string       // where the tree comes from, without credentials
	Log    *slog.Logger // required
}

// server has the handlers.
type server struct {
	Options
	hooks *hooks
}

// Public returns the handler for a TCP address. It changes nothing, but webhooks wake the loop:
//
//	GET  /metrics         for Prometheus
//	GET  /healthz         200, or 503 if the loop is stuck: Health
//	GET  /readyz          200, or 503 until a pass has compared hosts: Health
//	GET  /api/v1/status   Status
//	GET  /api/v1/plan     report.PlanDocument of the last pass, 503 before
//	POST /hooks/git       202 if the loop was woken: HookAnswer
//
// What is not answered with 2xx is an Error, but for what does not exist.
func Public(o Options) http.Handler { return protect(routes(newServer(o))) }

// Control returns the handler for a socket that only root can use: that of Public, and
//
//	POST /api/v1/trigger  202, or with ?wait=1 200 after a pass: TriggerAnswer
//
// It must not be served on a TCP address, where everybody on the machine could use it.
func Control(o Options) http.Handler {
	s := newServer(o)
	mux := routes(s)
	mux.HandleFunc("POST /api/v1/trigger", s.trigger)
	return protect(mux)
}

func newServer(o Options) *server {
	return &server{o, newHooks(o.Secrets, o.Loop.Wake, o.Log)}
}

func routes(s *server) *http.ServeMux {
	mux := http.NewServeMux()
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /api/v1/status", s.status)
	mux.HandleFunc("GET /api/v1/plan", s.plan)
	mux.Handle("POST /hooks/git", s.hooks)
	return mux
}
