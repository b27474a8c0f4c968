package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/loop"
	"reconciler/spec"
)

// still is a loop with one status.
type still struct{ status loop.Status }

func (s still) Status() loop.Status { return s.status }
func (s still) Wake(string)         {}

func TestHealthIsThatOfTheLoop(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-stuckAfter - time.Minute)
	for _, c := range []struct {
		what          string
		started, beat time.Time
		want          int
	}{
		{"it has just begun", time.Now(), time.Time{}, http.StatusOK},
		{"it has never answered", long, time.Time{}, http.StatusServiceUnavailable},
		{"it answers", long, time.Now(), http.StatusOK},
		{"it makes a long pass", long, time.Now().Add(-time.Minute), http.StatusOK},
		{"it is stuck", long.Add(-time.Hour), long, http.StatusServiceUnavailable},
	} {
		s := newServer(Options{Loop: still{loop.Status{Started: c.started}},
			Watch: &Watch{beat: c.beat}})
		w := httptest.NewRecorder()
		s.healthz(w, nil)
		if w.Code != c.want {
			t.Errorf("%s: %d %s", c.what, w.Code, w.Body)
		}
		told := strings.Contains(w.Body.String(), "stuck since "+long.UTC().Format(time.RFC3339))
		if told != (c.want != http.StatusOK) {
			t.Errorf("%s: %s", c.what, w.Body)
		}
	}
}

func TestReadyMeansThatAPassHasLookedAtTheHosts(t *testing.T) {
	t.Parallel()
	compared := reconcile.Pass{Declaration: reconcile.Declaration{Tree: &spec.Tree{}}}
	for _, c := range []struct {
		what   string
		status loop.Status
		want   []string // in the reasons; none: ready
	}{
		{"nothing happened", loop.Status{}, []string{"source was not read", "no pass has compared"}},
		{"no source", loop.Status{SourceError: "no route", Passes: 1,
			Last: loop.Report{Err: errors.New("no route")}}, []string{"not read yet: no route"}},
		{"first pass runs", loop.Status{Fetched: time.Now()}, []string{"no pass has compared"}},
		{"no lock", loop.Status{Fetched: time.Now(), Passes: 1,
			Last: loop.Report{Err: errors.New("held by ann")}}, []string{"hosts yet: held by ann"}},
		{"ready", loop.Status{Fetched: time.Now(), Passes: 1, Latest: compared}, nil},
		{"the source went away later", loop.Status{Fetched: time.Now(), Passes: 2, Latest: compared,
			SourceError: "no route", Last: loop.Report{Err: errors.New("no route")}}, nil},
	} {
		s := newServer(Options{Loop: still{c.status}, Watch: NewWatch(nil)})
		w := httptest.NewRecorder()
		s.readyz(w, nil)
		if ready := w.Code == http.StatusOK; ready != (c.want == nil) {
			t.Errorf("%s: %d %s", c.what, w.Code, w.Body)
		}
		for _, text := range c.want {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %q is not said in %s", c.what, text, w.Body)
			}
		}
	}
}
