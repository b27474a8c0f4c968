// Command reconciler makes the LXC containers of a host what a tree of YAML files says.
//
// This package is the only one that knows the adapters (directories, SQLite, liblxc), reads flags,
// environment and configuration file, and decides on exit codes. It holds no logic of its own.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
