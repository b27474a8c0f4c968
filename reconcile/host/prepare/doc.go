// Package prepare makes the machine that it runs on fit for containers, and says what it can do.
//
// It promises that a second call does nothing, not even to the time of a file; that a kill at any
// point is healed by the next call; that what it made is there again after a reboot, without any
// program of ours; that files are replaced as a whole; and that all it writes says who wrote it. No
// installation of packages is broken off when the context ends: only nothing else is begun then.
// What it writes: packages by apt-get, directories, lines of /etc/subuid and /etc/subgid, one file
// in /etc/sysctl.d, one nftables table per bridge, and systemd units named reconciler-*. Among the
// directories is always that of the containers, where it is missing.
//
// It never takes away what it did not make: a bridge, file or range that is somebody else's is
// accepted if it is as declared, else refused with a sentence. What is not declared any more stays.
// It never follows a symbolic link to what it writes, and makes no volume group. It knows nothing
// of ssh and of liblxc. It relies on the caller to make one call at a time on one machine.
//
// NAT is in a table of its own, which cannot let through what another table drops: where Docker or
// ufw make the kernel drop what is forwarded, they must be told to let the bridge through.
package prepare
