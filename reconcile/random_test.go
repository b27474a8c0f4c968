package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// randomSettings are declarations that any container may have.
func randomSettings() []string {
	return []string{"memory: 64M", "memory: 1G", "cpuset: '0'", "cpushare: 10", "autostart: false",
		"running: false", "users: [root, ops]", "dnsservers: [9.9.9.9]",
		"searchdomains: [example.net]", "domains: [www.example.net]", "backing: overlayfs",
		"backing: lvm", "protect: true", "protect: false", "lxc_conf: {lxc.a: 1}",
		"lxc_conf: {lxc.a: 2, lxc.b: 3}", "lxc_conf_unset: [lxc.a]", "gateway: none",
		"bridge: br7", "network: lan", "network: twin", "from_container: gold", "image: busybox",
		"from_container: src", "from_container: handmade", "password: hush",
		"password: loud", "recreate: allow", "drift: report", "drift: ignore", "profile: web",
		"ip: 10.5.200.1", "ip: 10.5.200.2", "ip: 10.5.200.3",
		"mac: '00:16:3e:00:00:01'", "mac: '00:16:3e:00:00:02'"}
}

// randomTree draws the YAML of a valid tree of the hosts h1 and h2, with few names, so that two
// trees have much in common.
func randomTree(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("networks:\n  lan: {cidr: 10.9.0.0/16, gateway: 10.9.0.1}\n" +
		"  twin: {cidr: 10.5.0.0/16}\n" +
		"templates: {gold: {image: busybox}}\n")
	for _, section := range []string{"defaults: {%s}\n", "profiles: {web: {%s}}\n"} {
		harmless := []string{"", "memory: 2G", "cpushare: 20", "lxc_conf: {lxc.d: 1}", "users: [ann]"}
		fmt.Fprintf(&b, section, rapid.SampledFrom(harmless).Draw(t, "layer"))
	}
	b.WriteString("targets:\n")
	taken := map[string]bool{}
	for _, host := range []string{"h1", "h2"} {
		fmt.Fprintf(&b, "  %[1]s:\n    %[1]ssrc: {running: false, %[2]s}\n", host,
			rapid.SampledFrom([]string{"", "lxc_conf: {lxc.a: 7}", "memory: 3G"}).Draw(t, "src"))
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			if rapid.IntRange(0, 3).Draw(t, "declared") > 0 {
				body := strings.Replace(randomBody(t, taken), ": src", ": "+host+"src", 1)
				fmt.Fprintf(&b, "    %s: {%s}\n", host+name, body)
			}
		}
	}
	return b.String()
}

// randomBody draws settings with no key twice, and none that another container has taken.
func randomBody(t *rapid.T, taken map[string]bool) string {
	var lines []string
	keys := map[string]bool{}
	for _, s := range rapid.SliceOfN(rapid.SampledFrom(randomSettings()), 0, 4).Draw(t, "body") {
		key, _, _ := strings.Cut(s, ":")
		unique := key == "ip" || key == "mac" || key == "domains"
		switch {
		case keys[key], unique && taken[s], key == "ip" && keys["network"],
			key == "network" && (keys["ip"] || keys["bridge"]), key == "bridge" && keys["network"],
			key == "image" && keys["from_container"],
			key == "from_container" && keys["image"]:
			continue
		}
		keys[key], taken[s] = true, true
		lines = append(lines, s)
	}
	return strings.Join(lines, ", ")
}

// bareWorld makes hosts with all that random trees name: bridges, images, and a container that
// somebody made by hand.
func bareWorld(t testing.TB) *world {
	w := newWorld(t, 0)
	for _, name := range []string{"h1", "h2"} {
		w.hosts[name] = hosttest.New(hosttest.Config{
			Host: name, Installation: w.snapshot().Installation,
			Bridges: []string{"br7", "lan", "lxcbr1", "twin"}, Images: []string{"busybox", "debian"},
		})
		w.hosts[name].CreateByHand("handmade")
	}
	return w
}

// parsed returns the declaration that a YAML text is.
func parsed(t testing.TB, yaml string) reconcile.Declaration {
	t.Helper()
	tree, err := spec.Parse(fstest.MapFS{"tree.yaml": {Data: []byte(yaml)}}, spec.Options{})
	if err != nil {
		t.Fatalf("a random tree is not valid: %v\n%s", err, yaml)
	}
	return reconcile.Declaration{Revision: spec.Revision{ID: "r"}, Tree: tree}
}

// drift lets people work on the hosts behind our back.
func drift(t *rapid.T, w *world) {
	for _, name := range []string{"h1", "h2"} {
		host := w.hosts[name]
		for range rapid.IntRange(0, 3).Draw(t, "hands") {
			actual, err := host.Observe(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			o := rapid.SampledFrom(actual.Containers).Draw(t, "whose")
			if o.Damage == "" {
				byHand(t, host, o)
			}
		}
	}
}

// byHand does one thing to a container that is whole.
func byHand(t *rapid.T, host *hosttest.Fake, o plan.Observed) {
	switch rapid.IntRange(0, 8).Draw(t, "hand") {
	case 0:
		host.StopByHand(o.Name)
	case 1:
		host.StartByHand(o.Name)
	case 2:
		host.EditConfig(o.Name, func(c *plan.Config) { c.Memory = 5 << 20 })
	case 3:
		host.EditConfig(o.Name, func(c *plan.Config) { c.Raw = map[string][]string{"lxc.a": {"9"}} })
	case 4:
		if o.Live != nil {
			host.EditLive(o.Name, func(c *plan.Config) { c.Memory = 6 << 20 })
		}
	case 5:
		host.EditMark(o.Name, nil)
	case 6:
		host.DestroyByHand(o.Name)
	case 7:
		host.DamageByHand(o.Name)
	case 8:
		host.EditConfig(o.Name, func(c *plan.Config) { c.Bridge = "br7" })
	}
}
