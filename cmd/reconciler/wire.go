package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"reconciler/reconcile"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/sqlite"
)

// session is what the flags of one command line name, opened.
type session struct {
	app     *app
	log     *slog.Logger
	store   state.Store
	sealer  *state.Sealer // nil: no key was made yet, and this session must not make one
	keyPath string
}

// openSession opens the state. Unless the command writes, nothing is created: a state that does not
// exist reads as an empty one.
func openSession(ctx context.Context, a *app) (*session, error) {
	log, err := newLogger(a)
	if err != nil {
		return nil, err
	}
	path, err := statePath(a.state)
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, path, sqlite.Options{ReadOnly: !a.writes})
	if err != nil {
		return nil, withStateHint(err, path)
	}
	session := &session{app: a, log: log, store: store, keyPath: keyPath(a, path)}
	if err := session.openKey(ctx); err != nil {
		session.close()
		return nil, fmt.Errorf("cannot open the state key: %w", err)
	}
	return session, nil
}

// openKey reads the state key. One is made only by a command that writes, and only for a state that
// has nothing sealed: a new key in place of a lost one would hide the loss.
func (s *session) openKey(ctx context.Context) (err error) {
	s.sealer, err = state.ReadKey(s.keyPath)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !s.app.writes {
		return nil
	}
	snapshot, err := s.store.Load(ctx)
	if err != nil {
		return err
	}
	sealed := func(r state.Record) bool { return r.Password != nil }
	if slices.ContainsFunc(snapshot.Records, sealed) {
		return hinted{fmt.Errorf("%q does not exist, and the state has passwords sealed with it",
			s.keyPath), "put the key file back from your backup"}
	}
	s.sealer, err = state.OpenKey(s.keyPath)
	return err
}

// hasState reports whether anything was ever remembered where the state is to be.
func (a *app) hasState() bool {
	path, err := statePath(a.state)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// noteState tells whoever looks at the state that there is none: an empty list could also come from
// naming the wrong state.
func (a *app) noteState() {
	if !a.hasState() {
		fmt.Fprintf(a.err, "there is no state at %q: the first run makes it, --state names another\n",
			a.state)
	}
}

// noState is the error of a command that cannot do without one.
func (a *app) noState(what string) error {
	return hinted{fmt.Errorf("cannot %s: there is no state at %q", what, a.state),
		"name it with --state; the first run makes it"}
}

// load returns what the state holds, for commands that only look.
func (a *app) load(ctx context.Context) (state.Snapshot, error) {
	session, err := openSession(ctx, a)
	if err != nil {
		return state.Snapshot{}, err
	}
	defer session.close()
	snapshot, err := session.store.Load(ctx)
	if err != nil {
		return snapshot, fmt.Errorf("cannot load the state: %w", err)
	}
	return snapshot, nil
}

func (s *session) close() {
	if err := s.store.Close(); err != nil {
		s.log.Error("cannot close the state", "error", err)
	}
}

// reconcileOptions translates the flags into the options of a pass.
func (s *session) reconcileOptions() (reconcile.Options, error) {
	a := s.app
	only, err := parseOnly(a.only)
	if err != nil {
		return reconcile.Options{}, err
	}
	return reconcile.Options{
		Store:         s.store,
		Sealer:        s.sealer,
		Random:        rand.Reader,
		Dial:          newDialer(a, s.log).dial,
		Holder:        a.holder(),
		LockTimeout:   a.lockTimeout,
		Parallel:      a.parallel,
		ParallelHosts: a.parallelHosts,
		Hosts:         a.hosts,
		Only:          only,
		Log:           s.log,
		PassID:        reconcile.NewPassID(),
		SourceName:    a.name(),
		StateName:     a.state,
		Now:           time.Now,
	}, nil
}

// fetch reads the tree without touching anything else.
func fetch(ctx context.Context, a *app) (reconcile.Declaration, error) {
	log, err := newLogger(a)
	if err != nil {
		return reconcile.Declaration{}, err
	}
	src, err := openSource(a, log, a.lastApplied)
	if err != nil {
		return reconcile.Declaration{}, err
	}
	options, err := a.parseOptions()
	if err != nil {
		return reconcile.Declaration{}, err
	}
	return reconcile.Fetch(ctx, src, options)
}

// parseOptions says what a tree depends on besides its files.
func (a *app) parseOptions() (spec.Options, error) {
	options := spec.Options{Hostname: hostname(), FullName: fullName(hostname())}
	if len(a.decryptionKeys) > 0 {
		keys, err := readKeys(a.decryptionKeys)
		if err != nil {
			return options, err
		}
		options.Decrypter = keys
	}
	return options, nil
}

// statePath returns the file of a path or a sqlite:// URL. What only looks like one of them is
// refused: a run would make a new state there.
func statePath(s string) (string, error) {
	const write = "write sqlite:///path/to/state.db, or a path"
	path, isURL := strings.CutPrefix(s, "sqlite://")
	switch scheme, _, found := strings.Cut(s, ":"); {
	case !isURL && found && !strings.Contains(scheme, "/"):
		return "", hinted{fmt.Errorf("cannot open state %q: only sqlite:// is supported",
			redactURL(s)), write}
	case path == "":
		return "", hinted{fmt.Errorf("cannot open state %q: it names no file", s), write}
	case isURL && !filepath.IsAbs(path):
		return "", hinted{fmt.Errorf("cannot open state %q: a relative path after sqlite://", s),
			"write sqlite:///" + path + " for the file /" + path + ", or " + path + " alone"}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", hinted{fmt.Errorf("cannot open state %q: it is a directory", s),
			"name a file in it, such as " + filepath.Join(path, "state.db")}
	}
	return filepath.Abs(path)
}

func keyPath(a *app, statePath string) string {
	if a.stateKey != "" {
		return a.stateKey
	}
	return filepath.Join(filepath.Dir(statePath), "state.key")
}

func parseOnly(values []string) ([]reconcile.Target, error) {
	targets := make([]reconcile.Target, 0, len(values))
	for _, v := range values {
		host, container, ok := strings.Cut(v, "/")
		if !ok || host == "" || container == "" || strings.Contains(container, "/") {
			return nil, hinted{fmt.Errorf("cannot use --only %q: it is not HOST/CONTAINER", v),
				"for a whole host say --host HOST"}
		}
		targets = append(targets, reconcile.Target{Host: host, Container: container})
	}
	return targets, nil
}

func newLogger(a *app) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, fmt.Errorf("cannot use --log-level %q: say debug, info, warn or error",
			a.logLevel)
	}
	handler := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(a.err, handler)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.err, handler)), nil
	}
	return nil, fmt.Errorf("cannot use --log-format %q: say text or json", a.logFormat)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// holder says who we are to those who wait for our locks.
func (a *app) holder() state.Holder {
	who := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return state.Holder{
		PID:     os.Getpid(),
		Who:     who + "@" + hostname(),
		Command: a.command,
		Since:   time.Now().UTC().Truncate(time.Second),
	}
}
