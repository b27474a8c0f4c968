package remote

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"reconciler/reconcile/host/hosttest"
)

// mortal is a host that tells who died.
type mortal struct {
	*hosttest.Fake
	asked chan map[string]int
	die   chan string
	fail  chan error
}

func newMortal() *mortal {
	return &mortal{newFake(), make(chan map[string]int, 1), make(chan string), make(chan error)}
}

// Deaths is as that of lxc.Host.
func (m *mortal) Deaths(ctx context.Context, running map[string]int, died func(string)) error {
	m.asked <- running
	for {
		select {
		case name := <-m.die:
			died(name)
		case err := <-m.fail:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func TestDeathsAreToldOverTheConnection(t *testing.T) {
	t.Parallel()
	m := newMortal()
	h := over(t, m, slow())
	running := map[string]int{"a": 1, "b\xff": 22, "c": 333}
	ctx, cancel := context.WithCancel(t.Context())
	died, ended := make(chan string), make(chan error)
	go func() { ended <- h.Deaths(ctx, running, func(name string) { died <- name }) }()
	if asked := <-m.asked; !maps.Equal(asked, running) {
		t.Errorf("the host watches %v", asked)
	}
	var told []string
	for _, name := range []string{"c", "stranger", "c", "b\xff"} {
		m.die <- name
		if _, known := running[name]; known && !slices.Contains(told, name) {
			told = append(told, <-died)
		}
	}
	if !slices.Equal(told, []string{"c", "b\xff"}) {
		t.Errorf("told are the deaths of %q", told)
	}
	if _, err := h.Observe(t.Context()); err != nil {
		t.Errorf("while deaths are awaited nothing else works: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the watch that is not wanted any more ends with %v", err)
	}
}

func TestAWatchThatFailsSaysSo(t *testing.T) {
	t.Parallel()
	m := newMortal()
	h := over(t, m, slow())
	ended := make(chan error)
	watch := func() { ended <- h.Deaths(t.Context(), map[string]int{"a": 1}, func(string) {}) }
	go watch()
	<-m.asked
	m.fail <- errors.New("too many files")
	if err := <-ended; err == nil || err.Error() != "too many files" {
		t.Errorf("the watch ends with %v", err)
	}
	go watch()
	<-m.asked
	_ = h.Close()
	if err := <-ended; err == nil {
		t.Error("a watch ends without a word when its connection does")
	}
}

func TestAHostWithoutDeathsSaysSo(t *testing.T) {
	t.Parallel()
	err := over(t, newFake(), slow()).Deaths(t.Context(), nil, func(string) {})
	if !errors.Is(err, errNoDeaths) {
		t.Errorf("the error is %v", err)
	}
}
