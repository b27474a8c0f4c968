package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
)

const fourHosts = "targets: {web-1: {}, web-2: {}, web-3: {}, db: {}}\n"

func TestGroups(t *testing.T) {
	t.Parallel()
	const all = "web-1 web-2 web-3"
	tests := []struct {
		name, group                      string
		hosts                            string
		canary, maxParallel, maxFailures int
	}{
		{"a list in its order", "{hosts: [web-3, web-1, web-2]}", "web-3 web-1 web-2", 0, 0, 0},
		{"a pattern", "{hosts: [web-*]}", all, 0, 0, 0},
		{"a pattern of one letter", "{hosts: ['web-?']}", all, 0, 0, 0},
		{"a range of letters", "{hosts: ['web-[23]']}", "web-2 web-3", 0, 0, 0},
		{"every host", "{hosts: ['*']}", "db " + all, 0, 0, 0},
		{"first one by name, then the rest", "{hosts: [web-2, web-*]}", "web-2 web-1 web-3", 0, 0, 0},
		{"patterns that overlap", "{hosts: ['*-2', web-*]}", "web-2 web-1 web-3", 0, 0, 0},
		{"all numbers", "{hosts: [db], canary: 1, max_parallel: 2, max_failures: 3}", "db", 1, 2, 3},
		{"numbers that mean none", "{hosts: [db], canary: 0, max_failures: 0}", "db", 0, 0, 0},
		{"more canaries than hosts", "{hosts: [db], canary: 5}", "db", 5, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := parse(t, fourHosts+"groups: {g: "+tt.group+"}").Groups["g"]
			if g == nil || g.Name != "g" || strings.Join(g.Hosts, " ") != tt.hosts {
				t.Fatalf("the group is %+v, want hosts %s", g, tt.hosts)
			}
			if g.Canary != tt.canary || g.MaxParallel != tt.maxParallel ||
				g.MaxFailures != tt.maxFailures {
				t.Errorf("the group is %+v: more hosts would be changed than was asked for", g)
			}
			if g.Position.Line != 2 {
				t.Errorf("the group stands at %s, want line 2", g.Position)
			}
		})
	}
}

func TestMoreCanariesThanHostsAreWarnedOf(t *testing.T) {
	t.Parallel()
	group := func(canary string) string {
		return fourHosts + "groups: {g: {hosts: [web-*], canary: " + canary + "}}"
	}
	runOdd(t, []odd{
		{"fewer", group("2"), nil},
		{"all", group("3"), nil},
		{"more", group("4"), []string{`a.yaml:2: groups.g.canary: 4 hosts shall be changed first, and ` +
			`group "g" has 3; write a number below 3, or remove it`}},
	})
}

func TestHostsThatAreMistypedAreWarnedOf(t *testing.T) {
	t.Parallel()
	const targets = "targets: {web1.example.com: {}, web2.example.com: {}}\n"
	runOdd(t, []odd{
		{"mistyped", targets + "hosts: {web1.exmaple.com: {}}", []string{
			"a.yaml:2: hosts.web1.exmaple.com: targets has no such host, so that this has no effect; " +
				`did you mean "web1.example.com"?`}},
		{"one of several", targets + "hosts: {web3.example.com: {}}", nil},
		{"another one", targets + "hosts: {db.example.com: {}}", nil},
		{"beside the entry of the host that is meant", targets +
			"hosts: {web1.exmaple.com: {}, web1.example.com: {}, web2.example.com: {}}", nil},
		{"addresses", "targets: {192.0.2.10: {}}\nhosts: {192.0.2.11: {}}", nil},
	})
}

func TestTreesWithoutGroups(t *testing.T) {
	t.Parallel()
	for _, text := range []string{fourHosts, fourHosts + "groups:", fourHosts + "groups: {}"} {
		if got := parse(t, text); len(got.Groups) != 0 {
			t.Errorf("groups out of nothing: %v", got.Groups)
		}
	}
}

func TestGroupsOfManyFiles(t *testing.T) {
	t.Parallel()
	got := parse(t, `
-- a.yaml --
groups: {a: {hosts: [h]}}
-- b.yaml --
groups: {b: {hosts: [i]}}
targets: {i: {}}
-- c.yaml --
targets.h: {}
`)
	if a, b := got.Groups["a"], got.Groups["b"]; a == nil || b == nil ||
		!slices.Equal(a.Hosts, []string{"h"}) || !slices.Equal(b.Hosts, []string{"i"}) {
		t.Errorf("the groups of two files are %v", got.Groups)
	}
}

func TestBadGroups(t *testing.T) {
	t.Parallel()
	const g = "a.yaml:2: groups.g"
	tests := []struct{ group, want string }{
		{"", g + `: group "g" has no hosts; write them such as hosts: [h1, h2] or hosts: [web-*]`},
		{"{}", g + `: group "g" has no hosts`},
		{"[db]", g + ": is a list; write a mapping"},
		{"{canary: 1}", g + `: group "g" has no hosts`},
		{"{hosts: }", g + ".hosts: is empty; write the hosts such as [h1, h2] or [web-*]"},
		{"{hosts: []}", g + ".hosts: is empty"},
		{"{hosts: db}", g + ".hosts: is a single value; write a list"},
		{"{hosts: [[db]]}", g + ".hosts: is a list; write a single value"},
		{"{hosts: [dp]}", g + `.hosts: "dp" is not a host of the tree; did you mean "db"?`},
		{"{hosts: [mail.example.net]}", g + `.hosts: "mail.example.net" is not a host of the tree; ` +
			"targets names the hosts"},
		{"{hosts: [db, db]}", g + `.hosts: "db" is in the list already; keep one of them`},
		{"{hosts: [api-*]}", g + `.hosts: "api-*" matches no host of the tree; remove it, or mend it`},
		{"{hosts: ['web-[1']}", g + `.hosts: "web-[1" is not a pattern; write it such as web-*`},
		{"{hosts: [db], canary: x}", g + `.canary: "x" is not a number of hosts; write it such as 1`},
		{"{hosts: [db], canary: -1}", g + `.canary: "-1" is not a number of hosts`},
		{"{hosts: [db], canary: 1.5}", g + `.canary: "1.5" is not a number of hosts`},
		{"{hosts: [db], canary: 25%}", g + `.canary: "25%" is not a number of hosts`},
		{"{hosts: [db], canary: 99999999999}", g + `.canary: "99999999999" is not a number of hosts`},
		{"{hosts: [db], canary: }", g + ".canary: has no value"},
		{"{hosts: [db], max_parallel: 0}", g + `.max_parallel: "0" would never change a host; ` +
			"write 1 or more, or remove the key for no limit"},
		{"{hosts: [db], max_parallel: many}", g + `.max_parallel: "many" is not a number of hosts`},
		{"{hosts: [db], max_failures: [1]}", g + ".max_failures: is a list"},
		{"{hosts: [db], max_paralel: 2}", g + `.max_paralel: unknown key "max_paralel"; did you ` +
			`mean "max_parallel"?`},
		{"{hosts: [db], serial: 2}", g + `.serial: unknown key "serial"; write one of canary, hosts, ` +
			"max_failures, max_parallel"},
	}
	for _, tt := range tests {
		t.Run(tt.group, func(t *testing.T) {
			t.Parallel()
			text := fourHosts + "groups: {g: " + tt.group + "}"
			check(t, text, problems(t, text), []string{tt.want})
		})
	}
}

func TestBadSectionsOfGroups(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"a list", fourHosts + "groups: [web-1]", []string{
			"a.yaml:2: groups: is a list; write a mapping of names"}},
		{"a name that is none", fourHosts + "groups: {'a b': {hosts: [db]}}", []string{
			`a.yaml:2: groups.a b: group "a b" is not a name`}},
		{"the same group twice", "groups: {g: {hosts: [db]}}\n-- b.yaml --\n" + fourHosts +
			"groups: {g: {hosts: [web-1]}}", []string{
			`b.yaml:2: groups.g: group "g" is declared twice (also at a.yaml:1)`}},
		{"a host in two groups", fourHosts + "groups:\n  a: {hosts: [db, web-1]}\n" +
			"  b: {hosts: [web-*]}", []string{
			`a.yaml:4: groups.b.hosts: host "web-1" is in group "a" too (also at a.yaml:3); ` +
				"a host is in one group at most"}},
		{"a host that only hosts names", "hosts: {h9: {connect: local}}\n" + fourHosts +
			"groups: {g: {hosts: [h9]}}", []string{
			`a.yaml:3: groups.g.hosts: "h9" is not a host of the tree`}},
		{"everything at once", fourHosts + "groups: {g: {hosts: [x1, db], canary: x, nonsense: 1}}",
			[]string{"a.yaml:2: groups.g.hosts:", "a.yaml:2: groups.g.canary:",
				"a.yaml:2: groups.g.nonsense:"}},
		{"a misspelled section", "group: {}\n" + fourHosts, []string{
			`a.yaml:1: group: unknown section "group"; did you mean "groups"?`}},
	})
}

// Whatever stands in the lists, a group of a good tree names hosts of the tree, each at most once
// in all groups: a host that two groups wait for would be changed by none, or by both.
func TestGroupsNameHostsOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.SampledFrom([]string{"web-1", "web-2", "web-3", "db", "web-*",
			"'*-1'", "'*'", "nothing"}), 0, 4)
		text := fmt.Sprintf("%sgroups: {a: {hosts: [%s]}, b: {hosts: [%s]}}", fourHosts,
			strings.Join(items.Draw(t, "a"), ", "), strings.Join(items.Draw(t, "b"), ", "))
		got, err := spec.Parse(tree(text), spec.Options{})
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, g := range got.Groups {
			if len(g.Hosts) == 0 {
				t.Fatalf("group %s has no hosts:\n%s", g.Name, text)
			}
			for _, h := range g.Hosts {
				if seen[h] || got.Hosts[h] == nil {
					t.Fatalf("host %s is in two groups, or not in the tree:\n%s", h, text)
				}
				seen[h] = true
			}
		}
	})
}
