package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/apt"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// installLimit is how long the packages of LXC may take; a mirror may be slow.
const installLimit = 25 * time.Minute

// takeLimit is how long somebody else may have the lock of a host that had no LXC before.
const takeLimit = time.Minute

// Bare is a host that is reached, but has no LXC, so that the agent cannot run there. It has no
// containers. Prepare installs LXC; from then on it is as a Host. Its methods may be called from
// several goroutines.
type Bare struct {
	d       *dialer
	facts   plan.Facts
	bridges []string // sorted
	kept    bool     // something is in the directory of the containers, or it cannot be read
	room    bool     // that directory is there
	apt     bool     // packages come from apt-get
	armor   bool     // the kernel has AppArmor on

	mu     sync.Mutex
	by     string // who locked it
	host   *Host  // nil: LXC is not installed yet
	unlock func() error

	spent atomic.Bool
}

// newBare reads what the script said of the host.
func newBare(d *dialer, said string) (*Bare, error) {
	b := &Bare{d: d}
	words := map[string]string{}
	for _, word := range strings.Fields(said) {
		key, value, _ := strings.Cut(word, "=")
		words[key] = value
	}
	var errs []error
	number := func(key string, unit int64) int64 {
		n, err := strconv.ParseInt(words[key], 10, 64)
		if err != nil || n < 0 || n > 1<<50 {
			errs = append(errs, fmt.Errorf("%s is no number", key))
			return 0
		}
		return n * unit
	}
	text := func(key string) string {
		if len(words[key]) > 128 {
			return ""
		}
		return clean(words[key])
	}
	b.facts = plan.Facts{
		Kernel: text("kernel"), Architecture: text("arch"),
		Distribution: strings.TrimSpace(text("id") + " " + text("version")),
		Cgroup:       int(number("cgroup", 1)), CPUs: int(number("cpus", 1)),
		Memory: number("mem", 1<<10), DiskTotal: number("total", 1<<10),
		DiskFree: number("free", 1<<10),
	}
	b.kept, b.apt = words["kept"] != "no", words["apt"] == "yes"
	b.room, b.armor = words["room"] == "yes", words["armor"] == "Y"
	for name := range strings.SplitSeq(words["bridges"], ",") {
		if name != "" && len(b.bridges) < 1000 {
			b.bridges = append(b.bridges, clean(name))
		}
	}
	slices.Sort(b.bridges)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("what it says of itself is nonsense: %w", err)
	}
	if b.kept {
		return nil, fmt.Errorf("LXC is missing there, but something is in %s, or it cannot be read: "+
			"install LXC, or remove what is there", d.Target.LXCPath)
	}
	return b, nil
}

// lacking is the error for a caller that needs LXC there.
func (b *Bare) lacking() error {
	return &ConnectError{Host: b.d.Target.Host, Address: b.d.Address,
		Err:    errors.New("LXC is not installed there"),
		Advice: "declare prepare: {} for the host, or install the package lxc there"}
}

// ready returns the host once LXC is installed, or an error if the connection has ended.
func (b *Bare) ready() (*Host, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.host != nil {
		return b.host, nil
	}
	select {
	case <-b.d.process.done:
		return nil, lostError{b.d.explain(errEnded)}
	default:
		return nil, nil
	}
}

// Observe reports that there is no container; see reconcile.Host.
func (b *Bare) Observe(ctx context.Context) (plan.Actual, error) {
	h, err := b.ready()
	if h != nil {
		return h.Observe(ctx)
	}
	return plan.Actual{Host: b.d.Target.Host, Bridges: slices.Clone(b.bridges)}, err
}

// Lock implements reconcile.Host. Before there is an agent nothing can be locked: apt-get has a
// lock of its own, and the host's is taken before anything else is prepared.
func (b *Bare) Lock(ctx context.Context, by string) (unlock func() error, err error) {
	h, err := b.ready()
	if err != nil {
		return nil, err
	}
	if h != nil {
		return h.Lock(ctx, by)
	}
	b.mu.Lock()
	b.by = by
	b.mu.Unlock()
	return func() error {
		b.mu.Lock()
		unlock := b.unlock
		b.unlock = nil
		b.spent.Store(true)
		b.mu.Unlock()
		if unlock == nil {
			return nil
		}
		return unlock()
	}, nil
}

// Spent reports whether looking at the host again takes a new connection. It does once the lock was
// given back. Where LXC is still missing, what is known of the host is from when it was reached,
// and the lock kept nobody away; where LXC was installed, a new connection gives a Host, which can
// do more.
func (b *Bare) Spent() bool { return b.spent.Load() }

// Do implements execute.Host.
func (b *Bare) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	h, err := b.ready()
	if h != nil {
		return h.Do(ctx, s, x)
	}
	return "", errors.Join(err, b.lacking(), execute.ErrPermanent)
}

// Batch implements execute.Batcher.
func (b *Bare) Batch(ctx context.Context, work execute.Batch) error {
	h, err := b.ready()
	if h != nil {
		return h.Batch(ctx, work)
	}
	return errors.Join(err, b.lacking())
}

// Check says what the host can do and lacks; see reconcile.Preparer. Without an agent there it is
// not known what else of the preparation is there already: all of it is listed, with every package,
// but bridges that exist.
func (b *Bare) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	h, err := b.ready()
	if h != nil {
		return h.Check(ctx, want)
	}
	if err != nil || want == nil {
		return b.facts, nil, err
	}
	return b.facts, b.changes(want), want.Validate()
}

// changes are all that a preparation may come to.
func (b *Bare) changes(want *spec.Preparation) []plan.HostChange {
	var all []plan.HostChange
	refused := b.refused()
	add := func(what, value string) {
		all = append(all, plan.HostChange{What: what, New: value, Refused: refused})
	}
	for _, name := range apt.Packages(want, b.armor) {
		add("package "+name, "installed")
	}
	settings := map[string]string{}
	for _, bridge := range want.Bridges {
		if !slices.Contains(b.bridges, bridge.Name) {
			add("bridge "+bridge.Name, bridge.String())
		}
		if bridge.NAT {
			settings["net.ipv4.ip_forward"] = "1" // which comes with it
		}
	}
	for user, ids := range want.SubIDs {
		add("subordinate ids of "+user, ids.String())
	}
	for key, value := range want.Sysctl {
		settings[spec.SysctlKey(spec.SysctlPath(key))] = value
	}
	for key, value := range settings {
		add("sysctl "+key, value)
	}
	for _, d := range want.Directories {
		add("directory "+d.Path, d.String())
	}
	if b.lacksRoom(want) {
		add("directory "+b.d.Target.LXCPath, "mode 0755")
	}
	slices.SortFunc(all, func(a, b plan.HostChange) int { return strings.Compare(a.What, b.What) })
	return all
}

// lacksRoom reports whether the directory of the containers will be made though nothing declares it
// and no package brings it.
func (b *Bare) lacksRoom(want *spec.Preparation) bool {
	path := b.d.Target.LXCPath
	return !b.room && path != packagedPath &&
		!slices.ContainsFunc(want.Directories, func(d spec.Directory) bool { return d.Path == path })
}

// packagedPath is the directory of containers that comes with the package lxc.
const packagedPath = "/var/lib/lxc"

// refused says why LXC cannot be installed, and what to do instead; empty: it can.
func (b *Bare) refused() string {
	if b.apt {
		return ""
	}
	return fmt.Sprintf("this host runs %q and has no packages of Debian or Ubuntu: install "+
		"LXC by hand", b.facts.Distribution)
}

// Prepare installs LXC, starts the agent, and has it do the rest; see reconcile.Preparer.
func (b *Bare) Prepare(ctx context.Context, want spec.Preparation) (done []string, err error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	h, err := b.ready()
	if err != nil {
		return nil, err
	}
	if h == nil {
		word := installWord
		if len(want.Bridges) > 0 {
			word = aloneWord
		}
		if h, err = b.install(ctx, word); err != nil {
			return nil, err
		}
		done = []string{"made package lxc: installed"}
	}
	more, err := h.Prepare(ctx, want)
	return append(done, more...), err
}

// install has the script install LXC, as it is told by a word, and become the agent.
func (b *Bare) install(ctx context.Context, word string) (*Host, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.host != nil {
		return b.host, nil
	}
	if !b.apt {
		return nil, fmt.Errorf("cannot install LXC: %s: %w", b.refused(), execute.ErrPermanent)
	}
	b.d.Log.Info("installing LXC", "host", b.d.Target.Host)
	said, err := b.d.await(ctx, installLimit, func() error {
		_, err := io.WriteString(b.d.process, word+"\n")
		return err
	})
	if err == nil && said != "" {
		err = fmt.Errorf("it answers %q", clean(said))
	}
	var h *Host
	if err == nil {
		h, err = b.d.hello(ctx)
	}
	if err != nil {
		return nil, b.whyNot(err)
	}
	if b.unlock, err = b.take(ctx, h); err != nil {
		return nil, errors.Join(err, h.Close()) // what was seen before is not true any more
	}
	b.host = h
	return h, nil
}

// whyNot says why LXC was not installed: where apt-get failed, the host is as reachable as before.
func (b *Bare) whyNot(err error) error {
	explained := b.d.explain(err) // waits for the last words
	said, _, failed := strings.Cut(b.d.process.said.raw(), notInstalled)
	telling := apt.Telling(said)
	if !failed || telling == "" { // sudo may have had apt-get not even begin
		return fmt.Errorf("cannot install LXC: %w", explained)
	}
	var lines []string
	for line := range strings.Lines(telling) {
		lines = append(lines, clean(line))
	}
	return fmt.Errorf("cannot install LXC on host %q: apt-get says there: %s", b.d.Target.Host,
		strings.Join(lines, "; "))
}

// take locks a host that has LXC since just now, if it was asked for, and looks whether it is as
// empty as it seemed: what is planned was planned for that.
func (b *Bare) take(ctx context.Context, h *Host) (unlock func() error, err error) {
	ctx, cancel := limited(ctx, takeLimit)
	defer cancel()
	if b.by != "" {
		if unlock, err = h.Lock(ctx, b.by); err != nil {
			return nil, err
		}
	}
	actual, err := h.Observe(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range actual.Containers {
		actual.Others = append(actual.Others, c.Name)
	}
	if len(actual.Others) > 0 {
		return nil, fmt.Errorf("LXC is installed now, but the host is not empty any more, it has %q: "+
			"nothing else is done before it is looked at again", slices.Min(actual.Others))
	}
	return unlock, nil
}

// Close ends the connection.
func (b *Bare) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.host != nil {
		return b.host.Close()
	}
	err := b.d.process.Close()
	return errors.Join(err, b.d.close())
}
