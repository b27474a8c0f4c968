package spec

import (
	"errors"
	"io/fs"
	"time"
)

// ErrSourceUnreachable is wrapped by the error of a source whose server did not answer. The last
// tree that it gave is then still the newest one known.
var ErrSourceUnreachable = errors.New("the source cannot be reached")

// Snapshot is the files of a tree at one moment. They do not change afterwards.
type Snapshot struct {
	Files    fs.FS
	Revision Revision
}

// Revision says which version of a tree was read, and whose it is. It is a value for people and
// for comparing; only ID and Tree are always set.
type Revision struct {
	ID      string    // "dir:" and a digest, or the commit as 40 hexadecimal digits
	Tree    string    // digest of all files of the tree: 64 hexadecimal digits
	Ref     string    // git: the branch, tag or commit that was asked for, as it was resolved
	Author  string    // git: "Name <address>"
	Subject string    // git: first line of the message
	Time    time.Time // git: of the commit, UTC
	Signer  string    // git: whose signature was verified; empty where none was asked for
}
