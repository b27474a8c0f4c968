// Package report turns a plan, a result or a list of rows into text for people and JSON for
// machines, and a plan into what code review shows: markdown, annotations, counts.
//
// Every renderer takes a value and a writer. It promises that the same value gives the same bytes,
// that nothing is left out without its number and the place where it stands, that a secret is never
// printed, and that a string from the tree or from a host cannot act on a terminal: in the output
// there is no control character but the newline and, where colour is asked for, our own colours.
// Nor can it act on a page of markdown or on a build server that reads the output. It reads no
// clock, no environment and no terminal, and never decides what is done.
package report

// formatVersion is that of every JSON document of this package. The major number counts up when
// a reader must change, the minor one when something is added.
const formatVersion = "1.3"
