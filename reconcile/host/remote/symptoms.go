package remote

// symptom is a text of ssh or of what it runs, and what to do then.
type symptom struct{ text, advice string }

// allowAll is what sudo must allow: a program that is delivered has another name in each version.
const allowAll = "the user must be allowed to use sudo without a password, by a line such as " +
	"USER ALL=(root) NOPASSWD: ALL in sudoers there, or let root log in"

// symptoms come with the more telling ones first. HAND stands for the command that logs in by hand,
// KNOWN for the host as known_hosts has it, USER for who logs in.
func symptoms() []symptom {
	return []symptom{
		{"REMOTE HOST IDENTIFICATION HAS CHANGED",
			"if you know why the host has another key, remove the old one with ssh-keygen -R KNOWN, " +
				"log in once with HAND and compare the fingerprint; else somebody may be in between"},
		{"Host key verification failed",
			"log in once with HAND and compare the fingerprint, so that the host key is known"},
		{"must have a tty to run sudo", "sudo wants a terminal for this user: write " +
			"Defaults:USER !requiretty in sudoers there, or let root log in"},
		{"a password is required", allowAll},
		{"a terminal is required", allowAll},
		{"is not in the sudoers", allowAll},
		{"may not run sudo", allowAll},
		{"is not allowed to execute", "sudo allows the user other programs only: " + allowAll +
			". To allow only this program, install it there, write agent: /PATH at the host in the " +
			"tree, and NOPASSWD: /PATH agent in sudoers"},
		{"sudo: not found", "install sudo there, or let root log in"},
		{": command not found", "sudo does not find what agent names, or not in its secure_path: " +
			"write the absolute path of a program that is there"},
		{"sudo: unable to execute", "root may not run what is in the home directory of the user: it " +
			"may be mounted noexec, or from a server that does not trust root. Install the program " +
			"there, and name its path in agent"},
		{"sudo: effective uid is not 0", "sudo cannot work there: its file system is mounted nosuid, " +
			"or new privileges are forbidden. Let root log in"},
		{"account management error", "the account of the user is locked or has expired there"},
		{"account validation failure", "the account of the user is locked or has expired there"},
		{"liblxc.so", "install LXC there, or declare prepare: {} for the host"},
		{"error while loading shared libraries", "a library is missing there"},
		{"GLIBC_", "the system there is older than the one that this program was built on"},
		{"No space left on device", "make room on the disk there"},
		{"Too many authentication failures",
			"name the key in ssh's configuration, with IdentitiesOnly yes"},
		{"Permission denied (", "see that HAND logs in without a password: " +
			"the key must be in authorized_keys there, and here in ssh's agent or configuration"},
		{"bad permissions", "a private key must be readable by its owner alone: chmod 600"},
		{"stdio forwarding failed", "see that the gateway reaches the host at this address and port, " +
			"and that its sshd allows it (AllowTcpForwarding, PermitOpen)"},
		{"Could not resolve hostname", "see that the name is right, or give its address"},
		{"Connection refused", "see that sshd runs there, and on this port"},
		{"timed out", "see that the host is up, that no firewall is in between, and that HAND does " +
			"not take as long"},
		{"No route to host", "see that the host is up and in this network"},
		{"Network is unreachable", "see that this machine has a route to it"},
		{"Connection closed by", "see the log of sshd there; it may refuse more connections at once " +
			"(MaxStartups)"},
		{"kex_exchange_identification", "see the log of sshd there; it may refuse more connections " +
			"at once (MaxStartups)"},
		{"Can't open user config file", "name a file that exists with --ssh-config"},
		{"Bad configuration option", "mend ssh's configuration here"},
		{"This account is currently not available", "the user needs a shell"},
	}
}
