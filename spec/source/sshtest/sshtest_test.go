package sshtest

import (
	"fmt"
	"strings"
	"testing"
)

// stopped is a test that only notes how it ended.
type stopped struct {
	testing.TB
	how string
}

func (s *stopped) Helper() {}

func (s *stopped) Skipf(format string, args ...any) {
	s.how += "skip: " + fmt.Sprintf(format, args...)
}

func (s *stopped) Fatalf(format string, args ...any) {
	s.how += "fail: " + fmt.Sprintf(format, args...)
	panic(s)
}

// Where skipping is forbidden, a missing package must not turn a test green.
func TestMissingTool(t *testing.T) {
	for forbidden, want := range map[string]string{"": "skip: ", "1": "fail: "} {
		t.Setenv("RECONCILER_TEST_LXC", forbidden)
		s := &stopped{TB: t}
		func() {
			defer func() { _ = recover() }() // Fatalf does not return
			Need(s, "no-such-program", "some-package")
		}()
		if !strings.HasPrefix(s.how, want) || !strings.Contains(s.how, "some-package") {
			t.Errorf("with RECONCILER_TEST_LXC=%q: %q, want %q", forbidden, s.how, want)
		}
	}
}
