package hosttest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func untouched(l *lab) {
	actual := l.observe()
	if actual.Host != l.s.Host {
		l.t.Errorf("the host says it is %q, not %q", actual.Host, l.s.Host)
	}
	if !slices.Contains(actual.Bridges, l.s.Network.Bridge) {
		l.t.Errorf("bridge %q is not among %q", l.s.Network.Bridge, actual.Bridges)
	}
	l.same("the host has other containers", []string{l.s.Base}, l.names())
	base := l.see(l.s.Base)
	if base.Mark != nil || base.State != plan.Stopped || base.Damage != "" || base.Live != nil {
		l.t.Errorf("the source must be whole, stopped and without mark: %+v", base)
	}
}

func wholeWay(l *lab) {
	w := l.want("web", 0)
	w.Autostart = true
	before := l.see(l.s.Base)
	l.do(w, newSteps()...)
	l.runs(w)
	if o := l.see("web"); o.Backing != l.s.Backing {
		l.t.Errorf("the backing is %q, not %q", o.Backing, l.s.Backing)
	}
	l.same("cloning changed the source", before, l.see(l.s.Base))
	if !l.observe().Known {
		l.t.Error("if the disk is not mounted next time, all containers will be taken for destroyed")
	}
}

func fromImage(l *lab) {
	if l.s.Image == "" {
		l.t.Skip("the subject has no template script")
	}
	made, w := l.want("made", 0), l.want("web", 1)
	made.FromContainer, made.Backing = "", "dir"
	made.Image, made.Options = l.s.Image, l.s.Options
	l.do(made, plan.Create)
	o := l.see("made")
	l.same("the mark is not ours", l.markOf(made), o.Mark)
	if o.State != plan.Stopped || o.Damage != "" {
		l.t.Errorf("what was made is %s, damage %q", o.State, o.Damage)
	}
	l.do(made, plan.Create)
	l.same("it was made a second time", o, l.see("made"))
	w.FromContainer = "made"
	l.do(w, newSteps()...)
	l.runs(w)
}

func guestFiles(l *lab) {
	if l.s.ReadGuest == nil {
		l.t.Skip("the subject has no way to read files of a guest")
	}
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	for path, words := range map[string][]string{
		"/etc/shadow":      {"root:" + testHash},
		"/etc/hosts":       {w.IP.String(), "web.example.org"},
		"/etc/resolv.conf": {"nameserver 192.0.2.53", "search example.org"},
	} {
		content := l.s.ReadGuest(l.t, "web", path)
		for _, word := range words {
			if !strings.Contains(content, word) {
				l.t.Errorf("%s of the guest lacks %q:\n%s", path, word, content)
			}
		}
	}
}

func sideBySide(l *lab) {
	const count = 4
	wants := make([]*plan.Desired, count)
	errs := make([]error, count)
	var all sync.WaitGroup
	for i := range wants {
		wants[i] = l.want(fmt.Sprintf("web%d", i), i)
		all.Go(func() {
			for _, a := range newSteps() {
				if _, err := l.try(step(wants[i], a)); err != nil {
					errs[i] = fmt.Errorf("%s: %w", a, err)
					return
				}
			}
		})
	}
	all.Wait()
	for i, w := range wants {
		if errs[i] != nil {
			l.t.Errorf("container %q made beside others fails: %v", w.Name, errs[i])
			continue
		}
		l.runs(w)
	}
}

func everyStepTwice(l *lab) {
	w := l.want("web", 0)
	for _, a := range append(newSteps(), plan.Stop, plan.Destroy) {
		l.do(w, a)
		once := l.observe()
		l.do(w, a)
		l.same(fmt.Sprintf("the second %s changed something", a), once, l.observe())
	}
}

func configureTwice(l *lab) {
	if l.s.Fingerprint == nil {
		l.t.Skip("the subject has no fingerprint of its configuration files")
	}
	w := l.want("web", 0)
	w.LXCConf = rawOf("lxc.environment", "A=1", "B=2")
	l.do(w, plan.Clone, plan.Configure)
	stopped := l.s.Fingerprint(l.t)
	l.do(w, plan.Configure)
	l.same("configure of a stopped container wrote again", stopped, l.s.Fingerprint(l.t))
	l.do(w, plan.Start)
	running := l.s.Fingerprint(l.t)
	l.do(w, plan.Configure)
	l.same("configure of a running container wrote again", running, l.s.Fingerprint(l.t))
	w.Memory *= 2
	l.do(w, plan.Configure)
	if l.s.Fingerprint(l.t) == running {
		l.t.Error("a change writes nothing, or the fingerprint is blind")
	}
}

func stopAndStart(l *lab) {
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	orphan := step(w, plan.Stop)
	orphan.Want = nil
	if _, err := l.try(orphan); err != nil {
		l.t.Fatalf("stop without a declaration fails: %v", err)
	}
	o := l.see("web")
	if o.State != plan.Stopped || o.PID != 0 || o.Live != nil || len(o.Addresses) > 0 {
		l.t.Errorf("the container must be stopped: %+v", o)
	}
	l.do(w, plan.Start, plan.Address)
	l.runs(w)
}

func exclusive(l *lab) {
	unlock, err := l.s.Driver.Lock(l.t.Context(), "alice (pid 1)")
	if err != nil {
		l.t.Fatalf("the first lock fails: %v", err)
	}
	ctx, cancel := contextThatEndsSoon(l.t)
	defer cancel()
	if _, err := l.s.Driver.Lock(ctx, "bob (pid 2)"); err == nil {
		l.t.Fatal("two writers hold the lock at once")
	} else if !errors.Is(err, execute.ErrHostInUse) ||
		!strings.Contains(err.Error(), "in use by alice (pid 1)") {
		l.t.Errorf("the error does not tell who has the lock: %v", err)
	}
	if err := unlock(); err != nil {
		l.t.Fatalf("the lock cannot be given back: %v", err)
	}
	unlock, err = l.s.Driver.Lock(l.t.Context(), "bob (pid 2)")
	if err != nil {
		l.t.Fatalf("the lock was given back and is not free: %v", err)
	}
	if err := unlock(); err != nil {
		l.t.Fatalf("the lock cannot be given back a second time: %v", err)
	}
}
