package sqlite

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"reconciler/state"
)

const (
	rememberers = 4
	memories    = 40 // of each; together more than a store keeps
)

// childRemember stores passes, each with a record, and a suspension of its own host that says
// which pass was the last.
func childRemember(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	host := "h" + strconv.Itoa(os.Getpid())
	for i := range memories {
		p := newPass(i)
		p.ID = host + "-" + p.ID
		p.Source, p.Held = host, i
		_, err := s.Apply(ctx, state.Batch{
			Put:  []state.Record{{UID: p.ID, Host: host, Name: p.ID}},
			Pass: p,
			Suspend: []state.Suspension{
				{Host: host, Reason: p.ID, By: "ann@desk", Since: p.Began},
				{Reason: p.ID, By: "ann@desk", Since: p.Began},
			},
		})
		if err != nil {
			return err
		}
	}
	return s.Close()
}

// The daemon and the command line write at once: nothing that one of them said may get lost.
func TestProcessesRememberAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	last := map[string]string{} // host of a process: its last pass
	var running []*exec.Cmd
	for range rememberers {
		cmd := child(t, "remember", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("one of several processes failed: %v", err)
		}
		host := "h" + strconv.Itoa(cmd.Process.Pid)
		last[host] = host + "-" + strconv.Itoa(memories-1)
	}
	snap := mustLoad(t, s)
	const want = rememberers * memories
	if len(snap.Records) != want || snap.Serial != want || len(snap.Passes) != state.MaxPasses {
		t.Errorf("%d records and %d passes at serial %d, want %d, %d and %d", len(snap.Records),
			len(snap.Passes), snap.Serial, want, state.MaxPasses, want)
	}
	checkSuspensions(t, snap, last)
	checkPasses(t, snap, last)
}

// checkSuspensions wants one of each process, and one of everything by the last who spoke.
func checkSuspensions(t *testing.T, snap state.Snapshot, last map[string]string) {
	t.Helper()
	if len(snap.Suspensions) != rememberers+1 {
		t.Fatalf("%d suspensions of %d scopes: %+v", len(snap.Suspensions), rememberers+1,
			snap.Suspensions)
	}
	if got := snap.Suspensions[0]; got.Host != "" || got.Reason != snap.Passes[0].ID {
		t.Errorf("the suspension of everything is %+v, said last by %s", got, snap.Passes[0].ID)
	}
	for _, n := range snap.Suspensions[1:] {
		if n.Reason != last[n.Host] {
			t.Errorf("what a process said last is lost: %+v", n)
		}
	}
}

// checkPasses wants those of each process in their order, and none missing between them.
func checkPasses(t *testing.T, snap state.Snapshot, last map[string]string) {
	t.Helper()
	next := map[string]int{}
	for _, p := range snap.Passes {
		if want, seen := next[p.Source]; seen && p.Held != want {
			t.Errorf("process %s: pass %d stands where %d should", p.Source, p.Held, want)
		}
		if _, seen := next[p.Source]; !seen && p.ID != last[p.Source] {
			t.Errorf("the newest pass of %s is %s, not %s", p.Source, p.ID, last[p.Source])
		}
		next[p.Source] = p.Held - 1
	}
	if len(next) != rememberers {
		t.Errorf("passes of %d processes are kept: one of each is its last revision", len(next))
	}
}

// What is remembered of a pass and of a suspension is written once.
func TestRememberingAgainWritesNoByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	mustApply(t, s, state.Batch{Pass: newPass(1), Suspend: []state.Suspension{
		{Host: "h", Reason: "moving", By: "ann@desk", Since: newPass(1).Began},
	}})
	snap := mustLoad(t, s)
	before := contents(t, path)
	mustApply(t, s, state.Batch{Pass: &snap.Passes[0], Suspend: snap.Suspensions,
		Resume: []state.Scope{{}, {Host: "unknown"}}})
	if after := contents(t, path); !bytes.Equal(before, after) {
		t.Error("saying again what is remembered wrote to the disk")
	}
}

// What is read must not depend on who reads.
func TestReadersSeeWhatIsRemembered(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	r := mustOpen(t, path, Options{ReadOnly: true})
	for i := range 3 {
		mustApply(t, s, state.Batch{Pass: newPass(i), Suspend: []state.Suspension{
			{Host: "h" + strconv.Itoa(i), By: "ann@desk", Since: newPass(i).Began},
		}})
		got, want := mustLoad(t, r), mustLoad(t, s)
		if got.Serial != want.Serial || !slices.Equal(got.Passes, want.Passes) ||
			!slices.Equal(got.Suspensions, want.Suspensions) || len(got.Passes) != i+1 {
			t.Errorf("a reader sees\n%+v, the writer\n%+v", got, want)
		}
	}
}
