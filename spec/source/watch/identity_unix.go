//go:build unix

package watch

import (
	"io/fs"
	"syscall"
)

// identity tells a file from another that has taken its name. The zero value tells nothing.
type identity struct{ device, number uint64 }

func identityOf(info fs.FileInfo) identity {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(s.Dev), uint64(s.Ino)}
	}
	return identity{}
}
