// Command reconciler makes the LXC containers of a host what a tree of YAML files says.
//
// This package is the only one that knows the adapters (directories, SQLite, liblxc), reads flags,
// environment and configuration file, and decides on exit codes. It holds no logic of its own.
package main

import (
	"os"
	"runtime"

	// Windows of the tree name time zones, and a host need not have them.
	_ "time/tzdata"
)

// heapFloor is memory that counts for the garbage collector but is never touched, so that it uses
// no real memory. It makes collections rare: a pass allocates little in all, and collecting again
// and again would cost more.
const heapFloor = 32 << 20

func main() {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
