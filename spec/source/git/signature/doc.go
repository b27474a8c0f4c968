// Package signature decides whose signature a git commit or tag carries, and whether that signer
// is one of those the operator trusts.
//
// It promises that no signer is returned unless the whole payload was signed by one of the loaded
// keys, that this key may sign commits, and that the signature is the only one: a second one,
// or anything else beside it, is refused. OpenPGP and ssh signatures are known; X.509 is not.
// It never runs gpg or ssh-keygen, never asks a key server or an agent, never reads the keys again
// after Load, and never looks at who the commit says its author is: that is only a text.
//
// # Time
//
// The verdicts are those of git with gpg and ssh-keygen, also about time. An OpenPGP key that is
// expired or revoked now is refused, whenever it signed. An ssh signature holds no time; its key is
// judged (valid-after, valid-before, the validity of a certificate) at the date in the committer or
// tagger line, which is signed, but chosen by the signer. So whoever holds an expired ssh key can
// still sign commits that are dated before its end: remove the line of a key that was lost, or set
// valid-before to a date before the first commit.
//
// # Where it is stricter than git
//
// Refused here, though git takes them: OpenPGP signatures with SHA-1, in text mode, dated in the
// future, or by DSA keys or RSA keys below 2048 bits; ssh signatures by DSA keys; ssh certificates
// with critical options (they limit a login, and a signature is none) or signed with SHA-1; and
// every line or key that cannot be read, which git skips or finds late.
package signature
