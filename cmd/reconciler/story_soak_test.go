package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"reconciler/reconcile/web"
)

// soakContainers is how many containers come and go in a soak.
const soakContainers = 5

// soak has the daemon, whose id is in a file, make a number of passes while commits come and
// containers die at random. It fails if the daemon takes more in the end than after a quarter.
func soak(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: soak passes pidfile")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	pid := strings.TrimSpace(ts.ReadFile(args[1]))
	random := rand.New(rand.NewPCG(3, 4))
	first := countPasses(ts)
	var early, late usage
	for quarter := 1; quarter <= 4; quarter++ {
		for countPasses(ts) < first+want*quarter/4 {
			disturb(ts, random)
		}
		late = measure(ts, pid)
		if quarter == 1 {
			early = late
		}
		ts.Logf("measured after %d passes: %+v", countPasses(ts)-first, late)
	}
	if late.goroutines > early.goroutines+10 || late.files > early.files+10 ||
		late.rss > 2*early.rss || late.state > 2*early.state+1<<20 ||
		late.cache > 2*early.cache+1<<20 {
		ts.Fatalf("the daemon takes more and more: %+v, then %+v", early, late)
	}
}

// disturb commits or kills something, and waits for a pass.
func disturb(ts *testscript.TestScript, random *rand.Rand) {
	if random.IntN(3) > 0 {
		var tree strings.Builder
		tree.WriteString(ts.ReadFile("head.yaml"))
		// One at most is gone, so that the guard lets it go.
		gone := random.IntN(3 * soakContainers)
		for i := range soakContainers {
			if i != gone {
				fmt.Fprintf(&tree, "    s%d.example.com: {memory: %dM}\n", i, 64+32*random.IntN(3))
			}
		}
		g := gitOf(ts)
		g.repo.Write(map[string]string{"tree.yaml": tree.String()})
		g.repo.Commit("soak")
		g.repo.Push()
	} else {
		name := fmt.Sprintf("s%d.example.com", random.IntN(soakContainers))
		// One that does not run cannot be killed.
		_ = ts.Exec("lxc-stop", "-k", "-P", ts.Getenv("LXCPATH"), "-n", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	_, err := web.NewClient(ts.MkAbs("control.sock")).Trigger(ctx, true)
	ts.Check(err)
}

// usage is what a daemon takes.
type usage struct {
	rss               int64 // bytes
	goroutines, files int
	state, cache      int64 // bytes on the disk
}

func measure(ts *testscript.TestScript, pid string) usage {
	files, err := os.ReadDir(filepath.Join("/proc", pid, "fd"))
	ts.Check(err)
	return usage{
		rss:        int64(metric(ts, "process_resident_memory_bytes ")),
		goroutines: int(metric(ts, "go_goroutines ")), files: len(files),
		state: sizeOf(ts, "state.db") + sizeOf(ts, "state.db-wal"), cache: sizeOf(ts, "git"),
	}
}

// sizeOf sums the files below a path; what is not there has none.
func sizeOf(ts *testscript.TestScript, name string) (sum int64) {
	_ = filepath.WalkDir(ts.MkAbs(name), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // a cache may be cleaned while it is being looked at
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// cpuTime fails if the process whose id is in a file works for more than a part of a time in which
// nothing happens.
func cpuTime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cputime pidfile time most")
	}
	while, err := time.ParseDuration(args[1])
	ts.Check(err)
	most, err := time.ParseDuration(args[2])
	ts.Check(err)
	pid := strings.TrimSpace(ts.ReadFile(args[0]))
	before := worked(ts, pid)
	time.Sleep(while)
	took := worked(ts, pid) - before
	ts.Logf("measured: %v of CPU time in %v", took, while)
	if took > most {
		ts.Fatalf("the daemon takes %v of CPU time in %v in which nothing happens", took, while)
	}
}

// worked is the CPU time that a process has taken so far.
func worked(ts *testscript.TestScript, pid string) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	ts.Check(err)
	const user, system, tick = 11, 12, 10 * time.Millisecond // after the name, proc(5)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var sum time.Duration
	for _, i := range []int{user, system} {
		n, err := strconv.Atoi(fields[i])
		ts.Check(err)
		sum += time.Duration(n) * tick
	}
	return sum
}
