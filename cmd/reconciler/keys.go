package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// keys digests the files that the daemon reads once: keys and secrets are exchanged in their place,
// under the same name. What cannot be read counts too.
func (a *app) keys() string {
	sum := sha256.New()
	add := func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return nil
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(path)
		}
		fmt.Fprintf(sum, "%q %q %v\n", path, text, err)
		return nil
	}
	for _, path := range slices.Concat(a.verifyKeys, a.decryptionKeys, []string{a.hookSecrets}) {
		_ = filepath.WalkDir(path, add) // add never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}
