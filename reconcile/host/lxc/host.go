//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	golxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Host is one lxcpath of this machine. Its methods may be called from several goroutines, for
// different containers.
type Host struct {
	opt      Options
	dialect  dialect
	launcher *launcher
	sources  sync.Map // name → trusted: those that were found whole a moment ago
	turns    turns
	fresh    sync.Map    // uid → true of the containers that were made here and not touched since
	met      atomic.Bool // it was known when it was observed last
}

var _ execute.Host = (*Host)(nil)

// New returns the driver of a host. It touches nothing but looks at the machine. The lxcpath may be
// missing, which Observe tells: until it is there, nothing else works.
func New(opt Options) (*Host, error) {
	if opt.Host == "" || !filepath.IsAbs(opt.LXCPath) {
		return nil, errors.New("cannot use liblxc: host or absolute lxcpath missing")
	}
	opt.LXCPath = filepath.Clean(opt.LXCPath)
	if _, err := os.ReadDir(opt.LXCPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read lxcpath %q: %w", opt.LXCPath, err)
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Grace == 0 {
		opt.Grace = 30 * time.Second
	}
	if opt.Wait == 0 {
		opt.Wait = 30 * time.Second
	}
	var cgroups unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &cgroups); err != nil {
		return nil, fmt.Errorf("cannot look at %q: %w", cgroupRoot, err)
	}
	return &Host{
		opt:      opt,
		dialect:  dialect{v2: cgroups.Type == unix.CGROUP2_SUPER_MAGIC},
		launcher: &launcher{command: opt.Launcher},
	}, nil
}

// Close gives back what New took. The containers keep running.
func (h *Host) Close() error { return h.launcher.close() }

// Do carries out one step; see execute.Host. Steps of one container must not run at the same
// time. When ctx ends, child processes are killed, and a call into liblxc that hangs is given up;
// what else runs in this process is finished. Errors are *execute.StepError, whose Err is the cause
// alone.
func (h *Host) Do(
	ctx context.Context, step plan.Step, secrets execute.Secrets,
) (string, error) {
	message, err := h.do(ctx, step, secrets)
	if err != nil {
		return "", &execute.StepError{
			Host: step.Host, Container: step.Container, Action: step.Action, Err: err,
		}
	}
	h.opt.Log.Debug("step done", "container", step.Container, "action", step.Action)
	return message, nil
}

func (h *Host) do(ctx context.Context, s plan.Step, secrets execute.Secrets) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if s.Action == plan.Note || s.Action == plan.Forget {
		return "", nil
	}
	if err := h.check(s); err != nil {
		return "", permanent(err)
	}
	switch s.Action {
	case plan.Create:
		return h.make(ctx, s, h.create)
	case plan.Clone:
		return h.make(ctx, s, h.clone)
	case plan.Configure:
		return h.configure(s)
	case plan.Start:
		return h.start(ctx, s)
	case plan.Stop:
		return h.stop(ctx, s)
	case plan.Destroy:
		return h.destroy(ctx, s)
	case plan.Password:
		return h.password(s, secrets)
	case plan.Address:
		return h.address(ctx, s)
	default:
		return h.dns(s)
	}
}

// check refuses a step that no container of this host can have.
func (h *Host) check(s plan.Step) error {
	switch {
	case h.opt.Installation == "":
		return errors.New("the installation is not known, so nothing can be marked")
	case s.Host != h.opt.Host:
		return fmt.Errorf("the step is for host %q, this is %q", s.Host, h.opt.Host)
	case !isComponent(s.Container):
		return fmt.Errorf("%q is not a name of a container", s.Container)
	case !isComponent(s.UID):
		return fmt.Errorf("%q is not a uid", s.UID)
	}
	switch s.Action {
	case plan.Stop, plan.Destroy, plan.Start:
		return nil
	case plan.Create, plan.Clone, plan.Configure, plan.Password, plan.Address, plan.DNS:
		if s.Want == nil || s.Want.Name != s.Container {
			return errors.New("the step does not say what is wanted")
		}
		return nil
	default:
		return fmt.Errorf("action %q is unknown", s.Action)
	}
}

// isComponent reports whether text can be one element of a path that is not hidden.
func isComponent(text string) bool {
	return text != "" && text[0] != '.' && filepath.IsLocal(text) && filepath.Base(text) == text
}

// permanent marks an error that trying again cannot heal.
func permanent(err error) error { return fmt.Errorf("%w: %w", err, execute.ErrPermanent) }

// markOf returns the mark that the container of a step must carry.
func (h *Host) markOf(s plan.Step) plan.Mark {
	return plan.Mark{
		Installation: h.opt.Installation, Host: h.opt.Host, Name: s.Container, UID: s.UID,
	}
}

// release gives back what open took, file descriptors of liblxc's log among it.
func (h *Host) release(c *golxc.Container) {
	if err := c.Release(); err != nil {
		h.opt.Log.Warn("liblxc kept a container object", "error", err)
	}
}
