package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"reconciler/spec"
)

const hostsFile = "/etc/hosts"

// fullName is the name with a domain that this machine gives itself, which "hostname -f" prints, or
// empty. Nobody is asked over the network.
func fullName(hostname string) string {
	f, err := os.Open(hostsFile)
	if err != nil {
		return ""
	}
	// It was only read.
	defer func() { _ = f.Close() }()
	return canonical(f, hostname)
}

// canonical returns the first name of the line of hosts(5) that has a name, empty if none has.
func canonical(hosts io.Reader, name string) string {
	lines := bufio.NewScanner(hosts)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if words := strings.Fields(line); len(words) > 1 && slices.Contains(words[1:], name) {
			return words[1]
		}
	}
	return ""
}

// checkHosts refuses a host that the tree does not have. One that each machine names itself, such
// as in --host "$(hostname)", must not come to mean all of them.
func (a *app) checkHosts(t *spec.Tree) error {
	declared := slices.Sorted(maps.Keys(t.Hosts))
	self := hostname()
	for _, name := range a.hosts {
		if t.Hosts[name] != nil {
			continue
		}
		err := fmt.Errorf("cannot limit the pass to host %q: the tree has no such host", name)
		full := fullName(self)
		switch {
		case name != self && name != full:
			return hinted{err, a.hostMeant(t, name)}
		case t.Hosts[full] != nil:
			return hinted{err, "this machine is there as " + full + ": say --host " + full}
		case t.Hosts[self] != nil:
			return hinted{err, "this machine is there as " + self + ": say --host " + self}
		}
		return hinted{err, "this machine is not in the tree, and nothing of it is touched; its hosts " +
			"are " + someOf(declared)}
	}
	return nil
}

// someOf names a few.
func someOf(names []string) string {
	const most = 10
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// errNoHost is for an empty --host.
func errNoHost() error {
	return hinted{errors.New("cannot use --host: it names no host, and would mean all of them"),
		`if it was to be "$(hostname)": that is empty`}
}
