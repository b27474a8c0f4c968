package hosttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// machine is what a host has beside its containers.
type machine struct {
	has     map[string]bool   // things that are there or not: "package lxc"
	values  map[string]string // others, by what they are: "sysctl net.ipv4.ip_forward"
	refuses map[string]string // what it will not make, and why
	facts   plan.Facts
	missing string // the directory of the containers, if it is gone
	fails   error  // what preparing ends with once it made the packages
}

func newMachine(c Config) machine {
	return machine{has: map[string]bool{"package lxc": !c.Bare}, values: map[string]string{},
		refuses: map[string]string{}, facts: plan.Facts{Kernel: "6.1.0-40-amd64", Cgroup: 2,
			Architecture: "amd64", Distribution: "debian 12",
			Backings: []string{"btrfs", "dir", "loop", "lvm", "overlayfs", "zfs"},
			Memory:   16 << 30, DiskTotal: 100 << 30, DiskFree: 80 << 30, CPUs: 4}}
}

// EditFacts changes what the host can do, as new hardware does.
func (f *Fake) EditFacts(edit func(*plan.Facts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.machine.facts)
}

// EditMachine sets something that preparation takes care of, such as "sysctl net.ipv4.ip_forward",
// as a person does; an empty value removes it.
func (f *Fake) EditMachine(what, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine.values[what] = value
}

// RefuseToMake makes the host refuse something, such as a bridge that is somebody else's.
func (f *Fake) RefuseToMake(what, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine.refuses[what] = why
}

// FailPreparing makes each preparation end with an error after the packages; nil ends that.
func (f *Fake) FailPreparing(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine.fails = err
}

// Check implements reconcile.Preparer.
func (f *Fake) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(context.Cause(ctx), f.deadLocked()); err != nil {
		return plan.Facts{}, nil, fmt.Errorf("cannot check host %q: %w", f.config.Host, err)
	}
	facts := f.machine.facts
	if f.machine.has["package lxc"] {
		facts.LXC = "5.0.2"
	}
	if want == nil {
		return facts, nil, nil
	}
	changes := f.lacksLocked(want)
	slices.SortFunc(changes, func(a, b plan.HostChange) int { return cmp.Compare(a.What, b.What) })
	return facts, changes, want.Validate()
}

// lacksLocked returns what is not as it shall be, packages first.
func (f *Fake) lacksLocked(want *spec.Preparation) (changes []plan.HostChange) {
	add := func(what, old, shall string) {
		if old != shall {
			changes = append(changes, plan.HostChange{What: what, Old: old, New: shall,
				Refused: f.machine.refuses[what]})
		}
	}
	for _, name := range append([]string{"lxc"}, want.Packages...) {
		if what := "package " + name; !f.machine.has[what] {
			add(what, "", "installed")
		}
	}
	for _, b := range want.Bridges {
		old := f.machine.values["bridge "+b.Name]
		if old == "" && f.bridges[b.Name] {
			old = b.String() // it was there before, and is good enough
		}
		add("bridge "+b.Name, old, b.String())
	}
	for _, user := range slices.Sorted(maps.Keys(want.SubIDs)) {
		what := "subordinate ids of " + user
		add(what, f.machine.values[what], want.SubIDs[user].String())
	}
	for _, key := range slices.Sorted(maps.Keys(want.Sysctl)) {
		add("sysctl "+key, f.machine.values["sysctl "+key], want.Sysctl[key])
	}
	room := func(d spec.Directory) bool { return d.Path == f.machine.missing }
	if f.machine.missing != "" && !slices.ContainsFunc(want.Directories, room) {
		add("directory "+f.machine.missing, "", "mode 0755")
	}
	for _, d := range want.Directories {
		add("directory "+d.Path, f.machine.values["directory "+d.Path], d.String())
	}
	return changes
}

// Prepare implements reconcile.Preparer.
func (f *Fake) Prepare(ctx context.Context, want spec.Preparation) (done []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err = errors.Join(context.Cause(ctx), f.deadLocked(), want.Validate())
	if err != nil {
		return nil, fmt.Errorf("cannot prepare host %q: %w", f.config.Host, err)
	}
	var refused []error
	for _, c := range f.lacksLocked(&want) {
		name, isPackage := strings.CutPrefix(c.What, "package ")
		if c.Refused != "" {
			refused = append(refused, fmt.Errorf("cannot make %s: %s", c.What, c.Refused))
			continue
		}
		if f.machine.fails != nil && !isPackage {
			return done, f.machine.fails
		}
		f.makeLocked(c, name, isPackage)
		done = append(done, "made "+c.What+": "+c.New)
	}
	if g := want.VolumeGroup; g != "" && !slices.Contains(f.machine.facts.VolumeGroups, g) {
		refused = append(refused, fmt.Errorf("volume group %q does not exist", g))
	}
	return done, errors.Join(refused...)
}

func (f *Fake) makeLocked(c plan.HostChange, name string, isPackage bool) {
	f.writes++
	if isPackage {
		f.machine.has["package "+name] = true
		return
	}
	f.machine.values[c.What] = c.New
	if c.What == "directory "+f.machine.missing {
		f.machine.missing = ""
	}
	if bridge, ok := strings.CutPrefix(c.What, "bridge "); ok {
		f.bridges[bridge] = true
	}
}

// print writes what is not as on every host.
func (m *machine) print(b *strings.Builder) {
	if !m.has["package lxc"] {
		b.WriteString("without LXC\n")
	}
	if m.missing != "" {
		fmt.Fprintf(b, "without directory %s\n", m.missing)
	}
	for _, what := range slices.Sorted(maps.Keys(m.has)) {
		if m.has[what] && what != "package lxc" {
			fmt.Fprintf(b, "%s\n", what)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(m.values)) {
		if m.values[what] != "" {
			fmt.Fprintf(b, "%s: %s\n", what, m.values[what])
		}
	}
}
