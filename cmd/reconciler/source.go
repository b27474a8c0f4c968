package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"reconciler/reconcile"
	"reconciler/spec/source"
	"reconciler/spec/source/git"
	"reconciler/spec/source/git/signature"
	"reconciler/state"
	"reconciler/state/sqlite"
)

// sourceFlags say where the tree comes from, and whom to believe.
type sourceFlags struct {
	source       string
	ref          string
	path         string
	cache        string
	verify       string
	verifyKeys   []string
	allowRewrite bool
	timeout      time.Duration
	auth         git.Auth
}

func (s *sourceFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.source, "source", "", "directory of the tree, or git repository: a path, "+
		"https://, ssh://, user@host:path or file://")
	flags.StringVar(&s.ref, "ref", "", "git: branch, tag, range of versions or commit "+
		"(default: the HEAD of the repository)")
	flags.StringVar(&s.path, "path", "", "folder of the source that is the tree")
	flags.StringVar(&s.cache, "git-cache", "", "git: directory of the caches "+
		"(default: git beside the state)")
	flags.StringVar(&s.verify, "verify", "", "git: which commits must be "+
		"signed: head (the one that is read) or all (since the one applied last)")
	flags.StringSliceVar(&s.verifyKeys, "verify-key", nil,
		"git: file or directory of OpenPGP keys or ssh allowed signers (repeatable)")
	flags.BoolVar(&s.allowRewrite, "allow-rewrite", false,
		"git: accept a commit that does not descend from the applied one")
	flags.DurationVar(&s.timeout, "git-timeout", git.DefaultTimeout, "git: how long a fetch may take")
	flags.StringVar(&s.auth.SSHKeyFile, "git-ssh-key", "",
		"git: file of the private key (default: the ssh agent)")
	flags.StringVar(&s.auth.SSHKeyPassphraseFile, "git-ssh-key-passphrase-file", "",
		"git: file of its passphrase")
	flags.StringVar(&s.auth.KnownHostsFile, "git-known-hosts", "",
		"git: file of the keys of servers (default: those of ssh)")
	flags.StringVar(&s.auth.Username, "git-username", "", "git: user name for https")
	flags.StringVar(&s.auth.PasswordFile, "git-password-file", "", "git: file of its password")
	flags.StringVar(&s.auth.TokenFile, "git-token-file", "", "git: file of a bearer token for https")
	flags.StringVar(&s.auth.CAFile, "git-ca-file", "", "git: file of additional authorities, PEM")
	flags.StringVar(&s.auth.CertFile, "git-cert-file", "", "git: client certificate, PEM")
	flags.StringVar(&s.auth.KeyFile, "git-key-file", "", "git: key of the client certificate, PEM")
}

// isGit reports whether the source is a repository rather than a directory of files. A checkout is
// read as the files that are in it, unless a commit of it is asked for.
func (s *sourceFlags) isGit() bool {
	return source.IsURL(s.source) || s.ref != "" || s.verify != "" || isBare(s.source)
}

// isBare reports whether a directory is a repository without a checkout.
func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// name says where the tree comes from, without credentials. It is the same for the same flags.
func (s *sourceFlags) name() string {
	name := s.source
	if source.IsURL(name) {
		name = redactURL(name)
	} else if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	if s.path != "" {
		name += "//" + s.path
	}
	if s.ref != "" {
		name += "@" + s.ref
	}
	return name
}

// hasUser reports whether a web address has something before its host. That may be a token: no
// error may repeat it.
func (s *sourceFlags) hasUser() bool {
	scheme, rest, _ := strings.Cut(s.source, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.HasPrefix(strings.ToLower(scheme), "http") && strings.Contains(host, "@")
}

// applied returns the commit of the source that was applied last, "" for none.
type applied func(context.Context) (string, error)

// openSource opens what --source names.
func openSource(a *app, log *slog.Logger, last applied) (reconcile.Source, error) {
	s := &a.sourceFlags
	if s.source == "" {
		return nil, hinted{errors.New("cannot find a tree: no source is given"),
			"say --source DIR or URL, or set RECONCILER_SOURCE"}
	}
	if !s.isGit() {
		return s.openDir()
	}
	if s.auth.PasswordFile == "" && s.hasUser() {
		return nil, hinted{fmt.Errorf("cannot use repository %q: a user name, or a token in its "+
			"place, is given but no password file", redactURL(s.source)),
			"put a token into a file and name it with --git-token-file"}
	}
	cache := s.cache
	if cache == "" {
		path, err := statePath(a.state)
		if err != nil {
			return nil, err
		}
		cache = filepath.Join(filepath.Dir(path), "git")
	}
	o := git.Options{
		URL: s.source, Ref: s.ref, Path: s.path, Cache: cache, Auth: s.auth,
		AllowRewrite: s.allowRewrite, Verify: git.VerifyMode(s.verify), Timeout: s.timeout,
		Applied: last, Log: log,
	}
	if len(s.verifyKeys) > 0 {
		keys, err := signature.Load(s.verifyKeys...)
		if err != nil {
			return nil, err
		}
		o.Keys = keys
	}
	return git.New(o)
}

func (s *sourceFlags) openDir() (reconcile.Source, error) {
	if s.path != "" && !filepath.IsLocal(s.path) {
		return nil, fmt.Errorf("cannot use --path %q: it leads out of the source", s.path)
	}
	return source.Dir{Path: filepath.Join(s.source, s.path)}, nil
}

// lastApplied is applied for a command that has not opened the state, since the tree comes first.
func (a *app) lastApplied(ctx context.Context) (string, error) {
	path, err := statePath(a.state)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	store, err := sqlite.Open(ctx, path, sqlite.Options{ReadOnly: !a.writes})
	if err != nil {
		return "", err
	}
	revision, err := lastCommit(ctx, store, a.name())
	return revision, errors.Join(err, store.Close())
}

// lastApplied is applied for a command that has the state open.
func (s *session) lastApplied(ctx context.Context) (string, error) {
	return lastCommit(ctx, s.store, s.app.name())
}

func lastCommit(ctx context.Context, store state.Store, source string) (string, error) {
	snapshot, err := store.Load(ctx)
	if err != nil {
		return "", err
	}
	if revision := snapshot.LastRevision(source); isCommit(revision) {
		return revision, nil
	}
	return "", nil
}

// isCommit reports whether a revision is one of git: the same path may have been read as a
// directory before.
func isCommit(revision string) bool {
	const digits = 40
	return len(revision) == digits && !strings.Contains(revision, ":")
}

// redactURL takes credentials out of a URL that is going to be printed: all that stands before
// the host, for a token may stand in the place of the user.
func redactURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
}
