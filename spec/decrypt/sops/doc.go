// Package sops reads YAML files that SOPS encrypted to age keys.
//
// It promises to return a value only if the MAC of the whole file was verified, and that no error
// repeats a clear value. It never writes such a file, and it has no keys: the caller opens the age
// data. What it does not know (key groups, rules by comment) it refuses.
//
// The format: each leaf is ENC[AES256_GCM,data:…,iv:…,tag:…,type:…], encrypted under one key per
// file, with its path joined by ":" plus a trailing ":" as additional data; items of a list have
// the path of the list. Documents of one file count together: the MAC is the SHA-512 over all their
// values in order, itself encrypted with the time of the last change as additional data. Comments
// do not count as values.
package sops
