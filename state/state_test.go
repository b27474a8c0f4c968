package state_test

import (
	"net/netip"
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
			&state.TakenError{What: "ip", Value: "10.5.0.2", Network: "n", Host: "h", Name: "a"},
			"ip 10.5.0.2 on network n belongs to h/a",
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

// A value that is taken on one network must not keep a container of another one from being made.
func TestTakenErrorKnowsWhoIsMeant(t *testing.T) {
	t.Parallel()
	owner := state.Record{Host: "h", Name: "a", Network: "n", MAC: "00:16:3e:00:00:01",
		IP: netip.MustParseAddr("10.5.0.9")}
	rival := owner
	rival.Name, rival.MAC = "b", "00:16:3e:00:00:02"
	elsewhere := rival
	elsewhere.Network = "other"
	ip := &state.TakenError{What: "ip", Value: "10.5.0.9", Network: "n", Host: "h", Name: "a"}
	mac := &state.TakenError{What: "mac", Value: owner.MAC, Host: "h", Name: "a"}
	name := &state.TakenError{What: "name", Value: "h/b", Host: "h", Name: "a"}
	for _, tt := range []struct {
		what  string
		taken *state.TakenError
		r     state.Record
		want  bool
	}{
		{"the owner of an address", ip, owner, false},
		{"another claimant of an address", ip, rival, true},
		{"the same address on another network", ip, elsewhere, false},
		{"no address at all", ip, state.Record{Host: "h", Name: "c", Network: "n"}, false},
		{"another MAC", mac, rival, false},
		{"the same MAC", mac, state.Record{Host: "h", Name: "c", MAC: owner.MAC}, true},
		{"the same name", name, rival, true},
	} {
		if got := tt.taken.By(tt.r); got != tt.want {
			t.Errorf("%s: claimant %v, want %v", tt.what, got, tt.want)
		}
	}
}
