package main

import (
	"fmt"
	"os"

	"reconciler/spec/decrypt"
)

// readKeys reads the files that --decryption-key names.
func readKeys(paths []string) (*decrypt.Keys, error) {
	keys := &decrypt.Keys{}
	for _, path := range paths {
		if err := addKeys(keys, path); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func addKeys(keys *decrypt.Keys, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read decryption key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot read decryption key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return hinted{fmt.Errorf("cannot use decryption key %q: its mode %#o lets others in",
			path, info.Mode().Perm()), "chmod 600 " + path}
	}
	if err := keys.Add(f); err != nil {
		return fmt.Errorf("cannot use decryption key %q: %w", path, err)
	}
	return nil
}
