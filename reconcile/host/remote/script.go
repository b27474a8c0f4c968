package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// agentDir is where root keeps delivered agents, each under its hash. Others have them in
// ~/.cache/reconciler/agent, and run them with sudo.
const agentDir = "/var/lib/reconciler/agent"

// asked is how the script says on standard output that the agent is missing, followed by what
// uname(1) says of the system and the machine.
const asked = "reconciler-agent: missing "

// keepDays is how long a version that is not used any more stays.
const keepDays = 7

// deliverScript runs the agent of a hash. One that is missing, or is of another user, is asked for
// and read from standard input; it gets its name when it is whole. Its arguments are the hash and
// size of the agent, the directory of root and that of the containers, where liblxc may be, and the
// settings of LXC's own bridge. The script is a single line without quotes, backslashes and
// exclamation marks, so that any login shell passes it on to sh. It removes versions that do not
// run and were not started for days.
func deliverScript() string {
	return strings.Join([]string{
		`set -u; umask 077; hash=$1 size=$2 dir=$3 path=$4 libs=$5 net=$6 run=;`,
		`if [ "$(id -u)" -ne 0 ]; then`,
		`dir=${HOME:?}/.cache/reconciler/agent; run="sudo -n --"; $run true || exit 1; fi;`,
		`agent=$dir/$hash;`,
		`if [ -O "$dir" ] && [ -O "$agent" ] &&`,
		`[ "$( [ -x "$agent" ] && wc -c <"$agent" )" -eq "$size" ] 2>/dev/null; then`,
		`touch -c "$agent"; else`,
		`mkdir -p "$dir" && [ -O "$dir" ] ||`,
		`{ echo "reconciler: $dir cannot be made, or is not of this user" >&2; exit 1; };`,
		`new=$(mktemp "$dir/.new.XXXXXXXXXX") || exit 1;`,
		`drop() { rm -f "$new"; }; trap drop EXIT;`,
		// Who dies of a signal, as of complaining to a lost connection, runs no trap of EXIT.
		`trap "exit 1" HUP INT PIPE TERM;`,
		`echo; echo "` + asked + `$(uname -s) $(uname -m)";`,
		`head -c "$size" >"$new" || exit 1;`,
		`sum=$(sha256sum <"$new") || exit 1;`,
		`[ "${sum%% *}" = "$hash" ] ||`,
		`{ echo "reconciler: the agent arrived damaged" >&2; exit 1; };`,
		`chmod 700 "$new" && { sync "$new" 2>/dev/null || sync; } &&`,
		`mv -f "$new" "$agent" || exit 1; trap - EXIT;`,
		`find "$dir" -type f -name ".new.*" -mtime +0 -exec rm -f {} +;`,
		`for old in $(find "$dir" -type f -name "[0-9a-f]*" -mtime +` + strconv.Itoa(keepDays) + `); do`,
		`case $(ls -l /proc/[0-9]*/exe 2>/dev/null) in *"$old"*) ;; *) rm -f "$old" ;; esac; done;`,
		`fi; ` + bareScript(),
		`exec $run "$agent" agent`,
	}, " ")
}

// runScript runs an agent that is installed; its argument is the program.
func runScript() string {
	return `if [ "$(id -u)" = 0 ]; then exec "$1" agent; else exec sudo -n -- "$1" agent; fi`
}

// remoteCommand is what the user's shell on the host is told to run.
func remoteCommand(o Options) (string, error) {
	words := []string{runScript(), "reconciler", o.Command}
	if o.Command == "" {
		hash, err := o.Program.Hash()
		if err != nil {
			return "", fmt.Errorf("cannot read this program to deliver it: %w", err)
		}
		words = []string{deliverScript(), "reconciler", hash, strconv.FormatInt(o.Program.size, 10),
			o.directory, o.Target.LXCPath, o.libraries, o.lxcNet}
	} else if strings.HasPrefix(o.Command, "-") || strings.ContainsFunc(o.Command, unicode.IsControl) {
		return "", errors.New("the agent's program looks like an option or has control characters")
	}
	command := "exec sh -c"
	for _, word := range words {
		quoted, err := quote(word)
		if err != nil {
			return "", err
		}
		command += " " + quoted
	}
	return command, nil
}
