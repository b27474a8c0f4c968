// Package guest changes files inside the root file system of one container, running or stopped.
//
// It promises that no path ever leads out of that root: absolute symbolic links, "..", magic
// links and links that a hostile guest swaps during the work all stay inside, because the kernel
// resolves every path (openat2) relative to an open directory. It opens regular files only, and
// reads at most 1 MiB of each. Every file is replaced as a whole by a rename, and only when its
// content differs; mode, owner and extended attributes stay. Every function is idempotent and
// reports whether it changed something. A process killed at any point leaves the old or the new
// file, and at most one temporary file, which the next write of the same file takes away. Only
// closing an overlay flushes to the disk: after a power failure the caller repeats the call.
//
// It never runs a program, never starts or stops anything, never reads a clock, and never decides
// what a container should look like. One Root serves one goroutine at a time.
//
// # Who owns the address of an interface
//
// LXC sets address and route (lxc.net.N.ipv4.*) before the first process of the guest runs, and
// the guest keeps its hands off: OwnInterface tells every usual network manager inside to leave
// the interface as it found it. So the address is declared in one place, it is there when the
// first service starts, and changing it changes no file of the guest.
package guest
