package plan_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const (
	installation = "inst-1"
	host         = "h"
)

// network is the one network of the tests.
func network() *spec.Network {
	return &spec.Network{Name: "lan", Bridge: "br0", CIDR: netip.MustParsePrefix("10.5.0.0/16"),
		Gateway: netip.MustParseAddr("10.5.0.1")}
}

type edit = func(*plan.Desired)

// declare returns a running container cloned from base, completely resolved.
func declare(name string, edits ...edit) plan.Desired {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name))
	n := sum.Sum32()
	d := plan.Desired{UID: "uid-" + name, PasswordTag: "tag-" + name}
	d.Host, d.Name = host, name
	d.FromContainer, d.Backing = "base", "dir"
	d.Network, d.Bridge = network(), "br0"
	d.IP = netip.AddrFrom4([4]byte{10, 5, byte(n>>8)%200 + 2, byte(n)%200 + 2})
	d.PrefixLen, d.Gateway = 16, d.Network.Gateway
	d.MAC = fmt.Sprintf("00:16:3e:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))
	d.Domains, d.Users = []string{name}, []string{"root"}
	d.DNSServers = []netip.Addr{d.Network.Gateway}
	d.Autostart, d.Running = true, true
	for _, e := range edits {
		e(&d)
	}
	return d
}

// template returns a declared template.
func template(name string, edits ...edit) plan.Desired {
	d := plan.Desired{UID: "uid-" + name}
	d.Host, d.Name, d.Template = host, name, true
	d.Image, d.Backing = "busybox", "dir"
	for _, e := range edits {
		e(&d)
	}
	return d
}

func from(name string) edit     { return func(d *plan.Desired) { d.FromContainer = name } }
func stopped(d *plan.Desired)   { d.Running = false }
func protect(d *plan.Desired)   { d.Protect = spec.On }
func unprotect(d *plan.Desired) { d.Protect = spec.Off }
func recreate(d *plan.Desired)  { d.Recreate = true }
func overlay(d *plan.Desired)   { d.Backing, d.Snapshot = "overlayfs", true }
func memory(n int64) edit       { return func(d *plan.Desired) { d.Memory = n } }

func conf(lines ...string) edit {
	return func(d *plan.Desired) {
		for _, line := range lines {
			key, value, _ := strings.Cut(line, "=")
			d.LXCConf = append(d.LXCConf, spec.ConfItem{Key: key, Value: value})
		}
	}
}

// scene is an input of one host under construction.
type scene struct {
	in *plan.HostInput
	plan.Input
}

func onHost(desired ...plan.Desired) *scene {
	s := &scene{}
	s.Installation = installation
	s.Hosts = []plan.HostInput{{Host: host, Desired: desired,
		Actual: plan.Actual{Host: host, Bridges: []string{"br0", "br1"}}}}
	s.in = &s.Hosts[0]
	return s
}

// has adds containers as an earlier run left them, according to these declarations.
func (s *scene) has(done ...plan.Desired) *scene {
	for _, d := range done {
		o, got := record(d), observe(d)
		s.in.Owned = append(s.in.Owned, o)
		s.in.Actual.Containers = append(s.in.Actual.Containers, got)
	}
	return s
}

// both declares containers that exist exactly so.
func (s *scene) both(done ...plan.Desired) *scene {
	s.in.Desired = append(s.in.Desired, done...)
	return s.has(done...)
}

// with adds declarations of containers that do not exist.
func (s *scene) with(desired ...plan.Desired) *scene {
	s.in.Desired = append(s.in.Desired, desired...)
	return s
}

// foreign adds containers that somebody made by hand.
func (s *scene) foreign(names ...string) *scene {
	for _, name := range names {
		s.in.Actual.Containers = append(s.in.Actual.Containers,
			plan.Observed{Name: name, State: plan.Stopped, Backing: "dir"})
	}
	return s
}

// prepare says what the host is to be prepared with: its bridges, and what is missing.
func (s *scene) prepare(bridges []string, missing ...string) *scene {
	s.in.Prepare = &plan.Preparing{}
	for _, b := range bridges {
		s.in.Prepare.Want.Bridges = append(s.in.Prepare.Want.Bridges, spec.PreparedBridge{Name: b})
	}
	for _, what := range missing {
		s.in.Prepare.Changes = append(s.in.Prepare.Changes, plan.HostChange{What: what, New: "made"})
	}
	return s
}

// refuses says what of its preparation the host refuses.
func (s *scene) refuses(all ...string) *scene {
	for _, what := range all {
		s.in.Prepare.Changes = append(s.in.Prepare.Changes,
			plan.HostChange{What: what, New: "made", Refused: "it is somebody else's"})
	}
	return s
}

// without takes the directory of its containers from the host.
func (s *scene) without(directory string) *scene {
	s.in.Actual.Missing = directory
	return s
}

// can sets the facts of the host: those of a small machine, changed.
func (s *scene) can(edits ...func(*plan.Facts)) *scene {
	s.in.Facts = &plan.Facts{LXC: "5.0.2", Backings: []string{"dir", "overlayfs"},
		Memory: 4 << 30, DiskTotal: 100 << 30, DiskFree: 10 << 30}
	for _, e := range edits {
		e(s.in.Facts)
	}
	return s
}

func (s *scene) got(name string) *plan.Observed {
	i := slices.IndexFunc(s.in.Actual.Containers,
		func(o plan.Observed) bool { return o.Name == name })
	return &s.in.Actual.Containers[i]
}

func (s *scene) own(name string) *plan.Owned {
	i := slices.IndexFunc(s.in.Owned, func(o plan.Owned) bool { return o.Name == name })
	return &s.in.Owned[i]
}

// gone removes a container from the host, but not from the records.
func (s *scene) gone(name string) *scene {
	s.in.Actual.Containers = slices.DeleteFunc(s.in.Actual.Containers,
		func(o plan.Observed) bool { return o.Name == name })
	return s
}

// hold adds holds, each as "code" of the whole host or "code container".
func (s *scene) hold(all ...string) *scene {
	for _, h := range all {
		code, name, _ := strings.Cut(h, " ")
		s.Holds = append(s.Holds, plan.Hold{Host: host, Container: name, Code: code, Text: "it waits"})
	}
	return s
}

// drift sets what becomes of drift of every container that is declared so far.
func (s *scene) drift(mode spec.Drift) *scene {
	for i := range s.in.Desired {
		if !s.in.Desired[i].Template {
			s.in.Desired[i].Drift = mode
		}
	}
	return s
}

// declared returns a declaration of the scene, to change it.
func (s *scene) declared(name string) *plan.Desired {
	i := slices.IndexFunc(s.in.Desired, func(d plan.Desired) bool { return d.Name == name })
	return &s.in.Desired[i]
}

func (s *scene) allow(all ...plan.Allowance) *scene {
	s.Allow = append(s.Allow, all...)
	return s
}

// record is what the store holds after success.
func record(d plan.Desired) plan.Owned {
	return plan.Owned{UID: d.UID, Host: d.Host, Name: d.Name, Template: d.Template,
		Protect: d.Protect == spec.On, Applied: d.Applied()}
}

// observe is what a host reports after success.
func observe(d plan.Desired) plan.Observed {
	o := plan.Observed{Name: d.Name, State: plan.Stopped, Backing: d.Backing,
		Mark: &plan.Mark{Installation: installation, Host: d.Host, Name: d.Name, UID: d.UID}}
	if d.Backing == "overlayfs" && d.FromContainer != d.Name {
		o.Lower = d.FromContainer
	}
	if d.Template {
		o.Config = plan.Config{Hostname: d.Name}
		return o
	}
	o.Config = d.Config()
	if d.Running {
		start(&o)
	}
	return o
}

func start(o *plan.Observed) {
	live := o.Config
	if live.Raw == nil {
		live.Raw = map[string][]string{}
	}
	o.State, o.PID, o.Live = plan.Running, 4711, &live
	o.Addresses = []string{"127.0.0.1", "fe80::1%eth0"}
	if a := o.Config.Address; a.IsValid() {
		o.Addresses = append(o.Addresses, a.Addr().String())
	}
}

func stop(o *plan.Observed) { o.State, o.PID, o.Live, o.Addresses = plan.Stopped, 0, nil, nil }

// text renders a plan, one line for each container:
//
//	h> bridge br9, package lxc                    what its host is prepared with before
//	web <base: clone(declared) configure start   steps, reasons but "follows", needs
//	web! guard destroy                            what is blocked; "failed" if it is a mistake
//	web= window change                            what is held, and what would be done
//	hand? stopped: it carries no mark             what is not ours
//	= 3                                           how many are as declared
func text(p plan.Plan) string {
	var b strings.Builder
	for _, x := range p.Prepare {
		fmt.Fprintf(&b, "%s> ", x.Host)
		for i, c := range x.Changes {
			b.WriteString(strings.Repeat(", ", min(i, 1)) + c.What)
		}
		b.WriteString("\n")
	}
	for _, it := range p.Containers() {
		b.WriteString(at(it.Host, it.Container))
		if needs := it.Steps[0].Needs; len(needs) > 0 {
			b.WriteString(" <" + strings.Join(needs, ","))
		}
		b.WriteString(":")
		for _, s := range it.Steps {
			b.WriteString(" " + string(s.Action))
			if s.Reason.Code != plan.Follows {
				b.WriteString("(" + s.Reason.Code + ")")
			}
		}
		b.WriteString("\n")
	}
	for _, x := range p.Blocked {
		fmt.Fprintf(&b, "%s! %s %s", at(x.Host, x.Container), x.Code, x.Action)
		if x.Failed {
			b.WriteString(" failed")
		}
		b.WriteString("\n")
	}
	for _, x := range p.Held {
		fmt.Fprintf(&b, "%s= %s %s\n", at(x.Host, x.Container), x.Code, x.Kind)
	}
	for _, u := range p.Unmanaged {
		fmt.Fprintf(&b, "%s? %s: %s\n", at(u.Host, u.Container), u.State, u.Text)
	}
	for _, u := range p.Unreachable {
		fmt.Fprintf(&b, "%s unreachable: %s\n", u.Host, u.Text)
	}
	if p.Unchanged > 0 {
		fmt.Fprintf(&b, "= %d\n", p.Unchanged)
	}
	return b.String()
}

func at(h, container string) string {
	if h == host {
		return container
	}
	return h + "/" + container
}

// changesText renders the changes of all steps of one container: field: old → new, - for
// nothing, with * generated, ? known later, ~ drift, # sensitive.
func changesText(p plan.Plan, container string) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if s.Container != container {
			continue
		}
		for _, c := range s.Changes {
			flags := ""
			for _, f := range []struct {
				on   bool
				sign string
			}{{c.Generated, "*"}, {c.Unknown, "?"}, {c.Drift, "~"}, {c.Sensitive, "#"}} {
				if f.on {
					flags += f.sign
				}
			}
			fmt.Fprintf(&b, "%s %s%s: %s → %s (%s)\n", s.Action, c.Field, flags,
				cmp.Or(c.Old, "-"), cmp.Or(c.New, "-"), c.Class)
		}
	}
	return b.String()
}

// expect fails if a plan is not as the lines say; blank lines and indentation mean nothing.
func expect(t *testing.T, what, got, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line+"\n")
		}
	}
	if want = strings.Join(lines, ""); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", what, got, want)
	}
}
