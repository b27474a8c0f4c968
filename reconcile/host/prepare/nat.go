package prepare

import (
	"encoding/json"
	"fmt"
	"reflect"

	"reconciler/spec"
)

// hasNAT reports whether a listing of a table, by nft -j, is what natText makes.
func hasNAT(listing string, b spec.PreparedBridge) (bool, error) {
	var list struct {
		NFTables []struct {
			Chain *struct{ Name, Type, Hook, Policy string }
			Rule  *struct {
				Chain string
				Expr  []any
			}
		}
	}
	if err := json.Unmarshal([]byte(listing), &list); err != nil {
		return false, fmt.Errorf("nft lists what is not JSON: %w", err)
	}
	chains, rules, same := 0, 0, true
	for _, item := range list.NFTables {
		if c := item.Chain; c != nil {
			chains++
			same = same && c.Type == "nat" && c.Hook == "postrouting" && c.Policy == "accept"
		}
		if r := item.Rule; r != nil {
			rules++
			same = same && reflect.DeepEqual(r.Expr, masquerade(b))
		}
	}
	return same && chains == 1 && rules == 1, nil
}

// masquerade is the rule of natText in the form of nft -j: what leaves the network of the bridge
// for elsewhere.
func masquerade(b spec.PreparedBridge) []any {
	match := func(op string, left map[string]any, right any) any {
		return map[string]any{"match": map[string]any{"op": op, "left": left, "right": right}}
	}
	payload := func(field string) map[string]any {
		return map[string]any{"payload": map[string]any{"protocol": "ip", "field": field}}
	}
	network := map[string]any{"prefix": map[string]any{
		"addr": b.Address.Masked().Addr().String(), "len": float64(b.Address.Bits())}}
	return []any{
		match("==", payload("saddr"), network),
		match("!=", payload("daddr"), network),
		match("!=", map[string]any{"meta": map[string]any{"key": "oifname"}}, b.Name),
		map[string]any{"masquerade": nil},
	}
}
