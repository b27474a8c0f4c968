package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"

	"reconciler/reconcile/loop"
	"reconciler/reconcile/metrics"
	"reconciler/reconcile/web"
	"reconciler/spec/source/watch"
	"reconciler/state"
)

// daemonFlags are those of "run" without --once.
type daemonFlags struct {
	interval    time.Duration
	listen      string
	hookSecrets string
}

func (d *daemonFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&d.interval, "interval", time.Minute,
		"daemon: between passes when nothing wakes it, ± 5 %")
	flags.StringVar(&d.listen, "listen", "127.0.0.1:9464",
		"daemon: address of metrics, health, status and webhooks; unix:/path, or none")
	flags.StringVar(&d.hookSecrets, "webhook-secret-file", "",
		"daemon: file of the secrets of POST /hooks/git, one a line (default: no webhooks)")
}

func (d *daemonFlags) check() error {
	if d.interval < time.Second {
		return fmt.Errorf("cannot use --interval %v: at least 1s", d.interval)
	}
	return nil
}

// service is a daemon with one set of settings.
type service struct {
	app     *app
	keys    string // app.keys() when they were read
	session *session
	loop    *loop.Loop
	metrics *metrics.Metrics
	watch   *web.Watch
	dir     *watch.Watcher // nil: the source is no directory

	web     web.Options
	public  net.Listener // nil: none
	control net.Listener
}

// runDaemon makes passes until it is told to stop. With SIGHUP it reads its settings again: where
// they are the same it makes a pass at once, where they are bad it goes on with those it has.
func runDaemon(ctx context.Context, a *app) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	var before *app // whose settings are known to be good
	for {
		s, err := newService(ctx, a)
		if err != nil && before != nil {
			complain(a, err)
			a, before = before, nil
			continue
		}
		if err != nil {
			return err
		}
		next, err := s.run(ctx, reload)
		if next == nil {
			return err
		}
		a, before = next, a
	}
}

// complain tells that new settings cannot be used and the old ones stay.
func complain(a *app, err error) {
	if log, logErr := newLogger(a); logErr == nil {
		log.Error("cannot use the new settings, the old ones stay", "error", err)
	}
}

// newService opens everything that the settings name.
func newService(ctx context.Context, a *app) (s *service, err error) {
	s = &service{app: a, keys: a.keys(), metrics: metrics.New(version())}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	a.writes = true
	if err = a.checkSSHConfig(); err != nil {
		return s, err
	}
	if s.session, err = openSession(ctx, a); err != nil {
		return s, err
	}
	if s.loop, err = s.newLoop(); err != nil {
		return s, err
	}
	s.metrics.Follow(s.loop.Status)
	if s.web, err = s.webOptions(); err != nil {
		return s, err
	}
	if !a.isGit() {
		path := filepath.Join(a.source, a.path)
		if s.dir, err = watch.New(path, watch.Options{Log: s.session.log}); err != nil {
			return s, err
		}
	}
	return s, s.listen()
}

func (s *service) newLoop() (*loop.Loop, error) {
	src, err := openSource(s.app, s.session.log, s.session.lastApplied)
	if err != nil {
		return nil, err
	}
	parse, err := s.app.parseOptions()
	if err != nil {
		return nil, err
	}
	pass, err := s.session.reconcileOptions()
	if err != nil {
		return nil, err
	}
	s.watch = web.NewWatch(s.metrics)
	return loop.New(loop.Options{
		Source: src, Parse: parse, Pass: pass, Interval: s.app.interval,
		Recorder: s.watch, Beat: s.beat, Log: s.session.log,
	}), nil
}

// listen opens the socket of the command line, and the address for everybody else.
func (s *service) listen() (err error) {
	path, err := s.app.controlSocket()
	if err != nil {
		return err
	}
	if s.control, err = web.Listen("unix:" + path); err != nil {
		return err
	}
	if s.app.listen == "none" {
		return nil
	}
	if s.public, err = web.Listen(s.app.listen); err != nil {
		return hinted{err, "say --listen with another address, or --listen none"}
	}
	if web.Exposed(s.public.Addr()) {
		s.session.log.Warn("other machines can read the status: there is no TLS and no password",
			"listen", s.app.listen)
	}
	return nil
}

// beat says that the loop is not stuck, to those who ask and to systemd.
func (s *service) beat() {
	s.watch.Beat()
	s.notify(daemon.SdNotifyWatchdog)
}

// notify tells systemd, if it has started us.
func (s *service) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.session.log.Warn("cannot notify systemd", "error", err)
	}
}

// run serves until ctx ends or the settings change; then it returns the next ones.
func (s *service) run(ctx context.Context, reload <-chan os.Signal) (next *app, err error) {
	defer s.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	defer serving.Wait()
	serve := func(l net.Listener, o func() error) {
		if l != nil {
			serving.Go(func() {
				if err := o(); err != nil {
					failed <- err
				}
			})
		}
	}
	log := s.session.log
	serve(s.control, func() error { return web.Serve(ctx, s.control, web.Control(s.web), log) })
	serve(s.public, func() error { return web.Serve(ctx, s.public, web.Public(s.web), log) })
	ended := make(chan error, 1)
	go func() { ended <- s.loop.Run(ctx) }()
	s.beat()
	s.notify(daemon.SdNotifyReady)
	log.Info("daemon is ready", "source", s.app.name(), "listen", s.app.listen)
	next, err = s.wait(ctx, reload, failed)
	if next == nil { // else systemd would wait for our end, and at last bring it about
		s.notify(daemon.SdNotifyStopping)
	}
	stop()
	return next, errors.Join(err, <-ended)
}

// wait passes on what wakes the loop until it is time to end.
func (s *service) wait(
	ctx context.Context, reload <-chan os.Signal, failed <-chan error,
) (*app, error) {
	var changed <-chan struct{}
	if s.dir != nil {
		changed = s.dir.Wake()
	}
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case err := <-failed:
			return nil, err
		case <-changed:
			s.loop.Wake("files changed")
		case <-reload:
			if next := s.reload(); next != nil {
				return next, nil
			}
		}
	}
}

// reload reads the settings again. It returns them if they differ.
func (s *service) reload() *app {
	log := s.session.log
	next, err := s.app.again()
	switch {
	case err != nil:
		complain(s.app, err)
	case next.settings == s.app.settings && next.keys() == s.keys:
		s.loop.Wake(loop.Reloaded)
	default:
		log.Info("settings have changed")
		return next
	}
	return nil
}

func (s *service) webOptions() (web.Options, error) {
	o := web.Options{
		Loop: s.loop, Watch: s.watch, Metrics: s.metrics.Handler(), Tool: "reconciler " + version(),
		Source: s.app.name(), Log: s.session.log, Memory: s.memory,
	}
	if s.app.hookSecrets == "" {
		return o, nil
	}
	var err error
	o.Secrets, err = web.ReadSecrets(s.app.hookSecrets)
	return o, err
}

// memory returns what the state remembers besides containers.
func (s *service) memory(ctx context.Context) ([]state.Suspension, []state.Pass, error) {
	snapshot, err := s.session.store.Load(ctx)
	return snapshot.Suspensions, snapshot.Passes, err
}

// close gives back what was opened, in whatever state it is.
func (s *service) close() {
	for _, l := range []net.Listener{s.control, s.public} {
		if l != nil {
			_ = l.Close() // it was closed by Serve, if it was served
		}
	}
	if s.dir != nil {
		if err := s.dir.Close(); err != nil {
			s.session.log.Warn("cannot stop watching the source", "error", err)
		}
	}
	if s.session != nil {
		s.session.close()
	}
}
