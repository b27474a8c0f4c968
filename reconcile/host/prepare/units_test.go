package prepare

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
)

// anyBridge is one that spec lets through.
func anyBridge() *rapid.Generator[spec.PreparedBridge] {
	return rapid.Custom(func(t *rapid.T) spec.PreparedBridge {
		b := spec.PreparedBridge{Name: rapid.StringMatching(`[a-z][a-z0-9._-]{0,14}`).Draw(t, "name")}
		if rapid.Bool().Draw(t, "no address") {
			return b
		}
		v := rapid.Uint32Range(1<<24, 223<<24).Draw(t, "address")&^3 | 1
		addr := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		b.Address = netip.PrefixFrom(addr, rapid.IntRange(1, 30).Draw(t, "bits"))
		b.NAT = rapid.Bool().Draw(t, "nat")
		if rapid.Bool().Draw(t, "dhcp") {
			b.DHCPFirst, b.DHCPLast = addr.Next(), addr.Next()
		}
		return b
	})
}

// TestUnits: each file says whose it is, no line of it can be taken for another, and the address
// that was given is found again in it.
func TestUnits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBridge().Draw(t, "bridge")
		texts := []string{bridgeText(b), networkText(b.Name)}
		if b.NAT {
			texts = append(texts, natText(b))
		}
		if b.DHCPFirst.IsValid() {
			texts = append(texts, dhcpText(b))
		}
		for _, text := range texts {
			if !strings.HasPrefix(text, header) || !strings.Contains(text, b.Name) ||
				strings.Contains(text, "%!") || strings.Count(text, "'")%2 != 0 {
				t.Fatalf("a unit is\n%s", text)
			}
		}
		if got := recordedAddress(bridgeText(b)); got != b.Address {
			t.Fatalf("the bridge was given %s, which is found again as %s", b.Address, got)
		}
	})
}

func TestRecordedAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "invalid Prefix", "# Address: nonsense\n": "invalid Prefix",
		"# Address: 10.5.0.1/16\r\n": "10.5.0.1/16", "x\n# Address: 10.5.0.1/16": "10.5.0.1/16",
	} {
		if got := recordedAddress(text).String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
