package reconcile_test

import (
	"testing"

	"reconciler/reconcile"
	"reconciler/state"
)

// The name that was meant is found by host and container, each for itself, in the tree and among
// what is remembered; what is there is never named in the place of what is nothing like it.
func TestNearest(t *testing.T) {
	t.Parallel()
	tree := parsed(t, `
targets:
  web.example.com: {shop: {}, mail: {}}
  db.example.com: {postgres: {}}`).Tree
	records := []state.Record{{Host: "gone.example.com", Name: "old"},
		{Host: "gone.example.com", Name: "mail"}}
	for given, want := range map[reconcile.Target]string{
		{Host: "wbe.example.com"}:                             "web.example.com",
		{Host: "gone.exmaple.com"}:                            "gone.example.com",
		{Host: "mail9.example.com"}:                           "",
		{Host: "xyzzy"}:                                       "",
		{Host: "web.example.com", Container: "sohp"}:          "web.example.com/shop",
		{Host: "web.exmaple.com", Container: "shop"}:          "web.example.com/shop",
		{Host: "wbe.example.com", Container: "mial"}:          "web.example.com/mail",
		{Host: "gone.example.com", Container: "odl"}:          "gone.example.com/old",
		{Host: "web.example.com", Container: "postgres"}:      "db.example.com/postgres",
		{Host: "elsewhere", Container: "postgres"}:            "db.example.com/postgres",
		{Host: "elsewhere", Container: "mail"}:                "",
		{Host: "web.example.com", Container: "nothing-alike"}: "",
	} {
		if got := reconcile.Nearest(given, tree, records); got != want {
			t.Errorf("%s: meant is %q, not %q", given, got, want)
		}
	}
	if got := reconcile.Nearest(reconcile.Target{Host: "h"}, nil, nil); got != "" {
		t.Errorf("without a tree and records %q is meant", got)
	}
}
