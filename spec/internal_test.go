package spec

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"1", 1, true},
		{"1k", 1 << 10, true},
		{"1K", 1 << 10, true},
		{"1KB", 1 << 10, true},
		{"1KiB", 1 << 10, true},
		{"512M", 512 << 20, true},
		{"512 MB", 512 << 20, true},
		{"10g", 10 << 30, true},
		{"2000g", 2000 << 30, true},
		{"1t", 1 << 40, true},
		{"1P", 1 << 50, true},
		{"5b", 5, true},
		{"5B", 5, true},
		{"2P", 0, false},
		{"", 0, false},
		{"M", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5G", 0, false},
		{"1E", 0, false},
		{"1GG", 0, false},
		{"1iB", 0, false},
		{"1 2", 0, false},
		{"0x10", 0, false},
		{"1_000", 0, false},
		{"9223372036854775807", 0, false},
		{"9223372036854775808", 0, false},
		{"9007199254740993K", 0, false},
		{"18446744073709551616", 0, false},
	}
	for _, tt := range tests {
		got, err := parseSize(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("parseSize(%q) = %d, %v; want %d, ok=%v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

// What is shown can be written into a tree again and means the same.
func TestSizesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, maxSize).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "round") {
			n = max(1, n>>30) << (10 * rapid.IntRange(0, 2).Draw(t, "unit"))
		}
		got, err := parseSize(sizeText(n))
		if err != nil || got != n {
			t.Fatalf("%d is shown as %q and read as %d, %v", n, sizeText(n), got, err)
		}
	})
}

func TestSizeText(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0:               "",
		1:               "1",
		1023:            "1023",
		1024:            "1K",
		1025:            "1025",
		512 << 20:       "512M",
		1 << 30:         "1G",
		(1 << 30) + 1:   "1073741825",
		3 << 40:         "3T",
		1 << 50:         "1P",
		math.MaxInt32:   "2147483647",
		(1 << 20) * 500: "500M",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("%d is shown as %q, want %q", n, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "ab", 2},
		{"memory", "memory", 0},
		{"memmory", "memory", 1},
		{"mmeory", "memory", 1},
		{"memori", "memory", 1},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abc", "cab", 2},
		{"bridge", "range", 3},
	}
	for _, tt := range tests {
		if got := edits(tt.a, tt.b); got != tt.want {
			t.Errorf("edits(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := edits(tt.b, tt.a); got != tt.want {
			t.Errorf("edits(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestEditsAreADistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-d]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := edits(a, b)
		if d != edits(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) ||
			d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("edits(%q, %q) = %d", a, b, d)
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := keysIn(table.settings, InContainer)
	for word, want := range map[string]string{
		"memmory":                "memory",
		"Memory":                 "memory",
		"gatway":                 "gateway",
		"from-container":         "from_container",
		"lxcconf":                "lxc_conf",
		"dns_servers":            "dnsservers",
		"domain":                 "domains",
		"user":                   "users",
		"xyzzy":                  "",
		"":                       "",
		strings.Repeat("m", 100): "",
	} {
		if got := Nearest(word, keys); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
	if got := Nearest("ab", []string{"ac", "ad", "aa"}); got != "aa" {
		t.Errorf("among equals got %q, want the first by name", got)
	}
	if got := Nearest("c", []string{"a", "b"}); got != "" {
		t.Errorf("with no letter in common got %q", got)
	}
	if got := didYouMean("xyzzy", keys, "otherwise"); got != "otherwise" {
		t.Errorf("got %q without a near key", got)
	}
}

func TestParseNetmask(t *testing.T) {
	t.Parallel()
	for n := range 33 {
		mask := netip.PrefixFrom(netip.MustParseAddr("255.255.255.255"), n).Masked().Addr()
		for _, text := range []string{fmt.Sprint(n), mask.String()} {
			if got, ok := parseNetmask(text); !ok || got != n {
				t.Errorf("parseNetmask(%q) = %d, %v; want %d", text, got, ok, n)
			}
		}
	}
	for _, text := range []string{"", "33", "-1", "+1", "1.", "255.255.255", "255.255.255.256",
		"0.255.0.0", "255.0.0.255", "::", "1::2.3.4.5", "ffff0000", " 8", "8 "} {
		if got, ok := parseNetmask(text); ok {
			t.Errorf("parseNetmask(%q) = %d", text, got)
		}
	}
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"0.0.0.0/0":        "255.255.255.255",
		"10.0.0.0/8":       "10.255.255.255",
		"10.5.0.0/16":      "10.5.255.255",
		"192.0.2.128/25":   "192.0.2.255",
		"192.0.2.4/30":     "192.0.2.7",
		"203.0.113.255/32": "203.0.113.255",
	} {
		p := netip.MustParsePrefix(prefix)
		if got := broadcast(p); got.String() != want {
			t.Errorf("the broadcast address of %s is %s, want %s", prefix, got, want)
		}
		if isHostOf(p, p.Addr()) || isHostOf(p, broadcast(p)) {
			t.Errorf("%s gives out its own or its broadcast address", prefix)
		}
	}
}

// Nothing that spread makes available is the network, the broadcast address or the gateway.
func TestSpread(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(22, 30).Draw(t, "bits")
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, 0}), bits)
		gateway := cidr.Addr()
		for range rapid.IntRange(1, 1<<(32-bits)-2).Draw(t, "gateway") {
			gateway = gateway.Next()
		}
		n := Network{CIDR: cidr, Gateway: gateway}
		n.spread()
		free := 0
		for a := cidr.Addr(); cidr.Contains(a); a = a.Next() {
			excluded := slices.ContainsFunc(n.Exclude, func(p netip.Prefix) bool {
				return p.Contains(a)
			})
			given := n.inRange(a) && !excluded
			if want := isHostOf(cidr, a) && a != gateway; given != want {
				t.Fatalf("%s on %s with gateway %s: given=%v", a, cidr, gateway, given)
			}
			if given {
				free++
			}
		}
		if want := 1<<(32-bits) - 3; free != want {
			t.Fatalf("%s has %d addresses to give, want %d", cidr, free, want)
		}
	})
}

func TestCPUSets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"0": true, "0-3": true, "0,2,4": true, "0-1,3-5,7": true, "8191": true,
		"": false, ",": false, "1,": false, "-1": false, "1-": false, "3-1": false,
		"8192": false, "0-8192": false, "a": false, "0 1": false, "0-1-2": false, "0x1": false,
	} {
		if got := isCPUSet(text); got != want {
			t.Errorf("isCPUSet(%q) = %v", text, got)
		}
	}
}

func TestStructureBoundsWhatTheParserBuilds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "- ", ": ", "\n", "[", "]", "{", "}", ",", "? ",
			"'x'", `"y"`, " ", "&a ", "# c\n", "|\n"})
		text := strings.Join(rapid.SliceOf(part).Draw(t, "text"), "")
		var root yaml.Node
		if yaml.Unmarshal([]byte(text), &root) != nil {
			return
		}
		if got, most := count(&root), 4*structure([]byte(text)); got > most {
			t.Fatalf("%q has %d nodes, estimated at most %d", text, got, most)
		}
	})
}

func count(n *yaml.Node) int {
	sum := 1
	for _, c := range n.Content {
		sum += count(c)
	}
	return sum
}

func TestNotText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		data string
		line int
		what string
	}{
		{"", 0, ""},
		{"plain", 0, ""},
		{"grüße\n€\n", 0, ""},
		{"\x00", 1, "is a binary file"},
		{"a\nb\n\x00", 3, "is a binary file"},
		{"\xff", 1, "is not valid UTF-8"},
		{"a\n\n\xc3(", 3, "is not valid UTF-8"},
		{"\ufffd is a letter\n\xed\xa0\x80", 2, "is not valid UTF-8"},
	}
	for _, tt := range tests {
		if line, what := notText([]byte(tt.data)); line != tt.line || what != tt.what {
			t.Errorf("%q: got line %d %q, want %d %q", tt.data, line, what, tt.line, tt.what)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "x", strings.Repeat("x", 80)} {
		if shorten(s) != s {
			t.Errorf("a short text is cut: %q", shorten(s))
		}
	}
	for _, s := range []string{strings.Repeat("x", 81), strings.Repeat("€", 50),
		strings.Repeat("\x80", 200)} {
		if got := shorten(s); len(got) > 90 || !strings.HasSuffix(got, "…") ||
			!strings.HasPrefix(s, strings.TrimSuffix(got, "…")) {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestFlattenOrder(t *testing.T) {
	t.Parallel()
	var root yaml.Node
	err := yaml.Unmarshal([]byte(`
a: &a {x: 1, y: 1}
b: &b {y: 2, z: 2}
c: {<<: [*a, *b], w: 3, x: 3}
`), &root)
	if err != nil {
		t.Fatal(err)
	}
	var w walker
	pairs := w.mapping(root.Content[0].Content[5])
	got := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		if got[pairs[i].Value] != "" {
			t.Errorf("%s comes twice", pairs[i].Value)
		}
		got[pairs[i].Value] = pairs[i+1].Value
	}
	want := map[string]string{"w": "3", "x": "3", "y": "1", "z": "2"}
	for k, v := range want {
		if got[k] != v || len(got) != len(want) {
			t.Errorf("got %v, want %v: own keys win, then earlier ones", got, want)
		}
	}
}
