//go:build linux

package prepare

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// asProgram makes a test binary the program that a machine of the tests runs: it checks or
// prepares the machine it is on, and writes an answer.
const asProgram = "RECONCILER_TEST_PREPARE"

// answer is what that program has to say.
type answer struct {
	Facts   plan.Facts
	Changes []plan.HostChange
	Done    []string
	Error   string
}

func TestMain(m *testing.M) {
	if verb := os.Getenv(asProgram); verb != "" {
		if err := beProgram(verb); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func beProgram(verb string) error {
	if verb == "overlays" {
		facts := New(os.Getenv("DIR")).facts(context.Background())
		fmt.Println(slices.Contains(facts.Backings, "overlayfs"))
		return nil
	}
	var want spec.Preparation
	if err := json.NewDecoder(os.Stdin).Decode(&want); err != nil {
		return err
	}
	host, ctx := New("/var/lib/lxc"), context.Background()
	var a answer
	var err error
	switch verb {
	case "lock":
		return holdLock("/var/lib/dpkg/lock-frontend")
	case "check":
		a.Facts, a.Changes, err = host.Check(ctx, &want)
	case "prepare":
		a.Done, err = host.Prepare(ctx, want)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// holdLock is another apt-get that is busy for a while.
func holdLock(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return err
	}
	fmt.Println("locked")
	time.Sleep(2 * time.Second)
	return nil
}
