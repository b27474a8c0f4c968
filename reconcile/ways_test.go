package reconcile_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/reconcile"
	"reconciler/spec"
)

// Whoever reviews a change must see that it has ssh go elsewhere: no step of the plan shows it.
func TestAnotherWayToAHostIsShownInReview(t *testing.T) {
	t.Parallel()
	const h1 = "\ntargets: {h1: {a: {}}}"
	for _, c := range []struct{ before, after, told string }{
		{h1, h1, ""},
		{h1, "hosts: {h1: {connect: 'ssh://root@h1'}}" + h1, ""},
		{h1, "hosts: {h1: {connect: 'ssh://root@evil'}}" + h1,
			"hosts.h1: the host was reached as ssh://root@h1, and will be as ssh://root@evil"},
		{"hosts: {h1: {ssh_gateway: a}}" + h1, "defaults: {ssh_gateway: b, ssh_gateway_user: u, " +
			"ssh_gateway_port: 7, ssh_gateway_key: /k}" + h1, "hosts.h1: the host was reached as " +
			"ssh://root@h1 over a, and will be as ssh://root@h1 over u@b port 7 with the key /k"},
		{h1, "hosts: {h1: {agent: /tmp/x}}" + h1, "and will be as ssh://root@h1, running /tmp/x"},
		{h1, "hosts: {h1: {connect: local}}" + h1, "and will be as local"},
		{h1, "hosts: {h1: {lxcpath: /srv/lxc}}" + h1,
			"hosts.h1: its containers move from /var/lib/lxc to /srv/lxc"},
		{h1, "targets: {h1: {a: {}}, h2: {b: {}}}", ""},
		{h1, "hosts: {h2: {connect: 'ssh://root@evil'}}\ntargets: {h1: {a: {}}, h2: {b: {}}}",
			"hosts.h2: the new host is reached as ssh://root@evil"},
	} {
		pass, err := reconcile.PlanDeclared(declaration(t, c.before), declaration(t, c.after),
			reconcile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, w := range pass.Plan.Warnings {
			told = append(told, w.String())
		}
		if all := strings.Join(told, "\n"); !strings.Contains(all, c.told) || c.told == "" && all != "" {
			t.Errorf("from %s\nto %s\nthe reviewer is told %q, want %q", c.before, c.after, all, c.told)
		}
	}
}

func declaration(t *testing.T, text string) reconcile.Declaration {
	t.Helper()
	tree, err := spec.Parse(fstest.MapFS{"tree.yaml": {Data: []byte(text)}}, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return reconcile.Declaration{Tree: tree}
}
