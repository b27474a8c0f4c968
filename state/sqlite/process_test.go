package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"reconciler/state"
)

// childEnv makes the test binary act as another process that works on a store: role and path.
const childEnv = "RECONCILER_TEST_STATE_CHILD"

func TestMain(m *testing.M) {
	role, path, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		os.Exit(m.Run())
	}
	roles := map[string]func(path string) error{
		"allocate": childAllocate, "count": childCount, "lock": childLock,
		"remember": childRemember,
	}
	if err := roles[role](path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child returns a command that runs this test binary in a role.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role+":"+path)
	cmd.Stderr = os.Stderr
	return cmd
}

const (
	allocators  = 6
	allocations = 15
)

// childAllocate takes the lowest free address again and again, as a reader would that does not
// know of the others: only the store can keep them apart.
func childAllocate(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	for done := 0; done < allocations; {
		snap, err := s.Load(ctx)
		if err != nil {
			return err
		}
		used := map[netip.Addr]bool{}
		for _, r := range snap.Records {
			used[r.IP] = true
		}
		ip := netip.MustParseAddr("10.5.0.2")
		for used[ip] {
			ip = ip.Next()
		}
		name := fmt.Sprintf("p%d-%d", os.Getpid(), done)
		_, err = s.Apply(ctx, state.Batch{Put: []state.Record{
			{UID: name, Host: "h", Name: name, Network: "lan", IP: ip},
		}})
		var taken *state.TakenError
		switch {
		case err == nil:
			done++
		case !errors.As(err, &taken):
			return err
		}
	}
	return s.Close()
}

func TestProcessesAllocateAtOnce(t *testing.T) {
	t.Parallel()
	// The directory does not exist either: they race for making it, the file and the schema.
	path := filepath.Join(t.TempDir(), "new", "state.db")
	var running []*exec.Cmd
	for range allocators {
		cmd := child(t, "allocate", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("one of several processes failed: %v", err)
		}
	}
	snap := mustLoad(t, mustOpen(t, path, Options{}))
	seen := map[netip.Addr]string{}
	for _, r := range snap.Records {
		if other := seen[r.IP]; other != "" {
			t.Errorf("%s was given to %s and to %s", r.IP, other, r.Name)
		}
		seen[r.IP] = r.Name
	}
	if want := allocators * allocations; len(seen) != want || snap.Serial != int64(want) {
		t.Errorf("%d addresses at serial %d, want %d of both", len(seen), snap.Serial, want)
	}
}

// childCount writes the same number into several records, a suspension and a pass, batch by batch,
// and prints each number once it is stored.
func childCount(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	for {
		snap, err := s.Load(ctx)
		if err != nil {
			return err
		}
		if len(snap.Records) == 0 {
			for i := range 5 {
				id := strconv.Itoa(i)
				snap.Records = append(snap.Records, state.Record{UID: id, Host: "h", Name: id})
			}
		}
		next := snap.Serial + 1
		for i := range snap.Records {
			snap.Records[i].Intent = strconv.FormatInt(next, 10)
		}
		p := newPass(int(next))
		serial, err := s.Apply(ctx, state.Batch{Put: snap.Records, Pass: p,
			Suspend: []state.Suspension{{By: "ann@desk", Reason: p.ID, Since: p.Began}}})
		if err != nil {
			return err
		}
		fmt.Println(serial)
	}
}

func TestKillDuringApply(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	var last int64
	for round := range 6 {
		promised := runAndKill(t, child(t, "count", path), 5+7*round)
		if promised <= last {
			t.Fatalf("after a kill the count went from %d to %d", last, promised)
		}
		// A reader may be the first to look after the crash.
		for _, opts := range []Options{{ReadOnly: true}, {}} {
			snap := mustLoad(t, mustOpen(t, path, opts))
			if snap.Serial < promised {
				t.Fatalf("serial %d was stored, the store has %d", promised, snap.Serial)
			}
			for _, r := range snap.Records {
				if r.Intent != strconv.FormatInt(snap.Serial, 10) {
					t.Fatalf("half of a batch is stored: serial %d, record %+v", snap.Serial, r)
				}
			}
			number := strconv.FormatInt(snap.Serial, 10)
			if snap.Suspensions[0].Reason != number || snap.Passes[0].ID != number {
				t.Fatalf("half of a batch is stored: serial %s, suspension %+v, pass %+v",
					number, snap.Suspensions[0], snap.Passes[0])
			}
			last = snap.Serial
		}
	}
}

// runAndKill kills the process after it has printed so many lines and returns the last number.
func runAndKill(t *testing.T, cmd *exec.Cmd, lines int) int64 {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last int64
	scanner := bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		if last, err = strconv.ParseInt(scanner.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process ended before it was killed")
	}
	return last
}

// childLock takes the lock, says so and keeps it until its input ends.
func childLock(path string) error {
	s, err := Open(context.Background(), path, Options{})
	if err != nil {
		return err
	}
	by := state.Holder{PID: os.Getpid(), Who: "root@there", Command: "reconciler run"}
	if _, err := s.Lock(context.Background(), by); err != nil {
		return err
	}
	fmt.Println(by.PID)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	cmd := child(t, "lock", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the other process did not get the lock: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Lock(ctx, state.Holder{PID: 1})
	var locked *state.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("two processes hold the lock: error %v", err)
	}
	if locked.Holder.PID != cmd.Process.Pid || locked.What != path {
		t.Errorf("process %d holds %s, but the error says: %v", cmd.Process.Pid, path, locked)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	unlock, err := s.Lock(context.Background(), state.Holder{PID: 1})
	if err != nil {
		t.Fatalf("the lock of a dead process is not free: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
