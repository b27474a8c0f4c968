package plan_test

import (
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// sized is a container on a disk image of its own.
func sized(name, backing string, size int64) plan.Desired {
	return declare(name, func(d *plan.Desired) { d.Backing, d.Size = backing, size })
}

func loops(f *plan.Facts) { f.Backings = append(f.Backings, "loop", "lvm") }

// lessened is a scene in which somebody has given the container web less memory than declared.
func lessened(s *scene) *scene {
	o := s.got("web")
	o.Config.Memory, o.Live.Memory = 1<<30, 1<<30
	return s
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	base := template("base")
	const made = "web: clone(declared) " + all
	on := func(d ...plan.Desired) *scene { return onHost(d...).both(base) }
	run(t, []scenario{
		{"what fits is made", on(declare("web", memory(4<<30))).can(), made},
		{"more memory than the host has", on(declare("web", memory(4<<30+1))).can(),
			"web! memory clone failed"},
		{"a host that does not say its memory", on(declare("web", memory(64<<30))).
			can(func(f *plan.Facts) { f.Memory = 0 }), made},
		{"without facts nothing is refused", on(declare("web", memory(64<<30))), made},
		{"a backing that the host cannot do", on(sized("web", "btrfs", 0)).can(),
			"web! backing clone failed"},
		{"overlayfs that the host cannot do", on(declare("web", overlay)).
			can(func(f *plan.Facts) { f.Backings = []string{"dir"} }), "web! backing clone failed"},
		{"a host that does not say its backings", on(declare("web", overlay)).
			can(func(f *plan.Facts) { f.Backings = nil }), made},
		{"LXC that is not there", on(declare("web")).can(noLXC), "web! lxc clone failed"},
		{"more than is free", on(sized("web", "loop", 10<<30+1)).can(loops),
			"web! disk clone failed"},
		{"what exists is not refused for what its host lacks", onHost().both(base, declare("web",
			memory(64<<30))).can(noLXC), "= 1"},
		{"a limit that is raised to what the host has", onHost(declare("web", memory(4<<30))).
			has(declare("web", memory(1<<30))).can(), "web: configure(changed)"},
		{"a limit that is raised above what the host has", onHost(declare("web", memory(4<<30+1))).
			has(declare("web", memory(1<<30))).can(), "web! memory configure failed"},
		{"a first limit above what the host has", onHost(declare("web", memory(4<<30+1))).
			has(declare("web")).can(), "web! memory configure failed"},
		{"such a limit keeps the other changes from being made",
			onHost(declare("web", memory(4<<30+1), conf("lxc.a=1"))).has(declare("web")).can(),
			"web! memory configure failed"},
		{"a limit that was above before is no reason to leave the rest",
			onHost(declare("web", memory(64<<30), conf("lxc.environment=A=1"))).
				has(declare("web", memory(64<<30))).can(),
			"web: stop(changed) configure(changed) start address"},
		{"drift from such a limit that is left is not refused",
			lessened(onHost().both(declare("web", memory(64<<30)))).can().drift(spec.DriftIgnore),
			"= 1"},
		{"drift from such a limit is not put right",
			lessened(onHost().both(declare("web", memory(64<<30)))).can(),
			"web! memory configure failed"},
		{"a template that the host cannot do takes its clones along", onHost(declare("web"),
			template("base", func(d *plan.Desired) { d.Backing = "zfs" })).can(),
			"base! backing create failed\nweb! source clone failed"},
	})
}

func TestRefusalsHaveTheNumbers(t *testing.T) {
	t.Parallel()
	lvm := func(s *scene) *scene {
		s.in.Prepare = &plan.Preparing{}
		s.in.Prepare.Want.VolumeGroup = "lxc"
		return s
	}
	for _, c := range []struct {
		name  string
		scene *scene
		want  string
	}{
		{"memory", onHost(declare("web", memory(6<<30))).can(
			func(f *plan.Facts) { f.Memory = 4000 << 20 }),
			"it may use 6G of memory, and the host has 3.9G"},
		{"a little memory", onHost(declare("web", memory(1<<30))).can(func(f *plan.Facts) {
			f.Memory = 1000
		}), "it may use 1G of memory, and the host has 1000"},
		{"disk", onHost(sized("web", "loop", 20<<30)).can(loops),
			"its size is 20G, and 10G of 100G are free on the host"},
		{"no disk at all", onHost(sized("web", "loop", 1<<30)).can(loops, func(f *plan.Facts) {
			f.DiskFree = 0
		}), "its size is 1G, and 0 of 100G are free on the host"},
		{"backing", onHost(sized("web", "zfs", 0)).can(),
			`the host cannot do backing "zfs", only dir, overlayfs`},
		{"volume group", lvm(onHost(sized("web", "lvm", 1<<30)).can(loops)),
			`the host has no volume group "lxc"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, b := range plan.Compute(c.scene.Input).Blocked {
				if b.Container == "web" {
					if b.Text != c.want || b.Unblock == "" || !b.Failed {
						t.Errorf("got %q (%q), want %q", b.Text, b.Unblock, c.want)
					}
					return
				}
			}
			t.Error("what does not fit is not refused")
		})
	}
}

// Containers that are made in one pass share what is free, those that exist have it already.
func TestSizesAreAddedUp(t *testing.T) {
	t.Parallel()
	s := onHost(sized("a", "loop", 6<<30), sized("b", "loop", 6<<30), sized("c", "loop", 4<<30)).
		both(template("base")).both(sized("old", "loop", 50<<30)).can(loops)
	var text string
	for _, b := range plan.Compute(s.Input).Blocked {
		if b.Code == plan.BlockedDisk {
			text += b.Container + ": " + b.Text + "\n"
		}
	}
	expect(t, "three containers get more than is free", text, `
		b: its size is 6G, and 10G of 100G are free on the host, of which others in this pass get 6G`)
}
