// Package source says where trees come from. Dir is a directory of this machine.
//
// It promises that what Fetch returns is complete, that nothing outside the given place was
// read, and that it no longer changes: a tree is parsed from memory, never from files that
// somebody is writing. It never interprets what the files say.
package source
