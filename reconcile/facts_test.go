package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// mute is a host that cannot say what it can do.
type mute struct{ *hosttest.Fake }

func (mute) Check(
	context.Context, *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	return plan.Facts{}, nil, errors.New("no facts on purpose")
}

// What a host can do is only asked to refuse what cannot be: a host that does not say must not lose
// its containers for that. Where something is declared to be prepared, nobody knows what is
// missing.
func TestAHostThatDoesNotSayWhatItCanDo(t *testing.T) {
	t.Parallel()
	for declared, served := range map[string]bool{"{}": true, "{prepare: {}}": false} {
		w := newWorld(t, 1)
		w.declare(`
networks: {lxcbr1: {cidr: 10.5.0.0/16, gateway: 10.5.0.1}}
defaults: {from_container: base, backing: overlayfs}
hosts: {h1: ` + declared + `}
targets: {h1: {a: {}}}
`)
		o := w.options()
		o.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return mute{w.hosts["h1"]}, nil
		}
		pass, err := w.tryRun(o)
		if err != nil {
			t.Fatal(err)
		}
		if w.has("h1", "a") != served || (len(pass.Plan.Unreachable) == 0) != served {
			t.Errorf("declared as %s: unreachable %v, the container is there: %v", declared,
				pass.Plan.Unreachable, w.has("h1", "a"))
		}
	}
}
