//go:build !unix

package watch

import "io/fs"

// identity tells a file from another that has taken its name. The zero value tells nothing.
type identity struct{ device, number uint64 }

func identityOf(fs.FileInfo) identity { return identity{} }
