package main

import (
	"errors"
	"strings"
	"testing"

	"reconciler/spec"
)

func TestFullNameOfThisMachine(t *testing.T) {
	t.Parallel()
	const hosts = `# web1.commented.net web1
127.0.0.1	localhost
127.0.1.1	web1.example.net	web1 # the machine itself
10.0.0.2 db1 other
::1 web1.too.late.net web1
192.0.2.9 alone.example.net`
	for name, want := range map[string]string{
		"web1": "web1.example.net", "other": "db1", "db1": "db1",
		"alone.example.net": "alone.example.net",
		"nowhere":           "", "": "", "10.0.0.2": "",
	} {
		if got := canonical(strings.NewReader(hosts), name); got != want {
			t.Errorf("%q is called %q, want %q", name, got, want)
		}
	}
}

// A machine that the tree does not have must be told so, and must not work on others.
func TestHostsThatTheTreeDoesNotHave(t *testing.T) {
	t.Parallel()
	self := hostname()
	with := func(names ...string) *spec.Tree {
		tree := &spec.Tree{Hosts: map[string]*spec.Host{}}
		for _, name := range names {
			tree.Hosts[name] = &spec.Host{Name: name}
		}
		return tree
	}
	for _, c := range []struct {
		host  string
		tree  *spec.Tree
		error string // empty: none
		hint  string
	}{
		{host: "a", tree: with("a", "b")},
		{host: self, tree: with(self)},
		{host: "c", tree: with("b", "a"), error: `host "c": the tree has no such host`,
			hint: "its hosts are a, b"},
		{host: self, tree: with("a"), error: "the tree has no such host",
			hint: "this machine is not in the tree, and nothing of it is touched; its hosts are a"},
	} {
		err := (&app{hosts: []string{c.host}}).checkHosts(c.tree)
		var h hinted
		switch {
		case c.error == "" && err == nil:
		case err == nil || c.error == "" || !strings.Contains(err.Error(), c.error):
			t.Errorf("--host %s is told %v, want %q", c.host, err, c.error)
		case !errors.As(err, &h) || h.hint != c.hint:
			t.Errorf("--host %s is given the hint %q, want %q", c.host, h.hint, c.hint)
		}
	}
}
