package reconcile_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/reconcile/plan"
	"reconciler/reconcile/resolve"
	"reconciler/spec"
	"reconciler/state"
)

// BenchmarkDecide is everything between the decoded YAML and the plan: merge, defaults,
// validation, resolve, compare; 100 containers on each host, one in four with values of its own.
// "new" has everything to create, "noop" nothing to do. B/container is all that was allocated,
// which bounds the peak from above.
func BenchmarkDecide(b *testing.B) {
	for _, hosts := range []int{100, 1000} {
		files := bigTree(hosts)
		b.Run(fmt.Sprintf("new/%d", hosts*100), func(b *testing.B) {
			decide(b, nil, files, resolve.Input{
				State: state.Snapshot{Installation: "i"}, Observed: emptyHosts(hosts),
			})
		})
		b.Run(fmt.Sprintf("noop/%d", hosts*100), func(b *testing.B) {
			keys, err := state.OpenKey(filepath.Join(b.TempDir(), "key"))
			if err != nil {
				b.Fatal(err)
			}
			snapshot, actual := converged(b, files, hosts)
			// Resolve opens the first password, to see whether the key is the right one.
			first := &snapshot.Records[0]
			if first.Password, err = keys.Seal(first.UID, spec.NewSecret("secret")); err != nil {
				b.Fatal(err)
			}
			decide(b, keys, files, resolve.Input{State: snapshot, Observed: actual})
		})
	}
}

func decide(
	b *testing.B, keys *state.Sealer, files fstest.MapFS, in resolve.Input,
) {
	b.ReportAllocs()
	containers := 100 * len(in.Observed)
	for b.Loop() {
		b.StopTimer()
		documents, err := spec.Load(files, spec.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		tree, err := documents.Tree()
		if err != nil {
			b.Fatal(err)
		}
		full, resolved := completed(b, keys, resolve.Input{
			Tree: tree, State: in.State, Observed: in.Observed,
		})
		p := plan.Compute(planInput(full, resolved))
		if len(p.Blocked) > 0 || (len(in.State.Records) > 0) != p.Empty() {
			b.Fatalf("%d steps, blocked: %v", len(p.Steps), p.Blocked[:min(3, len(p.Blocked))])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*containers), "ns/container")
}

func completed(
	b *testing.B, keys *state.Sealer, in resolve.Input,
) (resolve.Input, resolve.Result) {
	b.Helper()
	for name := range in.Observed {
		in.Hosts = append(in.Hosts, name)
	}
	resolved, err := resolve.Preview(in, keys)
	if err != nil {
		b.Fatal(err)
	}
	return in, resolved
}

// planInput is what reconcile makes of the same for a pass.
func planInput(in resolve.Input, r resolve.Result) plan.Input {
	owned := map[string][]plan.Owned{}
	for _, record := range in.State.Records {
		owned[record.Host] = append(owned[record.Host], plan.Owned{
			UID: record.UID, Host: record.Host, Name: record.Name, Template: record.Template,
			Protect: record.Protect, Applied: record.Applied, Intent: record.Intent,
		})
	}
	out := plan.Input{Installation: in.State.Installation, Warnings: in.Tree.Warnings}
	for _, name := range in.Hosts {
		out.Hosts = append(out.Hosts, plan.HostInput{
			Host: name, Desired: r.Desired[name], Owned: owned[name], Actual: in.Observed[name],
			Problems: r.Problems[name],
		})
	}
	return out
}

// bigTree declares hosts with 100 containers each, a file for every 100 hosts.
func bigTree(hosts int) fstest.MapFS {
	files := fstest.MapFS{"defaults.yaml": {Data: []byte(`
networks: {lxcbr1: {cidr: 10.0.0.0/8, gateway: 10.0.0.1}}
profiles: {web: {memory: 512M}}
`)}}
	for f := 0; f < hosts; f += 100 {
		var y strings.Builder
		y.WriteString("targets:\n")
		for h := f; h < min(f+100, hosts); h++ {
			fmt.Fprintf(&y, "  h%d:\n", h)
			for c := range 100 {
				text := "{}"
				if c%4 == 0 {
					text = "{profile: web, domains: [www.c" + fmt.Sprint(c, ".h", h) + ".org], autostart: false}"
					text = strings.ReplaceAll(text, " .", ".")
				}
				fmt.Fprintf(&y, "    c%d.h%d.example.com: %s\n", c, h, text)
			}
		}
		files[fmt.Sprintf("targets%d.yaml", f)] = &fstest.MapFile{Data: []byte(y.String())}
	}
	return files
}

func emptyHosts(n int) map[string]plan.Actual {
	actual := make(map[string]plan.Actual, n)
	for i := range n {
		name := fmt.Sprintf("h%d", i)
		actual[name] = plan.Actual{Host: name, Bridges: []string{"lxcbr1"},
			Containers: []plan.Observed{{Name: "base", State: plan.Stopped, Backing: "dir"}}}
	}
	return actual
}

// converged is a state and hosts on which the tree has been carried out.
func converged(
	b *testing.B, files fstest.MapFS, hosts int,
) (state.Snapshot, map[string]plan.Actual) {
	b.Helper()
	tree, err := spec.Parse(files, spec.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, actual := state.Snapshot{Installation: "i"}, emptyHosts(hosts)
	_, resolved := completed(b, nil, resolve.Input{Tree: tree, State: s, Observed: actual})
	for name, desired := range resolved.Desired {
		host := actual[name]
		for i := range desired {
			d := &desired[i]
			if d.Template {
				continue
			}
			n := len(s.Records)
			d.UID, d.MAC = fmt.Sprintf("%032x", n), fmt.Sprintf("00:16:3e:%02x:%02x:%02x",
				n>>16&0x7f, n>>8&0xff, n&0xff)
			d.PasswordTag = "tag"
			s.Records = append(s.Records, recordOf(d))
			host.Containers = append(host.Containers, observedOf(d, s.Installation))
		}
		actual[name] = host
	}
	return s, actual
}

func recordOf(d *plan.Desired) state.Record {
	return state.Record{
		UID: d.UID, Version: 1, Host: d.Host, Name: d.Name, Network: d.Network.Name,
		IP: d.IP, MAC: d.MAC, Password: state.Sealed("sealed"), Applied: d.Applied(),
	}
}

func observedOf(d *plan.Desired, installation string) plan.Observed {
	config := plan.Config{
		Hostname: d.Name, Bridge: d.Bridge, MAC: d.MAC,
		Address: netip.PrefixFrom(d.IP, d.PrefixLen), Gateway: d.Gateway,
		Autostart: d.Autostart, Memory: d.Memory,
	}
	live := config
	return plan.Observed{
		Name: d.Name, State: plan.Running, PID: 1, Backing: d.Backing,
		Mark:   &plan.Mark{Installation: installation, Host: d.Host, Name: d.Name, UID: d.UID},
		Config: config, Live: &live, Addresses: []string{d.IP.String()},
	}
}
