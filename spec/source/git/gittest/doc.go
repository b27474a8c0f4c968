// Package gittest has real git repositories and real servers on loopback, for tests: Repo drives
// the git binary, HTTPServer is git-http-backend behind TLS and logins, SSHServer is OpenSSH's sshd
// (see package sshtest). NewSSHKey, NewGPG and StartAgent make what is needed to log in and to
// sign.
//
// It promises that nothing of the machine's or the user's own configuration is read or written,
// that only loopback is used, and that all files and processes are gone when the test that made
// them ends. A missing tool skips the test with a sentence, or fails it where
// RECONCILER_TEST_LXC=1 forbids skipping. It is never part of the program: only tests import it.
package gittest
