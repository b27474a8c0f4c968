//go:build linux

package prepare

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
)

// listing is what nft 1.0.6 says of the table of natBridge.
const listing = `{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
{"table": {"family": "ip", "name": "reconciler_lxcbr1", "handle": 1}},
{"chain": {"family": "ip", "table": "reconciler_lxcbr1", "name": "postrouting", "handle": 1,
	"type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}},
{"rule": {"family": "ip", "table": "reconciler_lxcbr1", "chain": "postrouting", "handle": 2,
	"expr": [
{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
	"right": {"prefix": {"addr": "10.5.0.0", "len": 16}}}},
{"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}},
	"right": {"prefix": {"addr": "10.5.0.0", "len": 16}}}},
{"match": {"op": "!=", "left": {"meta": {"key": "oifname"}}, "right": "lxcbr1"}},
{"masquerade": null}]}}]}`

func TestNATThatWasChanged(t *testing.T) {
	t.Parallel()
	if same, err := hasNAT(listing, natBridge()); !same || err != nil {
		t.Fatalf("the table of the bridge is not recognized: %v", err)
	}
	for name, r := range map[string][2]string{
		"another network":    {`"10.5.0.0", "len": 16`, `"10.5.0.0", "len": 24`},
		"another bridge":     {`"right": "lxcbr1"`, `"right": "lxcbr2"`},
		"translated to it":   {`"!=", "left": {"meta"`, `"==", "left": {"meta"`},
		"another hook":       {`"hook": "postrouting"`, `"hook": "input"`},
		"all is dropped":     {`"policy": "accept"`, `"policy": "drop"`},
		"not translated":     {`"masquerade": null`, `"accept": null`},
		"one more rule":      {`{"rule": {`, `{"rule": {"expr": []}}, {"rule": {`},
		"one more chain":     {`{"chain": {`, `{"chain": {}}, {"chain": {`},
		"counted beforehand": {`{"masquerade": null}`, `{"counter": null}, {"masquerade": null}`},
	} {
		text := strings.Replace(listing, r[0], r[1], 1)
		if text == listing {
			t.Fatalf("%s: nothing was changed", name)
		}
		if same, err := hasNAT(text, natBridge()); same || err != nil {
			t.Errorf("%s: nobody notices: %v, %v", name, same, err)
		}
	}
	if same, err := hasNAT(`{"nftables": []}`, natBridge()); same || err != nil {
		t.Errorf("an empty table does for NAT: %v, %v", same, err)
	}
	if _, err := hasNAT("nonsense", natBridge()); err == nil {
		t.Error("nft says nonsense, and nobody notices")
	}
}

// TestNATIsRecognized: what the unit tells the kernel, the kernel tells us, for every network.
func TestNATIsRecognized(t *testing.T) {
	t.Parallel()
	requireMachines(t)
	rapid.Check(t, func(t *rapid.T) {
		b := anyBridge().Filter(func(b spec.PreparedBridge) bool { return b.NAT }).Draw(t, "bridge")
		_, rules, _ := strings.Cut(natText(b), "ExecStart=/usr/sbin/nft '")
		rules, _, _ = strings.Cut(rules, "'\n")
		cmd := exec.CommandContext(context.Background(), "unshare", "-n", "sh", "-ec",
			`nft "$1"; nft "$1"; nft -j list table ip "$2"`, "sh", rules, natTable(b.Name))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, rules, out)
		}
		if same, err := hasNAT(string(out), b); !same || err != nil {
			t.Fatalf("%s\nis listed as\n%s\nwhich is not recognized: %v", rules, out, err)
		}
	})
}
