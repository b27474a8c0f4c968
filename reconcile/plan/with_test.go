package plan_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

// Whoever plans the hosts of a tree one after the other must be told what one plan of all says.
func TestPlansOfDifferentHostsJoin(t *testing.T) {
	t.Parallel()
	law(t, "the parts make the whole", func(t *rapid.T, in plan.Input, whole plan.Plan) {
		var parts plan.Plan
		one := in
		for i, h := range rapid.Permutation(in.Hosts).Draw(t, "order") {
			if one.Hosts = []plan.HostInput{h}; i > 0 {
				one.Unreachable = nil
			}
			parts = parts.With(plan.Compute(one))
		}
		if len(in.Hosts) == 0 {
			parts = whole
		}
		if whole = (plan.Plan{}).With(whole); !reflect.DeepEqual(parts, whole) {
			t.Fatalf("in parts it is planned\n%+v\nat once\n%+v", parts, whole)
		}
	})
}
