package statetest_test

import (
	"testing"

	"reconciler/state"
	"reconciler/state/statetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) state.Store { return statetest.NewMemory() })
}
