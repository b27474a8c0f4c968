package plan_test

import (
	"fmt"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// A container is declared on an empty host: its template is made first.
func ExampleCompute() {
	web := plan.Desired{Container: spec.Container{Host: "h", Name: "web", Settings: spec.Settings{
		FromContainer: "base", Running: true}}}
	base := plan.Desired{Container: spec.Container{Host: "h", Name: "base", Template: true,
		Settings: spec.Settings{Image: "debian"}}}
	p := plan.Compute(plan.Input{Installation: "one", Hosts: []plan.HostInput{{
		Host:    "h",
		Desired: []plan.Desired{web, base},
		Actual:  plan.Actual{Host: "h"},
	}}})
	for _, it := range p.Containers() {
		fmt.Println(it.Kind, it.Container)
		for _, s := range it.Steps {
			fmt.Println(" ", s.Action, "-", s.Reason.Text)
		}
	}
	fmt.Printf("%+v\n", p.Summary())
	// Output:
	// create base
	//   create - the template is needed by web
	// create web
	//   clone - it is declared and does not exist
	//   configure - comes with the new container
	//   start - comes with the new container
	//   address - comes with the new container
	//   dns - comes with the new container
	// {Create:2 Change:0 Destroy:0 Replace:0 Blocked:0 Held:0 Unchanged:0}
}

// The record holds a text for each setting that was carried out.
func ExampleDesired_Applied() {
	d := plan.Desired{PasswordTag: "6b3a55"}
	d.FromContainer, d.Memory, d.Running = "base", 512<<20, true
	applied := d.Applied()
	for _, key := range []string{"from_container", "memory", "password", "running", "cpuset"} {
		text, ok := applied[key]
		fmt.Printf("%s %q %v\n", key, text, ok)
	}
	// Output:
	// from_container "base" true
	// memory "512M" true
	// password "6b3a55" true
	// running "true" true
	// cpuset "" false
}
