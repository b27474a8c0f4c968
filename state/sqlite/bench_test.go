package sqlite

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"

	"reconciler/state"
)

// records returns n records as they stand after a run.
func records(n int) []state.Record {
	ip := netip.MustParseAddr("10.0.0.2")
	list := make([]state.Record, 0, n)
	for i := range n {
		name := fmt.Sprintf("c%06d.example.org", i)
		list = append(list, state.Record{
			UID: fmt.Sprintf("%032x", i), Host: fmt.Sprintf("host%04d", i/100), Name: name,
			Network: "lxcbr1", IP: ip, MAC: fmt.Sprintf("00:16:3e:%06x", i),
			Password: make(state.Sealed, 260),
			Applied: map[string]string{
				"autostart": "true", "backing": "overlayfs", "bridge": "lxcbr1",
				"domains": name, "gateway": "10.0.0.1", "ip": ip.String() + "/8",
				"password": "0123456789abcdef01234567", "users": "root",
			},
		})
		ip = ip.Next()
	}
	return list
}

func BenchmarkLoad100000(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "state.db"), Options{})
	mustApply(b, s, state.Batch{Put: records(100_000)})
	b.ReportAllocs()
	for b.Loop() {
		if n := len(mustLoad(b, s).Records); n != 100_000 {
			b.Fatalf("%d records", n)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s := mustOpen(b, filepath.Join(b.TempDir(), "state.db"), Options{})
			list := records(size)
			mustApply(b, s, state.Batch{Put: list})
			for i := 0; b.Loop(); i++ {
				for j := range list {
					list[j].Version++
					list[j].Intent = strconv.Itoa(i)
				}
				if _, err := s.Apply(context.Background(), state.Batch{Put: list}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkApplyNoOp(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "state.db"), Options{})
	mustApply(b, s, state.Batch{Put: records(100)})
	same := state.Batch{Put: mustLoad(b, s).Records}
	for b.Loop() {
		mustApply(b, s, same)
	}
}
