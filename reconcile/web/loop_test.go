package web_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/web"
	"reconciler/spec"
)

// pushed is a source that only ever says how often somebody has pushed to it.
type pushed struct{ times atomic.Int64 }

// Fetch implements reconcile.Source.
func (p *pushed) Fetch(context.Context) (spec.Snapshot, error) {
	return spec.Snapshot{}, errors.New("push " + fmt.Sprint(p.times.Load()))
}

// With a real loop: who pushes and then triggers sees what became of that push, whatever else
// wakes the loop at the same time.
func TestARealLoopAnswersATrigger(t *testing.T) {
	t.Parallel()
	d, source := newDaemon(), &pushed{}
	o := d.options()
	real := loop.New(loop.Options{
		Source: source, Interval: time.Hour, Recorder: d.watch, Beat: d.watch.Beat, Log: o.Log,
		Pass: reconcile.Options{Now: time.Now, Log: o.Log},
	})
	o.Loop = real
	path := filepath.Join(socketDir(t), "s")
	run(t, path, d, web.Control(o))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- real.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c := web.NewClient(path)
	const pushes = 100
	for range pushes {
		real.Wake("webhook")
		want := "push " + fmt.Sprint(source.times.Add(1))
		go func() { _, _ = c.Trigger(ctx, false) }()
		p, err := c.Trigger(t.Context(), true)
		if err != nil || !strings.HasSuffix(p.Error, want) {
			t.Fatalf("after %s the pass says %+v, %v", want, p, err)
		}
	}
	s, err := c.Status(t.Context())
	if err != nil || !strings.HasSuffix(s.SourceError, fmt.Sprint(pushes)) ||
		s.LastPass.Result != "failed" {
		t.Errorf("the status is %+v, %v", s, err)
	}
}
