package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Every sentence that a reader of a plan can meet, word by word.
func TestSentences(t *testing.T) {
	t.Parallel()
	base := template("base")
	unfinished := func(f func(*scene)) *scene {
		s := onHost(base).has(base).both(declare("web"))
		s.own("web").Intent = "configure"
		f(s)
		return s
	}
	for _, c := range []struct {
		scene *scene
		want  string
	}{
		{onHost(declare("web"), base), `
			base create: the template is needed by web
			web clone: it is declared and does not exist
			web configure: comes with the new container
			web start: comes with the new container
			web password: comes with the new container
			web address: comes with the new container
			web dns: comes with the new container`},
		{onHost(base).has(base).both(declare("web", stopped)).gone("web"), `
			web clone: it was made before and has vanished from the host
			web configure: comes with the new container
			web password: comes with the new container
			web dns: comes with the new container`},
		{changed(stopped), `
			web stop: the declaration changed: running`},
		{changed(conf("lxc.a=1")), `
			web stop: the declaration changed: lxc_conf
			web configure: the declaration changed: lxc_conf
			web start: comes with another step
			web address: comes with another step`},
		{changed(protect), `
			web note: only the record changes: protect`},
		{unfinished(func(*scene) {}), `
			web note: an earlier run did not note that it finished`},
		{unfinished(func(s *scene) { s.own("web").Applied = nil }), `
			web password: an earlier run did not finish it
			web address: an earlier run did not finish it
			web dns: an earlier run did not finish it`},
		{unfinished(func(s *scene) { stop(s.got("web")) }), `
			web start: it is stopped and shall run
			web address: comes with another step`},
		{unfinished(func(s *scene) { s.got("web").Config.MAC = "00:16:3e:ff:ff:ff" }), `
			web configure: an earlier run did not finish it: mac`},
		{onHost().has(declare("web")), `
			web destroy: it is not declared any more`},
		{onHost().has(declare("web")).gone("web"), `
			web forget: it is not declared any more and has vanished from the host`},
	} {
		var b strings.Builder
		for _, s := range plan.Compute(c.scene.Input).Steps {
			fmt.Fprintf(&b, "%s %s: %s\n", s.Container, s.Action, s.Reason.Text)
		}
		expect(t, "the reader is told something else", b.String(), c.want)
	}
}

func TestSentencesOfWhatIsBlocked(t *testing.T) {
	t.Parallel()
	broken := changed()
	broken.got("web").Damage = "no lxc.rootfs.path"
	for _, c := range []struct {
		scene *scene
		want  string
	}{
		{changed(from("base2"), recreate, stopped), `
			web! it cannot be cloned: source "base2" does not exist on this host and is not declared`},
		{changed(overlay), `
			web! backing, snapshot changed, which needs a new container: its data would be lost [` +
			`recreate: allow]`},
		{changed(overlay, recreate, protect), `
			web! it would have to be made anew, but is protected [protect: false]`},
		{onHost().has(declare("web", protect)), `
			web! it is not declared any more, but protected [` +
			`declare it again with protect: false, then remove it]`},
		{onHost(declare("web", func(d *plan.Desired) { d.Bridge = "br9" })), `
			web! bridge "br9" does not exist on the host [make the bridge, name another, or declare prepare for the host]`},
		{onHost(declare("web", func(d *plan.Desired) { d.Backing = "btrfs" })), `
			web! backing "btrfs" is not acted on yet`},
		{onHost(declare("web")).foreign("web"), `
			web! a container of this name exists and is not ours: it carries no mark [` +
			`rename or remove one of the two]`},
		{broken, `
			web! it is ours and must not be started: no lxc.rootfs.path [` +
			`mend it, or remove it so that it is made anew]`},
	} {
		var b strings.Builder
		for _, x := range plan.Compute(c.scene.Input).Blocked {
			fmt.Fprintf(&b, "%s! %s", x.Container, x.Text)
			if x.Unblock != "" {
				b.WriteString(" [" + x.Unblock + "]")
			}
			b.WriteString("\n")
		}
		expect(t, "the reader is told something else", b.String(), c.want)
	}
}

// A blocked container is found in the tree by its position.
func TestStepsAndBlocksSayWhereTheyAreDeclared(t *testing.T) {
	t.Parallel()
	here := spec.Position{File: "tree.yaml", Line: 7, Column: 3}
	there := func(d *plan.Desired) { d.Position = here }
	s := onHost(template("base", there), declare("web", there))
	for _, s := range plan.Compute(s.Input).Steps {
		if s.Position != here {
			t.Errorf("%s of %s is said to be at %v", s.Action, s.Container, s.Position)
		}
	}
	p := plan.Compute(onHost(declare("web", there, from("nothing"))).Input)
	if len(p.Blocked) != 1 || p.Blocked[0].Position != here {
		t.Errorf("the mistake is not found: %+v", p.Blocked)
	}
}

// What happens on one host has no influence on another, not even for a name that both have.
func TestHostsAreApart(t *testing.T) {
	t.Parallel()
	other := func(d *plan.Desired) { d.Host = "i" }
	s := onHost(declare("web"), template("base"))
	o := onHost(declare("web", other), template("base", other)).has(template("base", other))
	for _, name := range []string{"x", "y", "z"} {
		o.has(declare(name, other))
	}
	o.in.Host, o.in.Actual.Host = "i", "i"
	for i := range o.in.Actual.Containers {
		o.in.Actual.Containers[i].Mark.Host = "i"
	}
	s.Hosts = append(s.Hosts, *o.in)
	s.Hosts[0], s.Hosts[1] = s.Hosts[1], s.Hosts[0]
	want := `
		base: create(needed_by)
		web <base: clone(declared) ` + all + `
		i/web: clone(declared) ` + all + `
		i/x! guard destroy
		i/y! guard destroy
		i/z! guard destroy`
	expect(t, "each host is planned alone", text(plan.Compute(s.Input)), want)
	s.allow(plan.Allowance{Host: "h", Count: 9})
	expect(t, "an allowance of one host is none of the other", text(plan.Compute(s.Input)), want)
	s.allow(plan.Allowance{Count: 3})
	expect(t, "a number without a host is for each", text(plan.Compute(s.Input)), `
		base: create(needed_by)
		web <base: clone(declared) `+all+`
		i/web: clone(declared) `+all+`
		i/x: destroy(not_declared)
		i/y: destroy(not_declared)
		i/z: destroy(not_declared)`)
}
