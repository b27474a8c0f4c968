package report

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
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
	named := map[string]bool{}
	for word := range strings.FieldsSeq(b.String()) {
		named[word] = true
	}
	for i := range n {
		if name := fmt.Sprintf(h1+"/c%05d.foo.com", i); !named[name] {
			t.Fatalf("%s is not in the plan", name)
		}
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
	renderers := formats(manyPlan(5000))
	renderers["result-text"] = func(w io.Writer) error { return ResultText(w, r, p, TextOptions{}) }
	renderers["result-json"] = func(w io.Writer) error { return ResultJSON(w, r, p, Meta{}) }
	for name, render := range renderers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := render(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAllFormats5000 renders a plan of 5,000 containers in every format, one after another.
func BenchmarkAllFormats5000(b *testing.B) {
	renderers := formats(manyPlan(5000))
	b.ReportAllocs()
	for b.Loop() {
		for _, render := range renderers {
			if err := render(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestALargePlanNeedsLittleMemory bounds what all formats allocate together, which is more than
// they ever hold, and more still under the race detector.
func TestALargePlanNeedsLittleMemory(t *testing.T) {
	renderers := formats(manyPlan(5000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, render := range renderers {
		if err := render(io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 200 {
		t.Errorf("a plan of 5,000 containers takes %d MiB to render", got)
	}
}
