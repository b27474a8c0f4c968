package hosttest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
)

// configureLocked writes the configuration file and, in a running container, those values that
// can change while it runs. The others wait for the next start, as with liblxc.
func (f *Fake) configureLocked(c *container, want *plan.Desired) {
	file, owned := fileConfig(c, want)
	if !reflect.DeepEqual(file, c.config) {
		c.config = file
		f.writes++
	}
	c.owned = owned
	if c.live == nil {
		return
	}
	live := cloneConfig(*c.live)
	live.Address, live.Gateway = file.Address, file.Gateway
	live.Memory, live.CPUSet, live.CPUShare = file.Memory, file.CPUSet, file.CPUShare
	addresses := readdress(c, file.Address)
	if !reflect.DeepEqual(live, *c.live) || !slices.Equal(addresses, c.addresses) {
		c.live, c.addresses = &live, addresses
		f.writes++
	}
}

// readdress returns the addresses of a running container once want took the place of the old one.
func readdress(c *container, want netip.Prefix) []netip.Addr {
	addresses := slices.Clone(c.addresses)
	if c.live.Address != want {
		addresses = slices.DeleteFunc(addresses, func(a netip.Addr) bool {
			return a == c.live.Address.Addr()
		})
	}
	if want.IsValid() && !slices.Contains(addresses, want.Addr()) {
		addresses = append(addresses, want.Addr())
	}
	return addresses
}

// fileConfig is what the configuration file of c shall say, and how many of the last values of
// each raw key are ours. Values that nobody declared stay, unless they are to be unset; ours that
// are no longer declared go.
func fileConfig(c *container, want *plan.Desired) (plan.Config, map[string]int) {
	file := want.Config()
	declared := file.Raw
	file.Raw = make(map[string][]string)
	for key, values := range c.config.Raw {
		values = values[:max(0, len(values)-c.owned[key])]
		stays := declared[key] != nil || !unset(key, want.LXCConfUnset)
		if len(values) > 0 && stays {
			file.Raw[key] = slices.Clone(values)
		}
	}
	owned := make(map[string]int, len(declared))
	for key, values := range declared {
		file.Raw[key] = append(file.Raw[key], values...)
		owned[key] = len(values)
	}
	if len(file.Raw) == 0 {
		file.Raw = nil
	}
	return file, owned
}

// unset reports whether an entry names key or its beginning.
func unset(key string, entries []string) bool {
	return slices.ContainsFunc(entries, func(e string) bool { return strings.HasPrefix(key, e) })
}

// digest stands for randomness: 32 hex digits that are the same in every run and every order.
func digest(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:16])
}

func macOf(of string) string {
	sum := sha256.Sum256([]byte(of))
	return fmt.Sprintf("00:16:3e:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}
