// Package reconcile walks the whole line once: fetch, parse, observe, resolve, plan, execute,
// report.
//
// It promises that nothing is remembered between passes except what is in the state store, that
// an incomplete source touches no host, and that a host which cannot be observed completely is
// left out and reported. It never talks to a host or a store but through its interfaces.
package reconcile
