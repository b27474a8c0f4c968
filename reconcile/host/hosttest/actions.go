package hosttest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Do implements execute.Host.
func (f *Fake) Do(ctx context.Context, s plan.Step, secrets execute.Secrets) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	fault := f.meet(s)
	if fault != nil && fault.hangs != nil {
		close(fault.hangs)
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.deadLocked(); err != nil {
		return "", fmt.Errorf("cannot reach host %q: %w", f.config.Host, err)
	}
	if fault != nil {
		return "", fault.strikeLocked(f, s, secrets)
	}
	message, err := f.doLocked(s, secrets)
	if err != nil {
		return "", err
	}
	return message, nil
}

func (f *Fake) doLocked(s plan.Step, secrets execute.Secrets) (string, error) {
	if s.Host != f.config.Host {
		return "", refuse("this is host %q, not %q", f.config.Host, s.Host)
	}
	if !f.machine.has["package lxc"] {
		return "", refuse("LXC is not installed")
	}
	if f.machine.missing != "" {
		return "", refuse("directory %s does not exist", f.machine.missing)
	}
	switch s.Action {
	case plan.Create:
		return "Container created", f.createLocked(s)
	case plan.Clone:
		return "Container cloned", f.cloneLocked(s)
	case plan.Destroy:
		return "Container destroyed", f.destroyLocked(s)
	}
	c, err := f.ownLocked(s)
	if err != nil {
		return "", err
	}
	switch s.Action {
	case plan.Stop:
		f.stopLocked(c)
		return "Container stopped", nil
	case plan.Start:
		return "Container started", f.startLocked(c)
	}
	if s.Want == nil {
		return "", refuse("step %s does not say what is wanted", s.Action)
	}
	switch s.Action {
	case plan.Configure:
		f.configureLocked(c, s.Want)
		return "Container configured", nil
	case plan.Password:
		return "Password set", f.passwordLocked(c, s.Want, secrets)
	case plan.Address:
		return "Address verified", verifyAddress(c, s.Want)
	case plan.DNS:
		return "DNS set", f.dnsLocked(c, s.Want)
	}
	return "", refuse("step %s is not for a host", s.Action)
}

// ownLocked returns the container of a step, if it is ours.
func (f *Fake) ownLocked(s plan.Step) (*container, error) {
	c, ok := f.containers[s.Container]
	if !ok {
		return nil, refuse("container %q does not exist", s.Container)
	}
	if s.UID == "" || c.mark == nil || *c.mark != f.mark(s) {
		return nil, refuse("container %q does not carry the mark of %q", s.Container, s.UID)
	}
	return c, nil
}

func (f *Fake) mark(s plan.Step) plan.Mark {
	return plan.Mark{
		Installation: f.config.Installation,
		Host:         f.config.Host,
		Name:         s.Container,
		UID:          s.UID,
	}
}

// roomLocked prepares for a new container: done is true if it is there already and whole.
func (f *Fake) roomLocked(s plan.Step) (done bool, err error) {
	if s.UID == "" || s.Want == nil {
		return false, refuse("step %s has no uid or does not say what is wanted", s.Action)
	}
	if _, exists := f.containers[s.Container]; !exists {
		return false, nil
	}
	c, err := f.ownLocked(s)
	if err != nil {
		return false, err
	}
	return f.damageLocked(c) == "", nil
}

func (f *Fake) createLocked(s plan.Step) error {
	done, err := f.roomLocked(s)
	if done || err != nil {
		return err
	}
	if !slices.Contains(f.config.Images, s.Want.Image) {
		return refuse("template script %q is not installed", s.Want.Image)
	}
	f.putLocked(s, &container{
		backing: s.Want.Backing,
		image:   s.Want.Image,
		config:  plan.Config{Hostname: s.Container},
		rootfs:  &Guest{},
	})
	return nil
}

func (f *Fake) cloneLocked(s plan.Step) error {
	done, err := f.roomLocked(s)
	if done || err != nil {
		return err
	}
	source, ok := f.containers[s.Want.FromContainer]
	if !ok {
		return refuse("source %q does not exist", s.Want.FromContainer)
	}
	if damage := f.damageLocked(source); damage != "" {
		return refuse("source %q must not be cloned: %s", source.name, damage)
	}
	if source.live != nil {
		return refuse("source %q is running", source.name)
	}
	made := &container{
		backing: s.Want.Backing,
		image:   source.image,
		config:  cloneConfig(source.config),
		rootfs:  source.rootfs.clone(),
	}
	if made.backing == "overlayfs" {
		// liblxc copies the upper layer of a snapshot: both then have the same lower one.
		made.lower = cmp.Or(source.lower, source.name)
	}
	f.putLocked(s, made)
	return nil
}

// putLocked finishes a new container as liblxc does: an identity of its own.
func (f *Fake) putLocked(s plan.Step, c *container) {
	c.name = s.Container
	c.mark = new(f.mark(s))
	c.config.Hostname = s.Container
	c.config.MAC = macOf(s.Container + s.UID)
	c.rootfs.MachineID = digest(s.Container + s.UID)
	c.rootfs.Hosts = "127.0.1.1 " + s.Container + "\n"
	delete(f.leftovers, s.UID)
	f.containers[s.Container] = c
	f.diskLost = false
	f.writes++
}

func (f *Fake) destroyLocked(s plan.Step) error {
	if _, exists := f.containers[s.Container]; !exists {
		return nil
	}
	c, err := f.ownLocked(s)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		if f.containers[name].lower == c.name {
			return refuse("container %q is a snapshot of %q", name, c.name)
		}
	}
	delete(f.containers, s.Container)
	f.writes++
	return nil
}

func (f *Fake) stopLocked(c *container) {
	if c.live == nil {
		return
	}
	c.live, c.pid, c.addresses = nil, 0, nil
	f.writes++
}

// startLocked starts with the configuration file as it is now.
func (f *Fake) startLocked(c *container) error {
	if c.live != nil {
		return nil
	}
	if damage := f.damageLocked(c); damage != "" {
		return refuse("container %q must not be started: %s", c.name, damage)
	}
	if c.config.Bridge != "" && !f.bridges[c.config.Bridge] {
		return fmt.Errorf("bridge %q does not exist", c.config.Bridge)
	}
	c.live = new(cloneConfig(c.config))
	if c.live.Address.IsValid() {
		c.addresses = []netip.Addr{c.live.Address.Addr()}
	}
	f.pids++
	c.pid = f.pids
	f.writes++
	return nil
}

func (f *Fake) passwordLocked(c *container, want *plan.Desired, secrets execute.Secrets) error {
	if secrets.PasswordHash == "" {
		return refuse("there is no password to set")
	}
	if c.rootfs == nil {
		return refuse("container %q has no root file system", c.name)
	}
	f.editGuestLocked(c, func(g *Guest) {
		if g.Shadow == nil {
			g.Shadow = make(map[string]string, len(want.Users))
		}
		for _, user := range want.Users {
			g.Shadow[user] = secrets.PasswordHash
		}
	})
	return nil
}

func (f *Fake) dnsLocked(c *container, want *plan.Desired) error {
	if c.rootfs == nil {
		return refuse("container %q has no root file system", c.name)
	}
	f.editGuestLocked(c, func(g *Guest) {
		g.Hosts = "127.0.1.1 " + c.name + "\n"
		if want.IP.IsValid() {
			g.Hosts = want.IP.String() + " " + strings.Join(want.Domains, " ") + "\n"
		}
		g.Resolv = ""
		for _, server := range want.DNSServers {
			g.Resolv += "nameserver " + server.String() + "\n"
		}
		if len(want.SearchDomains) > 0 {
			g.Resolv += "search " + strings.Join(want.SearchDomains, " ") + "\n"
		}
	})
	return nil
}

// editGuestLocked counts a write only if edit changed something.
func (f *Fake) editGuestLocked(c *container, edit func(*Guest)) {
	before := c.rootfs.clone()
	edit(c.rootfs)
	if !reflect.DeepEqual(before, c.rootfs) {
		f.writes++
	}
}

func verifyAddress(c *container, want *plan.Desired) error {
	if c.live == nil {
		return fmt.Errorf("container %q is not running", c.name)
	}
	if want.IP.IsValid() && !slices.Contains(c.addresses, want.IP) {
		return fmt.Errorf("container %q has %v, not %s", c.name, c.addresses, want.IP)
	}
	return nil
}
