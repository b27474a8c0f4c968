//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	golxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"
)

// patience is how long liblxc may take to say what a container does. It asks the container's
// monitor, which answers in microseconds, or never while it is stopped or waits for a hook.
const patience = 10 * time.Second

// nowhere is a directory of containers in which there are none.
const nowhere = "/run/lxc/reconciler"

// view is liblxc's view of one container.
type view struct {
	object *golxc.Container
	loaded bool // false: liblxc refuses the configuration, so that it has only a part of it
}

// opening is look or glance.
type opening func(lxcpath, name string) (view, error)

// look opens a container without asking its monitor anything. The container is opened in another
// directory and moved: opened in its place, liblxc writes about a configuration that it refuses
// to the standard error of this process, and destroys what lxc-create did not finish.
func look(lxcpath, name string) (view, error) {
	v, err := glance(lxcpath, name)
	if err == nil {
		v.loaded = v.object.LoadConfigFile(v.object.ConfigFileName()) == nil
	}
	return v, err
}

// glance is look without loading the configuration, which takes longer than all the rest. Whether
// the container runs, and with which process, can be asked.
func glance(lxcpath, name string) (view, error) {
	c, err := golxc.NewContainer(name, nowhere)
	if err != nil {
		return view{}, fmt.Errorf("cannot open container %q: %w", name, err)
	}
	if err := c.SetConfigPath(lxcpath); err != nil {
		return view{}, errors.Join(err, c.Release())
	}
	return view{object: c}, nil
}

// open returns liblxc's view of a container in a directory of containers, also if liblxc refuses
// its configuration: whether it runs, and how to stop it, can be asked nevertheless. It is an
// error if the container's monitor does not answer. The caller releases the container; until then
// no other goroutine uses it.
func open(lxcpath, name string) (*golxc.Container, error) {
	v, err := openAs(lxcpath, name, look)
	return v.object, err
}

// openAs is open for those who need to know whether the configuration was refused, with look, or
// nothing of the configuration, with glance.
func openAs(lxcpath, name string, how opening) (view, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errNoAnswer)
	defer cancel()
	return within(ctx, func() (view, error) {
		v, err := how(lxcpath, name)
		if err != nil {
			return v, err
		}
		v.object.State()
		if err := ctx.Err(); err != nil {
			return view{}, errors.Join(err, v.object.Release())
		}
		return v, nil
	})
}

var errNoAnswer = fmt.Errorf("its monitor did not answer for %v", patience)

// within waits for work, which calls into liblxc and so cannot be interrupted, until ctx ends.
// Then work is left alone, with all that it has opened: it may return late or never, and what
// liblxc works on must not be released, nor used by anybody else, before it does. So work releases
// by itself what is released.
func within[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type outcome struct {
		value    T
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.value, o.err = work()
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			panic(o.panicked)
		}
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("gave up waiting for liblxc: %w", context.Cause(ctx))
	}
}

// checkConfig makes sure that liblxc can load a configuration. Its error names the line that
// liblxc refuses; trying again cannot help. It touches nothing, so the path of a log, in which
// liblxc would make a file, is not checked.
func checkConfig(file configFile) error {
	file = file.without("lxc.log.file")
	accepted, err := loads(file)
	if accepted || err != nil {
		return err
	}
	// What follows a refused line does not make it better.
	bad := sort.Search(len(file.entries), func(i int) bool {
		accepted, searchErr := loads(configFile{entries: file.entries[:i+1]})
		if searchErr != nil {
			err = searchErr
		}
		return !accepted
	})
	if err != nil || bad == len(file.entries) {
		return errors.Join(permanent(errors.New("liblxc refuses its configuration")), err)
	}
	return permanent(fmt.Errorf("liblxc refuses line %d of its configuration: %q",
		bad+1, strings.TrimSpace(file.entries[bad].text)))
}

// loads asks liblxc to load a configuration from memory.
func loads(file configFile) (bool, error) {
	fd, err := unix.MemfdCreate("config", unix.MFD_CLOEXEC)
	if err != nil {
		return false, fmt.Errorf("cannot check the configuration: %w", err)
	}
	defer unix.Close(fd)
	for text := file.bytes(); len(text) > 0; {
		n, err := unix.Write(fd, text)
		if err != nil {
			return false, fmt.Errorf("cannot check the configuration: %w", err)
		}
		text = text[n:]
	}
	c, err := golxc.NewContainer("check", nowhere)
	if err != nil {
		return false, fmt.Errorf("cannot check the configuration: %w", err)
	}
	accepted := c.LoadConfigFile(fmt.Sprintf("/proc/self/fd/%d", fd)) == nil
	return accepted, c.Release()
}
