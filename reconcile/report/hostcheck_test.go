package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// hostChecks are a host that is ready, one that lacks everything, and one that is not there.
func hostChecks() HostChecks {
	return HostChecks{[]HostCheck{
		{Host: "ready.local", Facts: plan.Facts{LXC: "5.0.2", Kernel: "6.1.0-40-amd64", CPUs: 4,
			Architecture: "amd64", Distribution: "debian 12", Cgroup: 2, Memory: 16 << 30,
			DiskTotal: 100 << 30, DiskFree: 25<<30 + 1<<29, Backings: []string{"dir", "overlayfs"},
			VolumeGroups: []string{"data", "lxc"}}},
		{Host: "bare.local", Facts: plan.Facts{Memory: 1000}, Missing: "lxc",
			Changes: append(preparations(1)[0].Changes, plan.HostChange{What: "directory /srv/x",
				New: "0755", Refused: "a file is in its place"})},
		{Host: "gone.local", Error: "cannot reach host \"gone.local\": ssh says no"},
	}}
}

func TestHostCheckGoldens(t *testing.T) {
	t.Parallel()
	c := hostChecks()
	golden(t, "host-check.txt", func(w io.Writer) error { return c.Text(w, TextOptions{}) })
	golden(t, "host-check.json", c.JSON)
	golden(t, "host-check-empty.json", HostChecks{}.JSON)
	r := HostPreparations{append(preparedResult().Hosts, execute.HostOutcome{Host: "ready.local"})}
	golden(t, "host-prepare.txt", func(w io.Writer) error { return r.Text(w, TextOptions{}) })
	golden(t, "host-prepare.json", r.JSON)
}

func TestHostCheckCountsWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	refused := HostCheck{Host: "h", Changes: []plan.HostChange{{What: "bridge b", Refused: "no"}}}
	for want, checks := range map[string][]HostCheck{
		"0 hosts ready, 0 to prepare.":                {},
		"1 host ready, 1 to prepare. 1 unreachable.":  hostChecks().Hosts,
		"0 hosts ready, 1 to prepare.":                {refused},
		"0 hosts ready, 0 to prepare. 1 unreachable.": {{Host: "h", Error: "no"}},
		"2 hosts ready, 0 to prepare.":                {{Host: "a"}, {Host: "b"}},
	} {
		text := rendered(t, func(b *bytes.Buffer) error {
			return HostChecks{checks}.Text(b, TextOptions{})
		})
		if !strings.HasSuffix(text, want+"\n") {
			t.Errorf("want %q:\n%s", want, text)
		}
	}
}

// A script that checks hosts before it prepares them must learn that it would not end well.
func TestHostCheckExitCodes(t *testing.T) {
	t.Parallel()
	ready := HostCheck{Host: "ready"}
	lacking := HostCheck{Host: "bare", Changes: []plan.HostChange{{What: "package lxc"}}}
	refused := HostCheck{Host: "h", Changes: []plan.HostChange{{What: "package lxc"},
		{What: "bridge b", Refused: "somebody else made it"}}}
	missing := HostCheck{Host: "h", Missing: "lxc"}
	gone := HostCheck{Host: "h", Error: "no"}
	for name, c := range map[string]struct {
		hosts []HostCheck
		want  int
	}{
		"no host":                       {nil, ExitDone},
		"ready, or about to be":         {[]HostCheck{ready, lacking}, ExitDone},
		"what cannot be made":           {[]HostCheck{refused, ready}, ExitBlocked},
		"a volume group is missing":     {[]HostCheck{ready, missing}, ExitBlocked},
		"unreachable":                   {[]HostCheck{gone, ready}, ExitUnreachable},
		"unreachable, and another lost": {[]HostCheck{refused, gone, missing}, ExitUnreachable},
	} {
		if got := (HostChecks{c.hosts}).ExitCode(); got != c.want {
			t.Errorf("%s: exit code %d, want %d", name, got, c.want)
		}
	}
}

func TestSecondPreparationSaysThatThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return HostPreparations{[]execute.HostOutcome{{Host: "a"}, {Host: "b",
			Err: errors.New("no")}}}.Text(b, TextOptions{})
	})
	for _, want := range []string{"a: nothing to do", "b FAILED",
		"Done: 0 hosts prepared, 1 failed."} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}

func TestAHostInUseIsNoFailure(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("cannot lock host %q: %w by ann@desk", "a", execute.ErrHostInUse)
	text := rendered(t, func(b *bytes.Buffer) error {
		return HostPreparations{[]execute.HostOutcome{{Host: "a", Err: err}}}.Text(b, TextOptions{})
	})
	const want = `  = a in use by another run, left alone
      cannot lock host "a": it is in use by ann@desk
      hint: try again when that run has ended

Done: 0 hosts prepared, 0 failed. 1 in use by another run.
`
	if text != want {
		t.Errorf("the user is told:\n%s", text)
	}
}

func TestAFullDiskIsShownAsFull(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return HostChecks{[]HostCheck{{Host: "a", Facts: plan.Facts{DiskTotal: 4 << 30}}}}.Text(b,
			TextOptions{})
	})
	if want := "disk: 0 of 4G free"; !strings.Contains(text, want) {
		t.Errorf("%q is missing:\n%s", want, text)
	}
}

func TestBytesAreReadable(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{-1: "", 0: "", 1: "1", 1023: "1023", 1024: "1K",
		1536: "1.5K", 16 << 30: "16G", 25<<30 + 1<<29: "25.5G", 3 << 40: "3T", 1<<63 - 1: "8E"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d bytes are shown as %q, want %q", n, got, want)
		}
	}
}
