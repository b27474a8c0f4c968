package spec_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

// FuzzParse holds two laws: no input makes Parse panic or go on without end, and a tree that it
// returns keeps every promise of the package.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "makina-states-lxc.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(data), layered, good, "", "---\n", "a: &a [*a]", "targets: &t {h: *t}",
		"targets: {h: {c: {<<: {<<: {memory: 1G}}}}}", "targets: {h: {c: &c {<<: *c}}}",
		"targets: {? [a] : b}", "targets: {h: {'': {}}}", "targets: {'': {}}", "targets.: {}",
		"targets: {h: {c: {profile: !!null small, profile_type: lvm}}}",
		"targets: {h: {c: {network: 0.0.0.0/0, ip: 255.255.255.255}}}",
		"targets: {h: {c: {network: 10.9.0.0, netmask: 0}}}",
		"networks: {n: {cidr: 10.0.0.0/30, range: 10.0.0.1-10.0.0.2, gateway: 10.0.0.1}}\ntargets: {h: " +
			"{}}",
		"targets: {h: {c: {lxc_conf: [{lxc.a: 1}], users: [], domains: [c, d]}}}",
		"templates: {a: {from_container: b}, b: {from_container: a}}\ntargets: {h: {}}",
		"hosts: {h: {connect: 'ssh://root@[::1%25eth0]:22'}}\ntargets: {h: {}}",
		"\xef\xbb\xbftargets: {h: {}}", "%YAML 1.1\n---\ntargets: {h: {}}\n...\n---\n", "- - - -",
		"? ? ?",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip("size is the business of TestSizeLimits")
		}
		tree, err := spec.Parse(fstest.MapFS{"a.yaml": {Data: data}}, spec.Options{Hostname: "me"})
		if err == nil {
			complete(t, tree)
			return
		}
		var ps spec.Problems
		if !errors.As(err, &ps) || len(ps) == 0 {
			t.Fatalf("an error that names nothing: %v", err)
		}
		for _, p := range ps {
			if p.Text == "" || len(p.String()) > 2000 {
				t.Fatalf("a problem that nobody can read: %q", p)
			}
		}
	})
}
