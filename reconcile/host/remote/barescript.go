package remote

import "strings"

// announced begins what the script says of a host on which the agent cannot run; bareMark follows
// where that is for want of LXC, and then facts, as words such as cpus=4.
const (
	announced = "reconciler-agent: "
	bareMark  = "bare "
)

// installWord is what the script is told to install LXC, aloneWord to do so without the bridge that
// the package makes of its own, which could have the name or the addresses of a declared one.
const (
	installWord = "install"
	aloneWord   = "install-alone"
)

// notInstalled is what the script says at last where apt-get has failed.
const notInstalled = "reconciler: apt-get cannot install lxc"

// lxcNetFile is what Debian's lxc-net service reads. One that is there is somebody's choice.
const lxcNetFile = "/etc/default/lxc-net"

// usualLibraries are where the loader finds LXC on most hosts.
const usualLibraries = "/usr/lib/*/liblxc.so.1 /usr/lib/liblxc.so.1 /usr/lib64/liblxc.so.1"

// bareScript is the part of deliverScript that finds out whether the agent can run: the loader must
// find LXC. Where it does not, the script says what it can of the host, and installs LXC if it is
// told to. Only a missing file costs a question to the loader. kept=yes says that something is in
// the directory of the containers, or that nobody can say. What was once interrupted is finished
// before; and what is said meanwhile goes to a file, so that a lost connection interrupts nothing.
func bareScript() string {
	return strings.Join([]string{
		`lib=; for f in $libs; do`,
		`if [ -e "$f" ]; then lib=$f; fi; done;`,
		`needs=; if [ -z "$lib" ]; then needs=$(ldd "$agent" 2>/dev/null); fi;`,
		`case $needs in *"liblxc.so.1 => not found"*)`,
		`kept=no; room=no; if $run test -e "$path"; then room=yes;`,
		`seen=$($run ls -A "$path" 2>/dev/null) || kept=yes;`,
		`if [ -n "$seen" ]; then kept=yes; fi; fi;`,
		`ID=; VERSION_ID=; ID_LIKE=; if [ -r /etc/os-release ]; then . /etc/os-release; fi;`,
		`apt=no; case " $ID $ID_LIKE " in *" debian "*|*" ubuntu "*) apt=yes ;; esac;`,
		`mem=0; while read -r key value unit; do`,
		`if [ "$key" = MemTotal: ]; then mem=$value; fi; done </proc/meminfo;`,
		`cgroup=1; if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cgroup=2; fi;`,
		`armor=$($run cat /sys/module/apparmor/parameters/enabled 2>/dev/null);`,
		`bridges=; for b in /sys/class/net/*/bridge; do`,
		`if [ -d "$b" ]; then b=${b%/bridge}; bridges=$bridges,${b##*/}; fi; done;`,
		`near=$path; until [ -d "$near" ]; do near=$(dirname "$near"); done;`,
		`disk=$(df -Pk "$near" | tail -n 1 | tr -s " ");`,
		`echo; echo "` + announced + bareMark + `kept=$kept room=$room apt=$apt armor=$armor id=$ID version=$VERSION_ID`,
		`kernel=$(uname -r) mem=$mem cgroup=$cgroup cpus=$(nproc) bridges=$bridges`,
		`arch=$(dpkg --print-architecture 2>/dev/null || uname -m)`,
		`total=$(echo "$disk" | cut -d " " -f 2) free=$(echo "$disk" | cut -d " " -f 4)";`,
		`read -r answer || exit 0; umask 022; case $answer in`,
		installWord + `) ;; ` + aloneWord + `) $run test -e "$net" || {`,
		`echo "# Written by reconciler: the bridges of containers are declared in its tree.";`,
		`echo USE_LXC_BRIDGE=false; } | $run tee "$net" >/dev/null ;;`,
		`*) exit 0 ;; esac;`,
		`quiet="$run env DEBIAN_FRONTEND=noninteractive"; said=$(mktemp) || exit 1;`,
		`{ $quiet dpkg --force-confdef --force-confold --configure -a; $quiet apt-get -qy update &&`,
		`$quiet apt-get -qy -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef`,
		`-o Dpkg::Options::=--force-confold --no-install-recommends install lxc; }`,
		`</dev/null >"$said" 2>&1; code=$?; cat "$said" >&2; rm -f "$said";`,
		`[ "$code" = 0 ] || { echo "` + notInstalled + `" >&2; exit 1; };`,
		`umask 077 ;; esac;`,
	}, " ")
}
