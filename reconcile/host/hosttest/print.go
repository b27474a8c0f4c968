package hosttest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
)

// String prints the host for goldens: sorted, without process ids. Password hashes are
// shown as "set".
func (f *Fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "host %s\n", f.config.Host)
	for _, name := range slices.Sorted(maps.Keys(f.bridges)) {
		fmt.Fprintf(&b, "bridge %s\n", name)
	}
	f.machine.print(&b)
	for _, uid := range slices.Sorted(maps.Keys(f.leftovers)) {
		fmt.Fprintf(&b, "leftover of %s (%s)\n", f.leftovers[uid], uid)
	}
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		f.printLocked(&b, f.containers[name])
	}
	return b.String()
}

func (f *Fake) printLocked(b *strings.Builder, c *container) {
	state := plan.Stopped
	if c.live != nil {
		state = plan.Running
	}
	fmt.Fprintf(b, "\ncontainer %s: %s\n", c.name, state)
	line(b, "damage", f.damageLocked(c))
	if m := c.mark; m != nil {
		line(b, "mark", m.Installation+" "+m.Host+"/"+m.Name+" "+m.UID)
	}
	line(b, "image", c.image)
	line(b, "backing", c.backing)
	line(b, "lower", c.lower)
	printConfig(b, "file", &c.config)
	if c.live != nil {
		printConfig(b, "live", c.live)
		for _, a := range c.addresses {
			line(b, "has address", a.String())
		}
	}
	if c.rootfs != nil {
		c.rootfs.print(b)
	}
}

func (g *Guest) print(b *strings.Builder) {
	line(b, "guest machine-id", g.MachineID)
	for _, user := range slices.Sorted(maps.Keys(g.Shadow)) {
		line(b, "guest password of "+user, "set")
	}
	for text := range strings.Lines(g.Hosts) {
		line(b, "guest hosts", strings.TrimSpace(text))
	}
	for text := range strings.Lines(g.Resolv) {
		line(b, "guest resolv", strings.TrimSpace(text))
	}
}

func printConfig(b *strings.Builder, of string, c *plan.Config) {
	line(b, of+" hostname", c.Hostname)
	line(b, of+" bridge", c.Bridge)
	line(b, of+" mac", c.MAC)
	if c.Address.IsValid() {
		line(b, of+" address", c.Address.String())
	}
	if c.Gateway.IsValid() {
		line(b, of+" gateway", c.Gateway.String())
	}
	if c.Autostart {
		line(b, of+" autostart", "yes")
	}
	if c.Memory != 0 {
		line(b, of+" memory", fmt.Sprint(c.Memory))
	}
	line(b, of+" cpuset", c.CPUSet)
	if c.CPUShare != 0 {
		line(b, of+" cpushare", fmt.Sprint(c.CPUShare))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Raw)) {
		for _, value := range c.Raw[key] {
			line(b, of+" "+key, value)
		}
	}
}

// line prints one setting, unless it is not set.
func line(b *strings.Builder, key, value string) {
	if value != "" {
		fmt.Fprintf(b, "  %s = %s\n", key, value)
	}
}
