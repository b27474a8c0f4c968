package reconcile

import (
	"context"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Preparer is a Host that can be prepared for containers. It works without LXC.
type Preparer interface {
	// Check returns what the host can do, and what Prepare would change: sorted by What, nothing
	// if all of it is there; some of it may be refused. It changes nothing. Without a preparation it only gathers the facts.
	// That a volume group is missing is no change and no error: the facts say so.
	Check(ctx context.Context, want *spec.Preparation) (plan.Facts, []plan.HostChange, error)
	// Prepare makes what is missing and leaves alone what is there: a second call does nothing.
	// done has one sentence for each thing that was done, also if it ends with an error, which it
	// does if anything is refused or a volume group is missing.
	Prepare(ctx context.Context, want spec.Preparation) (done []string, err error)
}
