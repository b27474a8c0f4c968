package spec_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"reconciler/spec"
)

// settingLines are declarations that are valid in any layer.
func settingLines() []string {
	return []string{"memory: 64M", "memory: 1G", "cpuset: '0'", "cpuset: 0-1", "cpushare: 10",
		"autostart: false", "running: false", "users: [root, ops]", "users: []",
		"dnsservers: [9.9.9.9]", "searchdomains: [example.net]", "backing: dir",
		"backing: overlayfs", "protect: true", "lxc_conf: {lxc.a: 1, lxc.b: 2}",
		"lxc_conf: [lxc.b: 1, lxc.b: 2]", "lxc_conf_unset: [lxc.c]", "gateway: none",
		"gateway: 10.5.0.7", "netmask: 24", "bridge: br7", "network: 10.9.0.0/24",
		"from_container: gold", "image: busybox", "profile_type: overlayfs-scratch",
		"profile_type: dir", "password: hush", "recreate: allow", "mode: salt",
		"drift: report", "drift: ignore", "windows: [daily 02:00-05:00]",
		"windows: [mon-fri 22:00-04:00 Europe/Berlin, sun 01:00-02:00]"}
}

// piece is one independent part of a declaration.
type piece struct{ section, host, name, body string }

// drawBody draws settings with no key twice.
func drawBody(t *rapid.T, label string) string {
	var lines []string
	seen := map[string]bool{}
	for _, s := range rapid.SliceOfN(rapid.SampledFrom(settingLines()), 0, 6).Draw(t, label) {
		key, _, _ := strings.Cut(s, ":")
		if !seen[key] {
			lines = append(lines, s)
		}
		seen[key] = true
	}
	return strings.Join(lines, ", ")
}

// drawPieces draws a declaration as parts that can be put into any order and file.
func drawPieces(t *rapid.T) []piece {
	var out []piece
	out = append(out, piece{"profiles", "", "p", drawBody(t, "profile p")},
		piece{"profiles", "", "q", drawBody(t, "profile q")},
		piece{"templates", "", "gold", "image: busybox"},
		piece{"networks", "", "lan", "cidr: 10.1.0.0/16, gateway: 10.1.0.1"},
		piece{"groups", "", "g", "hosts: ['?'], canary: 1"})
	for _, h := range []string{"h", "i", "k.example.net"} {
		out = append(out, piece{"hosts", "", h, "defaults: {" + drawBody(t, "host "+h) + "}"})
		for c := range rapid.IntRange(0, 4).Draw(t, "containers of "+h) {
			body := drawBody(t, "container")
			if p := rapid.SampledFrom([]string{"", "p", "q", "small"}).Draw(t, "profile"); p != "" {
				body += ", profile: " + p
			}
			out = append(out, piece{"targets", h, fmt.Sprintf("c%d.%s", c, h), strings.TrimPrefix(body,
				", ")})
		}
	}
	return append(out, piece{"targets", "h", "last", ""})
}

// files writes pieces into n files, in their order.
func files(pieces []piece, at []int) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i, p := range pieces {
		text := fmt.Sprintf("---\n%s: {%s: {%s}}\n", p.section, p.name, p.body)
		if p.section == "targets" {
			text = fmt.Sprintf("---\ntargets.%s:\n  %s: {%s}\n", p.host, p.name, p.body)
			if at[i]%2 == 0 {
				text = fmt.Sprintf("---\ntargets:\n  %s:\n    %s: {%s}\n", p.host, p.name, p.body)
			}
		}
		name := fmt.Sprintf("%d.yaml", at[i])
		if fsys[name] == nil {
			fsys[name] = &fstest.MapFile{}
		}
		fsys[name].Data = append(fsys[name].Data, text...)
	}
	return fsys
}

// sameTree compares everything but where it is written.
func sameTree(a, b *spec.Tree) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(spec.Tree{}),
		cmpopts.IgnoreFields(spec.Tree{}, "Warnings"),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b spec.Secret) bool { return a.Reveal() == b.Reveal() }),
		cmp.Comparer(func(a, b spec.Position) bool { return true }))
}

// Moving a declaration to another place, file or notation never changes what it means.
func TestOrderAndFilesNeverMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := drawPieces(t)
		place := rapid.SliceOfN(rapid.IntRange(0, 5), len(pieces), len(pieces))
		a, errA := spec.Parse(files(pieces, place.Draw(t, "files")), spec.Options{})
		shuffled := rapid.Permutation(pieces).Draw(t, "order")
		b, errB := spec.Parse(files(shuffled, place.Draw(t, "other files")), spec.Options{})
		if (errA == nil) != (errB == nil) {
			t.Fatalf("one order is valid, the other is not:\n%v\n%v", errA, errB)
		}
		if errA != nil {
			if x, y := texts(errA), texts(errB); !slices.Equal(x, y) {
				t.Fatalf("other problems in another order:\n%q\n%q", x, y)
			}
			return
		}
		if diff := sameTree(a, b); diff != "" {
			t.Fatalf("another order is another tree:\n%s", diff)
		}
		if x, y := warningTexts(a), warningTexts(b); !slices.Equal(x, y) {
			t.Fatalf("other warnings in another order:\n%q\n%q", x, y)
		}
	})
}

func texts(err error) []string {
	var out []string
	for _, p := range err.(spec.Problems) {
		out = append(out, p.Text)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func warningTexts(t *spec.Tree) []string {
	var out []string
	for _, p := range t.Warnings {
		out = append(out, p.Path+p.Text)
	}
	slices.Sort(out)
	return out
}

// Whatever is accepted is complete and free of contradictions.
func TestAcceptedTreesAreComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := drawPieces(t)
		tree, err := spec.Parse(files(pieces, make([]int, len(pieces))), spec.Options{})
		if err != nil {
			return
		}
		complete(t, tree)
	})
}

// failer is what complete needs of a test.
type failer interface{ Fatalf(string, ...any) }

// complete fails if a tree breaks a promise of this package.
func complete(t failer, tree *spec.Tree) {
	taken := map[string]string{}
	claim := func(what, who string) {
		if other := taken[what]; other != "" {
			t.Fatalf("%s belongs to %s and %s", what, other, who)
		}
		taken[what] = who
	}
	for name, h := range tree.Hosts {
		if h.Name != name || h.Connect == "" || !strings.HasPrefix(h.LXCPath, "/") ||
			h.Templates["base"] == nil {
			t.Fatalf("host %s is not complete: %+v", name, h)
		}
		for name, c := range h.Containers {
			who := h.Name + "/" + name
			if c.Host != h.Name || c.Name != name || c.Template || c.Position.Line == 0 {
				t.Fatalf("%s is not itself: %+v", who, c)
			}
			if (c.FromContainer == "") == (c.Image == "") {
				t.Fatalf("%s is both cloned and created, or neither: %+v", who, c.Settings)
			}
			if c.Network == nil || tree.Networks[c.Network.Name] != c.Network || c.Bridge == "" {
				t.Fatalf("%s is on no network of the tree: %+v", who, c.Settings)
			}
			if c.Domains[0] != name || !slices.IsSorted(c.Domains[1:]) || !slices.IsSorted(c.Users) {
				t.Fatalf("%s has its lists in no order: %+v", who, c.Settings)
			}
			if c.IP.IsValid() {
				if !c.Network.CIDR.Contains(c.IP) || c.IP == c.Gateway {
					t.Fatalf("%s has an address that cannot work: %+v", who, c.Settings)
				}
				claim(c.Network.Name+" "+c.IP.String(), who)
			}
			if c.MAC != "" {
				claim(c.MAC, who)
			}
			for _, d := range c.Domains {
				claim(c.Network.Name+" "+strings.ToLower(d), who)
			}
			list, ok := tree.Settings(h.Name, name)
			if !ok || len(list) < 10 {
				t.Fatalf("%s has no settings", who)
			}
		}
	}
	for name, n := range tree.Networks {
		if n.Name != name || n.Bridge == "" || !n.CIDR.Contains(n.First) || n.Last.Less(n.First) {
			t.Fatalf("network %s is not complete: %+v", name, n)
		}
	}
}

// Parsing one declaration twice gives the same in every respect, also the positions.
func TestParsingIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := drawPieces(t)
		fsys := files(pieces, make([]int, len(pieces)))
		a, errA := spec.Parse(fsys, spec.Options{})
		b, errB := spec.Parse(fsys, spec.Options{})
		if fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("other problems at the second time:\n%v\n%v", errA, errB)
		}
		if errA != nil {
			return
		}
		if diff := sameTree(a, b); diff != "" || !slices.Equal(a.Warnings, b.Warnings) {
			t.Fatalf("another tree at the second time:\n%s", diff)
		}
	})
}

// A mistake anywhere is found, and nothing that was right becomes wrong through it.
func TestOneMistakeIsOneProblem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := drawPieces(t)
		if _, err := spec.Parse(files(pieces, make([]int, len(pieces))), spec.Options{}); err != nil {
			return
		}
		i := rapid.SampledFrom([]int{0, 1, len(pieces) - 1}).Draw(t, "where")
		pieces[i].body += ", cpushre: 5"
		pieces[i].body = strings.TrimPrefix(pieces[i].body, ", ")
		_, err := spec.Parse(files(pieces, make([]int, len(pieces))), spec.Options{})
		ps, _ := err.(spec.Problems)
		if len(ps) != 1 || !strings.Contains(ps[0].String(), `did you mean "cpushare"?`) {
			t.Fatalf("want exactly the unknown key, got %v", err)
		}
	})
}
