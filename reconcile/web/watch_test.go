package web_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/web"
)

// triggered is the report of a pass that somebody asked for.
func triggered(id string, began time.Time) loop.Report {
	return loop.Report{ID: id, Reasons: []string{loop.Triggered}, Began: began,
		Ended: time.Now()}
}

func TestATriggerWakesTheLoop(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Control(d.options())).URL + "/api/v1/trigger"
	for _, query := range []string{"", "?wait=0", "?wait=false"} {
		got := send(t, request(t, http.MethodPost, url+query, nil))
		if got.code != http.StatusAccepted || decode[web.TriggerAnswer](t, got.body).Pass != nil {
			t.Errorf("%q is answered %+v", query, got)
		}
	}
	for _, query := range []string{"?wait=maybe", "?wait=", "?wait=10m"} {
		if got := send(t, request(t, http.MethodPost, url+query, nil)); got.code != 400 {
			t.Errorf("%q is answered %d", query, got.code)
		}
	}
	if want := []string{"trigger", "trigger", "trigger"}; !slices.Equal(d.wokenBy(), want) {
		t.Errorf("the loop was woken by %v", d.wokenBy())
	}
}

// Who has just pushed and waits must not be told of a pass that had read the tree before.
func TestWhoWaitsIsToldOfAPassThatBeganAfterwards(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Control(d.options())).URL + "/api/v1/trigger?wait=1"
	before := time.Now()
	done := make(chan reply, 1)
	go func() { done <- send(t, request(t, http.MethodPost, url, nil)) }()
	<-d.woken
	d.watch.Passed(triggered("older", before))
	d.watch.Passed(loop.Report{ID: "other", Reasons: []string{"interval"}, Began: time.Now()})
	answer := triggered("p", time.Now())
	answer.Reasons = []string{"webhook", loop.Triggered}
	answer.Err = errors.New("cannot read the source")
	d.watch.Passed(answer)
	d.watch.Passed(triggered("later", time.Now()))
	got := <-done
	p := decode[web.TriggerAnswer](t, got.body).Pass
	if got.code != http.StatusOK || p == nil || p.ID != "p" || p.Result != "failed" ||
		p.Error != "cannot read the source" {
		t.Errorf("who waits is told %+v", got)
	}
}

func TestAllWhoWaitAreTold(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Control(d.options())).URL + "/api/v1/trigger?wait=1"
	var all sync.WaitGroup
	const many = 20
	for range many {
		all.Go(func() {
			got := send(t, request(t, http.MethodPost, url, nil))
			if p := decode[web.TriggerAnswer](t, got.body).Pass; p == nil || p.ID != "p" {
				t.Errorf("one is told %+v", got)
			}
		})
	}
	for range many {
		<-d.woken
	}
	for range many {
		d.watch.Beat()
		go d.watch.Passed(triggered("p", time.Now()))
	}
	all.Wait()
}

func TestMetricsAreToldThroughTheWatch(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.watch.Passed(loop.Report{ID: "p"})
	d.watch.Observe(execute.Event{})
	if len(d.seen) != 1 || d.seen[0].ID != "p" || d.events != 1 {
		t.Errorf("passed on are %v and %d events", d.seen, d.events)
	}
}

// A pass that had to leave out what an earlier one was still making has not brought the tree about.
func TestWhoWaitsIsNotToldBeforeWhatWasBusyIsLookedAt(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Control(d.options())).URL + "/api/v1/trigger?wait=1"
	done := make(chan reply, 1)
	go func() { done <- send(t, request(t, http.MethodPost, url, nil)) }()
	<-d.woken
	busy := triggered("busy", time.Now())
	busy.Pass.Plan.Held = []plan.Held{{Host: "h", Container: "c", Code: plan.HeldBusy}}
	d.watch.Passed(busy)
	d.watch.Passed(loop.Report{ID: "old", Reasons: []string{"interval"}, Began: time.Time{}})
	d.watch.Passed(loop.Report{ID: "after", Reasons: []string{"a container is finished"},
		Began: time.Now()})
	if p := decode[web.TriggerAnswer](t, (<-done).body).Pass; p == nil || p.ID != "after" {
		t.Errorf("who waits is told of %+v", p)
	}
}
