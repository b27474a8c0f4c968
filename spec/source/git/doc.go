// Package git is a source of trees that are kept in a git repository: on this machine, or behind
// https, http or ssh. It speaks the protocol itself (go-git); no git binary is run.
//
// It promises that what Fetch returns is complete and is what the commit says: every object that
// is read is checked against its name, and one that is missing or damaged is an error that names
// the path, never a smaller tree. Nothing outside the tree is read. A commit that does not
// descend from the one that was applied last is refused unless that is asked for, and so is one
// whose signature was asked for and is not there. Credentials are in no error and in no log, and
// are never sent without encryption.
//
// Remote repositories are kept in a bare cache, which is never trusted: what is damaged there is
// fetched again. Local repositories are read where they are, as they were committed: files that
// were only changed in a working tree are not seen.
//
// It also reads the past: At reads the tree of any commit, MergeBase finds where two histories
// meet, Blame finds the commit that brought a line, and Checkout finds the repository of a working
// tree. Trees that are read like this are for comparing, not for applying.
//
// It never writes to a repository other than the cache, never checks anything out, and never
// interprets what the files say.
package git
