package hosttest

import (
	"context"
	"testing"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func rawOf(key string, values ...string) (items []spec.ConfItem) {
	for _, v := range values {
		items = append(items, spec.ConfItem{Key: key, Value: v})
	}
	return items
}

// contextThatEndsSoon is for what must wait for its context and then give up.
func contextThatEndsSoon(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 50*time.Millisecond)
}

func liveAddress(l *lab) {
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	pid := l.see("web").PID
	w.IP = l.want("web", 1).IP
	l.do(w, plan.Configure, plan.Address)
	l.runs(w)
	l.same("the container was restarted", pid, l.see("web").PID)
}

func liveMemory(l *lab) {
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	pid := l.see("web").PID
	w.Memory = 96 * megabyte
	l.do(w, plan.Configure)
	l.runs(w)
	l.same("the container was restarted", pid, l.see("web").PID)
}

func nextStart(l *lab) {
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	w.MAC, w.Autostart = macOf("another"), true
	l.do(w, plan.Configure)
	o := l.see("web")
	if o.Live == nil {
		l.t.Fatal("configure stopped the container")
	}
	l.same("the file has another MAC", w.MAC, o.Config.MAC)
	l.same("the file has another autostart", true, o.Config.Autostart)
	if o.Live.MAC == w.MAC {
		l.t.Error("what runs claims a MAC that needs a restart")
	}
	l.do(w, plan.Stop, plan.Start, plan.Address)
	l.runs(w)
}

func rawLines(l *lab) {
	const key = "lxc.environment"
	w := l.want("web", 0)
	w.LXCConf = rawOf(key, "B=2", "A=1")
	l.do(w, plan.Clone, plan.Configure)
	l.same("raw lines are lost or out of order",
		[]string{"B=2", "A=1"}, l.see("web").Config.Raw[key])
	w.LXCConf = rawOf(key, "A=3")
	l.do(w, plan.Configure)
	l.same("a raw line that changed is not replaced",
		[]string{"A=3"}, l.see("web").Config.Raw[key])
	w.LXCConf, w.LXCConfUnset = nil, []string{key}
	l.do(w, plan.Configure)
	l.same("a raw line that is to go stays", []string(nil), l.see("web").Config.Raw[key])
}

func destroyOne(l *lab) {
	web, db := l.want("web", 0), l.want("db", 1)
	l.do(web, newSteps()...)
	l.do(db, newSteps()...)
	before := []plan.Observed{l.see(l.s.Base), l.see("db")}
	orphan := step(web, plan.Destroy)
	orphan.Want = nil
	if _, err := l.try(orphan); err != nil {
		l.t.Fatalf("a running orphan cannot be destroyed: %v", err)
	}
	l.same("others changed, or it is still there", before, l.observe().Containers)
}

func destroyForeign(l *lab) {
	w := l.want("web", 0)
	l.do(w, plan.Clone, plan.Configure)
	before := l.observe()
	stranger := step(w, plan.Destroy)
	stranger.UID = digest("somebody else")
	l.refuses(stranger, "web")
	unmarked := step(w, plan.Destroy)
	unmarked.Container = l.s.Base
	l.refuses(unmarked, l.s.Base)
	l.same("a refused destroy changed something", before, l.observe())
}

func destroySource(l *lab) {
	if l.s.Backing != "overlayfs" {
		l.t.Skip("only a snapshot depends on its source")
	}
	source, clone := l.want("source", 0), l.want("clone", 1)
	source.Backing, clone.FromContainer = "dir", "source"
	l.do(source, plan.Clone, plan.Configure)
	l.do(clone, newSteps()...)
	l.same("the snapshot does not say of what", "source", l.see("clone").Lower)
	l.refuses(step(source, plan.Destroy), "source", "clone")
	l.runs(clone)
}

func missingSource(l *lab) {
	w := l.want("web", 0)
	w.FromContainer = "nowhere"
	l.refuses(step(w, plan.Clone), "nowhere")
	l.same("a refused clone left something", []string{l.s.Base}, l.names())
}

func missingImage(l *lab) {
	w := l.want("web", 0)
	w.FromContainer, w.Image = "", "nosuchimage"
	l.refuses(step(w, plan.Create), "nosuchimage")
	l.same("a refused create left something", []string{l.s.Base}, l.names())
}

func runningSource(l *lab) {
	source, w := l.want("source", 0), l.want("web", 1)
	l.do(source, newSteps()...)
	w.FromContainer = "source"
	l.refuses(step(w, plan.Clone), "source")
	l.same("a refused clone left something", []string{l.s.Base, "source"}, l.names())
	l.runs(source)
}

func startDamaged(l *lab) {
	if l.s.Damage == nil {
		l.t.Skip("the subject has no way to damage a container")
	}
	w := l.want("web", 0)
	l.do(w, plan.Clone, plan.Configure)
	l.s.Damage(l.t, "web")
	if l.see("web").Damage == "" {
		l.t.Error("the damage is not observed")
	}
	l.refuses(step(w, plan.Start), "web")
	if o := l.see("web"); o.State != plan.Stopped {
		l.t.Errorf("a container without root file system is %s: it runs on the host's", o.State)
	}
}

func damagedSource(l *lab) {
	if l.s.Damage == nil {
		l.t.Skip("the subject has no way to damage a container")
	}
	source, w := l.want("source", 0), l.want("web", 1)
	l.do(source, plan.Clone, plan.Configure)
	l.s.Damage(l.t, "source")
	w.FromContainer = "source"
	l.refuses(step(w, plan.Clone), "source")
	l.same("a refused clone left something", []string{l.s.Base, "source"}, l.names())
}

func cloneOver(l *lab) {
	w := l.want("web", 0)
	l.do(w, newSteps()...)
	stranger := step(w, plan.Clone)
	stranger.UID = digest("somebody else")
	l.refuses(stranger, "web")
	l.runs(w)
}
