package hosttest

import (
	"fmt"
	"net/netip"
	"slices"

	"reconciler/reconcile/plan"
)

// AddBridge makes a bridge, as the administrator of the host does.
func (f *Fake) AddBridge(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bridges[name] = true
}

// RemoveBridge removes a bridge; containers on it go on, but none can be started.
func (f *Fake) RemoveBridge(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.bridges, name)
}

// CreateByHand makes a whole, stopped container that is not ours, as lxc-create does.
func (f *Fake) CreateByHand(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.containers[name] = &container{
		name:    name,
		backing: "dir",
		config:  plan.Config{Hostname: name, MAC: macOf(name)},
		rootfs:  &Guest{MachineID: digest(name), Hosts: "127.0.1.1 " + name + "\n"},
	}
}

// CopyByHand copies a container as lxc-copy does: the copy has the mark, address, environment and
// machine id of its original, and a host name and MAC of its own.
func (f *Fake) CopyByHand(from, to string) {
	f.mustHave(from, func(c *container) {
		copied := &container{
			name:    to,
			mark:    c.mark,
			backing: "dir",
			image:   c.image,
			config:  cloneConfig(c.config),
			rootfs:  c.rootfs.clone(),
		}
		copied.config.Hostname = to
		copied.config.MAC = macOf(to)
		copied.rootfs.Hosts = "127.0.1.1 " + to + "\n"
		f.containers[to] = copied
	})
}

// StartByHand starts a container whatever its mark is; it panics if it is damaged.
func (f *Fake) StartByHand(name string) {
	f.mustHave(name, func(c *container) {
		if err := f.startLocked(c); err != nil {
			panic(err)
		}
	})
}

// StopByHand stops a container; a guest that powers off or whose init dies ends the same way.
func (f *Fake) StopByHand(name string) { f.mustHave(name, f.stopLocked) }

// StopIfThere is StopByHand of a container that a pass may have destroyed meanwhile; then it does
// nothing.
func (f *Fake) StopIfThere(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.containers[name]; ok {
		f.stopLocked(c)
	}
}

// DestroyByHand removes a container, also under the feet of its snapshots.
func (f *Fake) DestroyByHand(name string) {
	f.mustHave(name, func(*container) { delete(f.containers, name) })
}

// DamageByHand removes the root file system of a container and stops it.
func (f *Fake) DamageByHand(name string) {
	f.mustHave(name, func(c *container) {
		f.stopLocked(c)
		c.rootfs = nil
	})
}

// EditConfig edits the configuration file of a container; one that runs does not notice.
func (f *Fake) EditConfig(name string, edit func(*plan.Config)) {
	f.mustHave(name, func(c *container) { edit(&c.config) })
}

// EditMark replaces the mark in the configuration file; nil removes it.
func (f *Fake) EditMark(name string, mark *plan.Mark) {
	f.mustHave(name, func(c *container) { c.mark = mark })
}

// EditLive edits what holds in a running container, as somebody with root in its cgroup does.
func (f *Fake) EditLive(name string, edit func(*plan.Config)) {
	f.mustHave(name, func(c *container) { edit(c.live) })
}

// RemoveAddress takes an address away from a running container, as a DHCP client in it does.
func (f *Fake) RemoveAddress(name string, address netip.Addr) {
	f.mustHave(name, func(c *container) {
		c.addresses = slices.DeleteFunc(c.addresses, func(a netip.Addr) bool {
			return a == address
		})
		if c.live.Address.Addr() == address {
			c.live.Address = netip.Prefix{}
		}
	})
}

// AddAddress gives a running container one more address, as a DHCP client in it does.
func (f *Fake) AddAddress(name string, address netip.Addr) {
	f.mustHave(name, func(c *container) { c.addresses = append(c.addresses, address) })
}

// LoseDisk takes everything below the lxcpath away, as a disk that is not mounted does: all
// containers, what killed creations left, and that the host is Known. The next container that is
// made makes it Known again.
func (f *Fake) LoseDisk() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.containers)
	clear(f.leftovers)
	f.diskLost = true
}

// LoseDirectory takes the directory of the containers away with them, as a disk that is not mounted
// does where the directory lies on it. Only Prepare makes it again.
func (f *Fake) LoseDirectory(path string) {
	f.LoseDisk()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine.missing = path
}

func (f *Fake) mustHave(name string, act func(*container)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.containers[name]
	if !ok {
		panic(fmt.Sprintf("hosttest: host %q has no container %q", f.config.Host, name))
	}
	act(c)
}
