package gittest

import (
	"fmt"
	"path/filepath"
	"strings"
)

// configure writes the settings of sshd, all but its address.
func (s *SSHServer) configure(hostKeys []string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	keys := filepath.Join(dir, "authorized_keys")
	write(s.t, keys, read(s.t, s.Key+".pub")+"\n"+read(s.t, s.LockedKey+".pub")+"\n", 0o600)
	var text strings.Builder
	for _, k := range hostKeys {
		fmt.Fprintf(&text, "HostKey %s\n", k)
	}
	fmt.Fprintf(&text, "AuthorizedKeysFile %s\n", keys)
	text.WriteString("PidFile none\nUsePAM no\nStrictModes no\nLogLevel VERBOSE\n" +
		"AuthenticationMethods publickey\nPermitRootLogin prohibit-password\n" +
		"AllowTcpForwarding no\nPermitTTY no\nMaxStartups 100\nAcceptEnv GIT_PROTOCOL\n")
	// HOME keeps the user's shell from reading what the user wrote for it.
	fmt.Fprintf(&text, "SetEnv HOME=%s GIT_CONFIG_NOSYSTEM=1\n", s.t.TempDir())
	// Nothing but git: a test must not open a door.
	text.WriteString("ForceCommand exec git shell -c \"$SSH_ORIGINAL_COMMAND\"\n")
	config := filepath.Join(dir, "sshd_config")
	write(s.t, config, text.String(), 0o600)
	return config
}

// Close ends sshd and all it started, and waits until they are gone. A second call does nothing.
func (s *SSHServer) Close() {
	s.once.Do(func() {
		s.close()
		s.sshd.Close()
	})
}
