package watch

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkLook is what each rescan costs with 1,000 directories and 10,000 files.
func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		sub := mkdir(b, filepath.Join(dir, fmt.Sprint(i/100), fmt.Sprint(i)))
		for j := range 10 {
			write(b, filepath.Join(sub, fmt.Sprint(j, ".yaml")), "a: 1\n")
		}
	}
	w := watchTree(b, dir, eventsOnly())
	b.ReportAllocs()
	for b.Loop() {
		if w.look() {
			b.Fatal("a tree at rest seems to change")
		}
	}
}
