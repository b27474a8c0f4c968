package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// largePlan creates n containers.
func largePlan(n int) plan.Plan {
	var p plan.Plan
	for i := range n {
		p.Steps = append(p.Steps, createSteps(fmt.Sprintf("c%05d.foo.com", i))...)
	}
	return p
}

func TestALargePlanIsComplete(t *testing.T) {
	t.Parallel()
	const n = 5000
	p := largePlan(n)
	var b bytes.Buffer
	if err := Text(&b, p, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), " will be created\n"); got != n {
		t.Errorf("%d of %d containers are in the plan", got, n)
	}
	if !strings.HasSuffix(b.String(), "Plan: 5000 to create, 0 to change, 0 to destroy.\n") {
		t.Errorf("the verdict is wrong: %q", b.String()[b.Len()-60:])
	}
	b.Reset()
	r := execute.Result{Outcomes: outcomesOf(p)}
	if err := ResultText(&b, r, p, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "350_dns"); got != n {
		t.Errorf("%d of %d containers are in the result", got, n)
	}
}

func BenchmarkRender5000(b *testing.B) {
	p := largePlan(5000)
	r := execute.Result{Outcomes: outcomesOf(p)}
	renderers := map[string]func() error{
		"text":        func() error { return Text(io.Discard, p, TextOptions{Color: true}) },
		"json":        func() error { return JSON(io.Discard, p, Meta{}) },
		"result-text": func() error { return ResultText(io.Discard, r, p, TextOptions{}) },
		"result-json": func() error { return ResultJSON(io.Discard, r, p, Meta{}) },
	}
	for name, render := range renderers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := render(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
