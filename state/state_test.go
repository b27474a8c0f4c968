package state_test

import (
	"testing"
	"time"

	"reconciler/state"
)

// Who reads these errors must learn whom to ask.
func TestErrorsNameTheOther(t *testing.T) {
	t.Parallel()
	since := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, test := range []struct {
		err  error
		want string
	}{
		{
			&state.TakenError{What: "ip", Value: "10.5.0.2", Host: "h", Name: "a"},
			"ip 10.5.0.2 belongs to h/a",
		},
		{
			&state.LockedError{What: "/s.db", Holder: state.Holder{
				PID: 7, Who: "root@here", Command: "reconciler run", Since: since,
			}},
			"/s.db is locked by root@here (pid 7, reconciler run) since 2024-05-06T07:08:09Z",
		},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("the error says %q, not %q", got, test.want)
		}
	}
}
