// Package plan compares what is declared with what runs, and says what must be done, as data.
//
// Compute is a value function: the same Input gives the same Plan, inputs are never changed, the
// output is sorted. It promises never to plan a destroy, stop or change of a container that does
// not carry our mark and a record under the same uid (two witnesses), and never more destroys
// than the guard allows. It never reads a clock, a file, a host or a random number.
package plan
