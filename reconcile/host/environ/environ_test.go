package environ

import (
	"slices"
	"testing"
)

// A template script or a hook of a package must not be able to read what we were started with.
func TestClean(t *testing.T) {
	t.Setenv("RECONCILER_STATE", "sqlite:///secret/place")
	t.Setenv("PASSWORD", "hush")
	t.Setenv("PATH", "/tmp/evil")
	t.Setenv("https_proxy", "http://proxy:3128")
	for _, name := range []string{"http_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTPS_PROXY", "")
	got := slices.DeleteFunc(Clean("LC_ALL=C"), func(s string) bool {
		return s[len(s)-1] == '=' // a proxy that is set and empty turns one off
	})
	want := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LC_ALL=C", "https_proxy=http://proxy:3128"}
	if !slices.Equal(got, want) {
		t.Errorf("programs that we start get %q", got)
	}
}
