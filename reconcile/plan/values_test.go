package plan_test

import (
	"fmt"
	"net/netip"
	"testing"

	"reconciler/reconcile/plan"
)

// Raw settings of the file against the declared ones. A container keeps what came with its
// source; it loses what is declared no more, and gets what is declared, in order, at the end.
func TestRawSettingsOfTheFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, declared, file []string
		want                   string
	}{
		{nil, nil, nil, ""},
		{nil, nil, []string{"a=1"}, ""},
		{nil, []string{"a=1"}, nil, "lxc_conf.a: - → 1"},
		{nil, []string{"a=1"}, []string{"a=2"}, "lxc_conf.a: 2 → 1"},
		{[]string{"a=1"}, []string{"a=1"}, []string{"a=1"}, ""},
		{[]string{"a=1"}, []string{"a=1"}, []string{"a=0", "a=1"}, ""},
		{[]string{"a=1"}, []string{"a=1"}, []string{"a=1", "a=0"}, "lxc_conf.a~: 1, 0 → 1"},
		{[]string{"a=1"}, []string{"a=1"}, []string{"b=7", "a=1"}, ""},
		{[]string{"a=1"}, []string{"a=1"}, []string{"b=7"}, "lxc_conf.a~: - → 1"},
		{[]string{"a=1"}, []string{"a=1"}, nil, "lxc_conf.a~: - → 1"},
		{[]string{"a=1"}, []string{"a=1", "a=2"}, []string{"a=1"}, "lxc_conf.a: 1 → 1, 2"},
		{[]string{"a=1"}, []string{"a=2"}, []string{"a=1"}, "lxc_conf.a: 1 → 2"},
		{[]string{"a=1", "a=2"}, []string{"a=2", "a=1"}, []string{"a=1", "a=2"},
			"lxc_conf.a: 1, 2 → 2, 1"},
		{[]string{"a=1", "a=2"}, []string{"a=2"}, []string{"a=1", "a=2"}, "lxc_conf.a: 1, 2 → 2"},
		{[]string{"a=1"}, nil, []string{"a=1"}, "lxc_conf.a: 1 → -"},
		{[]string{"a=1", "b=1"}, []string{"b=1"}, []string{"a=1", "b=1"}, "lxc_conf.a: 1 → -"},
		{[]string{"a=1"}, nil, []string{"a=1", "a=7"}, "lxc_conf.a: 1, 7 → -"},
		{[]string{"a=1", "b=2"}, []string{"b=2", "a=1"}, []string{"a=1", "b=2"}, ""},
	} {
		s := onHost().both(declare("web", conf(c.before...)))
		s.in.Desired[0].LXCConf = nil
		conf(c.declared...)(&s.in.Desired[0])
		s.got("web").Config.Raw = raw(c.file...)
		live := raw(c.declared...)
		if live == nil {
			live = map[string][]string{}
		}
		s.got("web").Live.Raw = live // what holds inside is as declared: no restart
		p := plan.Compute(s.Input)
		want := c.want
		if want != "" {
			want = "configure " + want + " (restart)"
		}
		expect(t, fmt.Sprintf("%v before, %v declared, %v in the file", c.before, c.declared, c.file),
			changesText(p, "web"), want)
		for _, step := range p.Steps {
			if step.Action == plan.Stop {
				t.Errorf("%v: it is stopped, although it runs with what is declared", c)
			}
		}
	}
}

// A setting that is declared no more and is not in the file needs nothing but the record.
func TestARawSettingThatIsGoneAlready(t *testing.T) {
	t.Parallel()
	s := onHost().both(declare("web", conf("a=1")))
	s.in.Desired[0].LXCConf = nil
	s.got("web").Config.Raw, s.got("web").Live.Raw = nil, map[string][]string{}
	expect(t, "the record forgets it", text(plan.Compute(s.Input)), "web: note(changed)")
}

// lxc_conf_unset takes keys away that came with the source.
func TestUnsetKeysOfTheFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unset, declared, file []string
		want                  string
	}{
		{[]string{"a"}, nil, nil, ""},
		{[]string{"a"}, nil, []string{"b=1"}, ""},
		{[]string{"a"}, nil, []string{"a=1"}, "stop lxc_conf.a: 1 → - (restart)"},
		{[]string{"a"}, nil, []string{"a=1", "a=2"}, "stop lxc_conf.a: 1, 2 → - (restart)"},
		{[]string{"a."}, nil, []string{"a=1", "a.b=2"}, "stop lxc_conf.a.b: 2 → - (restart)"},
		{[]string{"a"}, nil, []string{"a.c=1", "a.b=2"}, `
			stop lxc_conf.a.b: 2 → - (restart)
			stop lxc_conf.a.c: 1 → - (restart)`},
		{[]string{"b"}, nil, []string{"a.b=1"}, ""},
		{[]string{"a", "b"}, nil, []string{"b=1", "a=1"}, `
			stop lxc_conf.a: 1 → - (restart)
			stop lxc_conf.b: 1 → - (restart)`},
		{[]string{"a", "a"}, nil, []string{"a=1"}, "stop lxc_conf.a: 1 → - (restart)"},
		{[]string{"a"}, []string{"a=1"}, []string{"a=1"}, ""},
		{[]string{"a"}, []string{"a.b=1"}, []string{"a.b=1", "a.c=1"},
			"stop lxc_conf.a.c: 1 → - (restart)"},
	} {
		s := onHost().both(declare("web", conf(c.declared...), func(d *plan.Desired) {
			d.LXCConfUnset = c.unset
		}))
		delete(s.own("web").Applied, "lxc_conf_unset")
		s.got("web").Config.Raw, s.got("web").Live.Raw = raw(c.file...), raw(c.file...)
		p := plan.Compute(s.Input)
		for i := range p.Steps { // the restart and the file have the same changes: shown once
			if p.Steps[i].Action == plan.Configure {
				p.Steps[i].Action = plan.Stop
			}
		}
		if c.want == "" {
			expect(t, fmt.Sprint(c), text(p), "web: note(changed)")
			continue
		}
		expect(t, fmt.Sprint(c), changesText(p, "web"), c.want)
	}
}

// What the kernel says of a limit is not always what was written.
func TestLimitsInsideAreComparedAsTheKernelRoundsThem(t *testing.T) {
	t.Parallel()
	const m = 512 << 20
	for _, c := range []struct {
		declared, inside int64
		same             bool
	}{
		{m, m, true}, {m, m - 1, true}, {m, m - 4095, true}, {m, m - 4096, true},
		{m, m - 65535, true}, {m, m - 65536, false}, {m, m + 1, false}, {m, m + 4096, false},
		{m, 0, false}, {0, 0, true}, {0, m, false}, {0, 1, false}, {4096, 0, false}, {1, 1, true},
	} {
		s := onHost().both(declare("web", memory(c.declared)))
		s.got("web").Live.Memory = c.inside
		want := "web: configure(drift)"
		if c.same {
			want = "= 1"
		}
		expect(t, fmt.Sprintf("%d declared, %d inside", c.declared, c.inside),
			text(plan.Compute(s.Input)), want)
	}
}

// What a host cannot tell is not drift; what it can tell is.
func TestWhatAHostCannotTell(t *testing.T) {
	t.Parallel()
	full := func(d *plan.Desired) { d.CPUSet, d.CPUShare, d.Memory = "0-1", 512, 1<<30 }
	for name, c := range map[string]struct {
		edit func(*plan.Config)
		want string
	}{
		"all is known":               {func(*plan.Config) {}, "= 1"},
		"no bridge":                  {func(c *plan.Config) { c.Bridge = "" }, "= 1"},
		"no MAC":                     {func(c *plan.Config) { c.MAC = "" }, "= 1"},
		"no cpuset":                  {func(c *plan.Config) { c.CPUSet = "" }, "= 1"},
		"no cpu share":               {func(c *plan.Config) { c.CPUShare = 0 }, "= 1"},
		"no host name":               {func(c *plan.Config) { c.Hostname = "" }, "= 1"},
		"no raw settings":            {func(c *plan.Config) { c.Raw = nil }, "= 1"},
		"no address in its settings": {func(c *plan.Config) { c.Address = netip.Prefix{} }, "= 1"},
		"the same cpus otherwise":    {func(c *plan.Config) { c.CPUSet = "0,1" }, "= 1"},
		"other letters of a MAC": {func(c *plan.Config) {
			c.MAC = "00:16:3E" + c.MAC[8:]
		}, "= 1"},
		"autostart holds in the file only": {func(c *plan.Config) { c.Autostart = false }, "= 1"},
		"another bridge": {func(c *plan.Config) { c.Bridge = "x" },
			"web: stop(drift) start address"},
		"another MAC": {func(c *plan.Config) { c.MAC = "x" }, "web: stop(drift) start address"},
		"other cpus":  {func(c *plan.Config) { c.CPUSet = "7" }, "web: configure(drift)"},
		"another cpu share": {func(c *plan.Config) { c.CPUShare = 7 },
			"web: configure(drift)"},
		"no memory limit": {func(c *plan.Config) { c.Memory = 0 }, "web: configure(drift)"},
		"no route": {func(c *plan.Config) { c.Gateway = netip.Addr{} },
			"web: configure(drift) address"},
		"another length": {func(c *plan.Config) {
			c.Address = netip.PrefixFrom(c.Address.Addr(), 8)
		}, "web: configure(drift) address"},
	} {
		s := onHost().both(declare("web", full))
		live := *s.got("web").Live
		c.edit(&live)
		s.got("web").Live = &live
		expect(t, name, text(plan.Compute(s.Input)), c.want)
	}
}

// The states of a container that shall run, and of one that shall not.
func TestEveryState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state     plan.State
		run, rest string
	}{
		{plan.Running, "= 1", "web: stop(drift)"},
		{plan.Stopped, "web: start(not_running) address", "= 1"},
		{plan.Frozen, "web: start(not_running) address", "web: stop(drift)"},
		{"freezing", "web: start(not_running) address", "web: stop(drift)"},
		{"starting", "web: start(not_running) address", "web: stop(drift)"},
		{"stopping", "web: start(not_running) address", "web: stop(drift)"},
		{"aborting", "web: start(not_running) address", "web: stop(drift)"},
		{"", "web: start(not_running) address", "web: stop(drift)"},
	} {
		shallRun := onHost().both(declare("web"))
		shallRun.got("web").State = c.state
		expect(t, fmt.Sprintf("%q, shall run", c.state), text(plan.Compute(shallRun.Input)), c.run)
		shallRest := onHost().both(declare("web", stopped))
		shallRest.got("web").State = c.state
		if c.state == plan.Running {
			start(shallRest.got("web"))
		}
		expect(t, fmt.Sprintf("%q, shall rest", c.state), text(plan.Compute(shallRest.Input)), c.rest)
	}
}
