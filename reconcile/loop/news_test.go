package loop_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
)

// lines returns what was logged since some lines were, without times and names of passes.
func (b *safeBuffer) lines(since int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for line := range strings.Lines(b.buf.String()) {
		_, line, _ = strings.Cut(line, " ")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines[since:]
}

// expectLog fails unless the lines since some have these words, line by line.
func (w *world) expectLog(since int, want ...[]string) {
	w.t.Helper()
	got := w.log.lines(since)
	if len(got) != len(want) {
		w.t.Fatalf("%d lines were logged, not %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i, words := range want {
		for _, word := range words {
			if !strings.Contains(got[i], word) {
				w.t.Errorf("%q is not in the line %s", word, got[i])
			}
		}
	}
}

// TestAStoppedRolloutIsToldOnce: whoever reads the log learns when a rollout stops, which canary it
// was, why, and who waits; then nothing until it goes on, however often the canary is tried.
func TestAStoppedRolloutIsToldOnce(t *testing.T) {
	t.Parallel()
	g := newGroup(t, "canary: 1", loop.Backoff{Initial: time.Minute, Max: time.Minute})
	since, success := len(g.log.lines(0)), g.loop.Status().Success
	g.commit("canary: 1", bad, "")
	g.loop.Wake("test")
	g.quiet()
	for range 3 {
		g.later(2 * time.Minute)
		begun, open := g.hosts["h1"].slow("webh1")
		g.loop.Wake("the next try is due")
		<-begun
		g.loop.Wake("a pass beside it")
		g.quiet()
		open()
		g.quiet()
		g.loop.Wake("nothing is due")
		g.quiet()
	}
	if n := g.hosts["h1"].tried(bad); n != 4 {
		t.Fatalf("the canary was tried %d times", n)
	}
	stopped := [][]string{
		{"level=ERROR", `"step failed"`, "host=h1", "container=webh1", errBroken.Error()},
		{"level=ERROR", `"rollout has stopped"`, "group=web", `canary host \"h1\"`,
			errBroken.Error(), `waiting="h2, h3, h4"`},
	}
	g.expectLog(since, stopped...)
	if g.loop.Status().Success != success {
		t.Error("a pass behind a failed canary counts as one that left everything as declared")
	}
	begun, open := g.hosts["h2"].slow("webh2")
	defer open()
	g.commit("canary: 1, max_parallel: 1", mended, "")
	g.loop.Wake("test")
	<-begun
	g.expectLog(since, append(stopped, []string{"level=INFO", `"step done"`, "host=h1"},
		[]string{"level=INFO", `"rollout goes on"`, "group=web"})...)
}

// TestAPassBesideARolloutIsNoSuccess: the hosts that wait for a canary are not as declared.
func TestAPassBesideARolloutIsNoSuccess(t *testing.T) {
	t.Parallel()
	g := newGroup(t, "canary: 1", impatient())
	success := g.loop.Status().Success
	begun, open := g.hosts["h1"].slow("webh1")
	defer open()
	g.commit("canary: 1", mended, "")
	g.loop.Wake("test")
	<-begun
	g.loop.Wake("a pass beside it")
	g.quiet()
	if g.loop.Status().Success != success {
		t.Error("a pass that leaves a group to another counts as one that left all as declared")
	}
	open()
	g.eventually("all hosts are changed and that is a success",
		func() bool { return g.loop.Status().Success != success })
}

// TestACrashingContainerIsNoSuccess: it is not as declared, also while it waits for its next start.
func TestACrashingContainerIsNoSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start(func(o *loop.Options) { o.Backoff = loop.Backoff{Initial: time.Hour, Max: time.Hour} })
	w.quiet()
	for range 2 {
		w.host.kill("a.example.com")
		w.quiet()
	}
	success := w.loop.Status().Success
	w.loop.Wake("test")
	w.quiet()
	if w.runs("a.example.com") || w.loop.Status().Success != success {
		t.Error("a pass that leaves a crashed container down counts as a success")
	}
}

// TestAFailureIsToldOnce: what fails again and again in the same way is told when it begins, when
// it becomes another failure, and when it is over.
func TestAFailureIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Fail("a.example.com", plan.Address, 3, errBroken)
	w.host.Fail("a.example.com", plan.Address, 1, errors.New("no route"))
	w.declare("a.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: time.Minute, Max: time.Minute}
	})
	retry := func() {
		w.quiet()
		w.later(2 * time.Minute)
		w.loop.Wake("the next try is due")
		w.quiet()
	}
	retry()
	retry()
	done := func(action string) []string { return []string{"level=INFO", `"step done"`, action} }
	w.expectLog(0, done("clone"), done("configure"), done("start"), done("password"),
		[]string{"level=ERROR", `"step failed"`, "action=address", errBroken.Error()})
	since := len(w.log.lines(0))
	retry()
	retry()
	w.expectLog(since, []string{"level=ERROR", `"step failed"`, "no route"},
		done("address"), done("dns"),
		[]string{"level=INFO", `"pass ended"`, "changed=1", "failed=0"})
}
