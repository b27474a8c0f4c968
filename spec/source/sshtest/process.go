package sshtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Descendants returns the ids of all processes below one: its children, theirs and so on. It
// returns none where there is no /proc.
func Descendants(pid int) []int {
	children := map[int][]int{}
	for _, p := range processes() {
		_, parent := status(p)
		children[parent] = append(children[parent], p)
	}
	found := children[pid]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// processes are the ids of all processes.
func processes() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc") // without /proc nothing can be found
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// status is the state of a process, empty if there is none, and the id of its parent.
func status(pid int) (state string, parent int) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // it may be gone already
	// pid (name) state parent …, and the name may hold anything
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// Alive reports whether a process runs. One that has ended, and waits for its parent to notice,
// does not.
func Alive(pid int) bool {
	state, _ := status(pid)
	return state != "" && state != "Z"
}

// Mentioned reports whether any process of the machine has a text in its arguments, which are each
// followed by a zero byte.
func Mentioned(text string) bool {
	for _, pid := range processes() {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone already
		if strings.Contains(string(args), text) {
			return true
		}
	}
	return false
}
