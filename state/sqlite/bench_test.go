package sqlite

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"
	"time"

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

// fill stores what a daemon that has run for long remembers beside the records.
func fill(b *testing.B, s *Store) {
	b.Helper()
	for i := range state.MaxPasses {
		mustApply(b, s, state.Batch{Pass: newPass(i)})
	}
	mustApply(b, s, state.Batch{Suspend: []state.Suspension{
		{Host: "host0000", Reason: "moving the disks", By: "ann@desk", Since: newPass(0).Began},
		{Host: "host0001", Reason: "moving the disks", By: "ann@desk", Since: newPass(0).Began},
	}})
}

func newPass(i int) *state.Pass {
	began := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return &state.Pass{
		ID: strconv.Itoa(i), Source: "ssh://git@code.example.org/tree.git",
		Revision: fmt.Sprintf("%040x", i), Ref: "refs/heads/main",
		Author: "Ann <ann@example.org>", Subject: "web: more memory", Signer: "ann@example.org",
		Began: began, Ended: began.Add(time.Second), Created: 1, Changed: 2,
	}
}

// BenchmarkLoad is what a pass without change pays for 100 records, in a new store and in one of
// a daemon that has run for long.
func BenchmarkLoad(b *testing.B) {
	for _, full := range []bool{false, true} {
		b.Run("remembered="+strconv.FormatBool(full), func(b *testing.B) {
			s := mustOpen(b, filepath.Join(b.TempDir(), "state.db"), Options{})
			mustApply(b, s, state.Batch{Put: records(100)})
			if full {
				fill(b, s)
			}
			b.ReportAllocs()
			for b.Loop() {
				mustLoad(b, s)
			}
		})
	}
}

func BenchmarkApplyPass(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "state.db"), Options{})
	fill(b, s)
	for i := state.MaxPasses; b.Loop(); i++ {
		mustApply(b, s, state.Batch{Pass: newPass(i)})
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
