package report

import (
	"encoding/json"
	"fmt"
	"io"

	"reconciler/reconcile/plan"
)

// GitLab writes the counts that a merge request of GitLab shows (artifacts:reports:terraform), as
// {"create":1,"update":0,"delete":0}. A container that is replaced counts in create and delete.
// It returns the error of w.
func GitLab(w io.Writer, p plan.Plan) error {
	t := tallyOf(groupsOf(p))
	err := json.NewEncoder(w).Encode(struct {
		Create int `json:"create"`
		Update int `json:"update"`
		Delete int `json:"delete"`
	}{t.created(), t[changes], t.destroyed()})
	if err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}
