package execute_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// onHosts are two hosts that write down their steps: h1 takes single steps, far takes batches.
func onHosts(d *diary) map[string]execute.Host {
	do := hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		d.add(s.Host + ": " + name(s))
		return "", nil
	})
	return map[string]execute.Host{hostName: do, "far": newFar(do)}
}

func on(host string, steps []plan.Step) []plan.Step {
	for i := range steps {
		steps[i].Host = host
	}
	return steps
}

// hostsText prints what became of the preparations.
func hostsText(r execute.Result) string {
	var b strings.Builder
	for _, h := range r.Hosts {
		b.WriteString(h.Host + ": " + strings.Join(h.Done, ", "))
		if h.Err != nil {
			b.WriteString(" ! " + h.Err.Error())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func twoHosts() []plan.Step {
	return join(steps("a", nil, plan.Clone, plan.Start), steps("b", []string{"a"}, plan.Clone),
		on("far", steps("c", nil, plan.Clone)), on("far", steps("d", []string{"c"}, plan.Clone)))
}

func TestHostsArePreparedBeforeTheirFirstStep(t *testing.T) {
	var d diary
	prepare := func(host string) execute.Preparation {
		return func(context.Context) ([]string, error) {
			d.add(host + ": prepared")
			return []string{"made " + host}, nil
		}
	}
	r := execute.Run(t.Context(), twoHosts(), execute.Options{Parallel: 4, Hosts: onHosts(&d),
		Prepare: map[string]execute.Preparation{hostName: prepare(hostName), "far": prepare("far"),
			"idle": prepare("idle")}})
	for _, host := range []string{hostName, "far", "idle"} {
		var first string
		n := 0
		for line := range strings.Lines(d.String() + "\n") {
			if strings.HasPrefix(line, host+": ") && first == "" {
				first = strings.TrimSpace(line)
			}
			if strings.TrimSpace(line) == host+": prepared" {
				n++
			}
		}
		if first != host+": prepared" || n != 1 {
			t.Errorf("%s: first %q, prepared %d times\n%s", host, first, n, d.String())
		}
	}
	check(t, "nobody learns what was done to the hosts", "far: made far\nh1: made h1\nidle: made idle",
		hostsText(r))
	for _, o := range r.Outcomes {
		if o.Failed() {
			t.Errorf("%s/%s is not done on a prepared host", o.Host, o.Container)
		}
	}
}

func TestHostThatCannotBePreparedHarmsNoOther(t *testing.T) {
	for _, broken := range []string{hostName, "far"} {
		for what, prepare := range map[string]execute.Preparation{
			"no package": func(context.Context) ([]string, error) {
				return []string{"made a directory"}, errors.New("no package")
			},
			"out of ideas": func(context.Context) ([]string, error) { panic("out of ideas") },
		} {
			t.Run(broken+" "+what, func(t *testing.T) {
				var d diary
				journal := journalFunc(func(_ context.Context, o execute.Outcome) error {
					if o.Host == broken {
						t.Errorf("%s/%s is recorded, and nothing was done", o.Host, o.Container)
					}
					return nil
				})
				r := execute.Run(t.Context(), twoHosts(), execute.Options{Parallel: 4,
					Hosts: onHosts(&d), Journal: journal,
					Prepare: map[string]execute.Preparation{broken: prepare}})
				for _, o := range r.Outcomes {
					if o.Failed() != (o.Host == broken) {
						t.Errorf("%s/%s: failed %v", o.Host, o.Container, o.Failed())
					}
					for _, s := range o.Steps {
						if o.Host == broken && (s.Status != execute.Skipped ||
							!strings.HasPrefix(s.Message, "not begun: ")) {
							t.Errorf("%s is %s: %s", name(s.Step), s.Status, s.Message)
						}
					}
				}
				if strings.Contains(d.String(), broken+":") {
					t.Errorf("a host that is not ready is worked on:\n%s", d.String())
				}
				if len(r.Hosts) != 1 || r.Hosts[0].Err == nil ||
					!strings.Contains(r.Hosts[0].Err.Error(), what) ||
					!strings.Contains(r.Hosts[0].Err.Error(), broken) {
					t.Errorf("the report does not say why: %v", hostsText(r))
				}
			})
		}
	}
}

func TestInterruptedRunPreparesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var d diary
	none := func(context.Context) ([]string, error) {
		d.add("prepared")
		return nil, nil
	}
	r := execute.Run(ctx, twoHosts(), execute.Options{Parallel: 4, Hosts: onHosts(&d),
		Prepare: map[string]execute.Preparation{hostName: none, "far": none, "idle": none}})
	if d.String() != "" || !r.Interrupted || len(r.Hosts) != 0 {
		t.Errorf("after the end of the run: %q, interrupted %v, hosts %q", d.String(), r.Interrupted,
			hostsText(r))
	}
}
