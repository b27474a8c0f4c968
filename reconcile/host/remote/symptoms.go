package remote

// symptom is a text of ssh or of what it runs, and what to do then.
type symptom struct{ text, advice string }

// symptoms come with the more telling ones first. HAND stands for the command that logs in by hand,
// KNOWN for the host as known_hosts has it.
func symptoms() []symptom {
	return []symptom{
		{"REMOTE HOST IDENTIFICATION HAS CHANGED",
			"if you know why the host has another key, remove the old one with ssh-keygen -R KNOWN, " +
				"log in once with HAND and compare the fingerprint; else somebody may be in between"},
		{"Host key verification failed",
			"log in once with HAND and compare the fingerprint, so that the host key is known"},
		{"a password is required", "the user must be allowed to use sudo without a password " +
			"(NOPASSWD: ALL in sudoers), or let root log in"},
		{"sudo: a terminal is required", "the user must be allowed to use sudo without a password " +
			"(NOPASSWD: ALL in sudoers), or let root log in"},
		{"sudo: not found", "install sudo there, or let root log in"},
		{"is not in the sudoers", "allow the user to use sudo, or let root log in"},
		{"liblxc.so", "install LXC there"},
		{"error while loading shared libraries", "a library is missing there"},
		{"GLIBC_", "the system there is older than the one that this program was built on"},
		{"No space left on device", "make room on the disk there"},
		{"Too many authentication failures",
			"name the key in ssh's configuration, with IdentitiesOnly yes"},
		{"Permission denied (", "see that HAND logs in without a password: " +
			"the key must be in authorized_keys there, and here in ssh's agent or configuration"},
		{"Could not resolve hostname", "see that the name is right, or give its address"},
		{"Connection refused", "see that sshd runs there, and on this port"},
		{"timed out", "see that the host is up and that no firewall is in between"},
		{"No route to host", "see that the host is up and in this network"},
		{"Network is unreachable", "see that this machine has a route to it"},
		{"Connection closed by", "see the log of sshd there; it may refuse more connections at once " +
			"(MaxStartups)"},
		{"kex_exchange_identification", "see the log of sshd there; it may refuse more connections " +
			"at once (MaxStartups)"},
		{"Bad configuration option", "mend ssh's configuration here"},
		{"This account is currently not available", "the user needs a shell"},
	}
}
