package lxc

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"512M": 512 << 20, "1g": 1 << 30, "2048k": 2 << 20, "7": 7, "-1": 0, "max": 0, "1T": 1 << 40,
	} {
		if got, ok := parseSize(text); !ok || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "x", "5X", "-5", "M", "9999999999999T", "1.5G"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("%q is taken for %d bytes", text, got)
		}
	}
}

// A limit that was set must read back as set, in every dialect, or each pass sets it again.
func TestSharesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dialect{v2: rapid.Bool().Draw(t, "v2")}
		n := rapid.IntRange(2, 262144).Draw(t, "shares")
		if got := d.cpuOf(d.cpuValue(n), n); got != n {
			t.Fatalf("%d shares read back as %d", n, got)
		}
		w, err := strconv.Atoi(d.cpuValue(n))
		if err != nil || d.v2 && (w < 1 || w > 10000) {
			t.Fatalf("%d shares become %q, which the kernel refuses", n, d.cpuValue(n))
		}
	})
}

func TestWeightsKeepTheirValue(t *testing.T) {
	for w := 1; w <= 10000; w++ {
		if got := weight(shares(w)); got != w {
			t.Fatalf("weight %d becomes %d when it is written again", w, got)
		}
	}
}

func TestLimitsOfTheKernel(t *testing.T) {
	for _, c := range []struct {
		text       string
		file, want int64
	}{
		{"9223372036854771712", 0, 0}, {"max", 0, 0}, {"-1", 5, 0},
		{"8192", 9000, 9000}, {"8192", 0, 8192}, {"4096", 9000, 4096}, {"", 0, 0},
		{strconv.Itoa(math.MaxInt64), 0, 0},
	} {
		if got := memoryOf(c.text, c.file); got != c.want {
			t.Errorf("%q with %d in the file is %d, want %d", c.text, c.file, got, c.want)
		}
	}
	if got := (dialect{}).cpuOf("1024", 0); got != 0 {
		t.Errorf("the kernel's default counts as a limit of %d", got)
	}
	if got := (dialect{v2: true}).cpuOf("100", 0); got != 0 {
		t.Errorf("the kernel's default weight counts as %d shares", got)
	}
}

func TestSameCPUs(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"0-2", "0,1,2"}: true, {"0-1", "1,0"}: true, {"0", "1"}: false, {"0-1,1", "0-1"}: true,
		{"0-99999999999", "0"}: false, {"x", "0"}: false,
	} {
		if got := sameCPUs(pair[0], pair[1]); got != want {
			t.Errorf("%q: same is %v", pair, got)
		}
	}
}

func TestAddressesAsLiblxcReadsThem(t *testing.T) {
	for value, want := range map[string]string{
		"10.5.0.7/16": "10.5.0.7/16", "10.5.0.7/16 10.5.255.255": "10.5.0.7/16",
		"10.5.0.7": "10.5.0.7/8", "172.16.0.1": "172.16.0.1/16", "192.168.1.1": "192.168.1.1/24",
	} {
		if got, ok := parseAddress(value); !ok || got.String() != want {
			t.Errorf("%q is %v, %v; want %s", value, got, ok, want)
		}
	}
	if got, ok := parseAddress("dhcp"); ok {
		t.Errorf("dhcp is taken for %v", got)
	}
}
