package git

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"/srv/tree":                            "/srv/tree",
		"/srv/tree/":                           "/srv/tree",
		"tree":                                 here + "/tree",
		"./a:b":                                here + "/a:b",
		"dir@x/y:z":                            "ssh://", // see below: refused
		"file:///srv/tree":                     "/srv/tree",
		"file://localhost/srv/x/../tree":       "/srv/tree",
		"https://example.com/a/b.git":          "https://example.com/a/b.git",
		"HTTPS://Example.COM:443/a/b.git/":     "https://example.com/a/b.git",
		"https://example.com:8443/a":           "https://example.com:8443/a",
		"https://ann@example.com/a":            "https://ann@example.com/a",
		"https://[::1]/a":                      "https://[::1]/a",
		"https://[::1]:99/a":                   "https://[::1]:99/a",
		"http://127.0.0.1:80/a":                "http://127.0.0.1/a",
		"https://example.com/a%20b":            "https://example.com/a%20b",
		"ssh://git@example.com/a/b":            "ssh://git@example.com/a/b",
		"ssh://git@example.com:22/a/b":         "ssh://git@example.com/a/b",
		"ssh://git@example.com:2222/a/b":       "ssh://git@example.com:2222/a/b",
		"git+ssh://git@example.com/a":          "ssh://git@example.com/a",
		"ssh://example.com/~ann/a":             "ssh://example.com/~ann/a",
		"git@example.com:a/b.git":              "git@example.com:a/b.git",
		"git@Example.com:/a/b.git":             "ssh://git@example.com/a/b.git",
		"git@[::1]:a/b":                        "git@[::1]:a/b",
		"git@example.com:~/a":                  "ssh://git@example.com/~/a",
		"git@example.com:a/b@c:d":              "git@example.com:a/b@c:d",
		"git@example.com:a b/it's":             "git@example.com:a b/it's",
		"ssh://git@example.com/srv/a%2Fb/../c": "ssh://git@example.com/srv/a/b/../c",
	} {
		if raw == "dir@x/y:z" {
			want = here + "/dir@x/y:z"
		}
		a, err := parseAddress(raw)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
			continue
		}
		if a.String() != want {
			t.Errorf("%q is %q, want %q", raw, a, want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for raw, want := range map[string]string{
		"":                                    "is empty",
		"https://ann:" + secret + "@host/a":   "has a password in it",
		"http://ann:" + secret + "@host/a":    "has a password in it",
		"ssh://ann:" + secret + "@host/a":     "has a password in it",
		"https://ann:" + secret + "%zz@host/": "cannot understand",
		"https://host:port/a":                 "cannot understand",
		"https://host/a?token=" + secret:      "has a \"? or #\"",
		"http://ann@host/a":                   "without encryption",
		"git://host/a":                        "use https or ssh",
		"ftp://host/a":                        "none of file, https, http and ssh",
		"file://host/a":                       "no absolute path of this machine",
		"file://a":                            "no absolute path of this machine",
		"https:///a":                          "names no host",
		"https://host":                        "names no repository",
		"https://host/":                       "names no repository",
		"git@host:":                           "names no repository",
		"ssh://host:0/a":                      "has the port",
		"ssh://host:65536/a":                  "has the port",
		"ssh://-oProxyCommand=x/a":            "names no host",
		"-oProxyCommand=x@host:a":             "a user name that cannot be",
		"git@-x:a":                            "names no host",
		"https://host/a\n/b":                  "control characters",
		"https://host/a\x00":                  "control characters",
	} {
		a, err := parseAddress(raw)
		if err == nil {
			t.Errorf("%q is taken as %q", raw, a)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the password is in the error: %v", raw, err)
		}
	}
}

// FuzzParseAddress: an address that was written down again means the same repository, has no
// password in it, and no error shows one.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"/a", "git@h:p", "ssh://u@h:1/~/p", "https://[::1]:2/p%20q",
		"file:///x",
		"https://u:p@h/x", "a@b", "@:", "://", "git@[::1]:x", "ssh://h/%2e%2e", "https://h/%3f%23"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseAddress(raw)
		if err != nil {
			return
		}
		again, err := parseAddress(a.String())
		if err != nil {
			t.Fatalf("%q became %q, which cannot be read: %v", raw, a, err)
		}
		if again != a || again.key() != a.key() {
			t.Fatalf("%q became %#v, then %#v", raw, a, again)
		}
		if a.scheme != "local" && (a.host == "" || strings.HasPrefix(a.host, "-")) {
			t.Fatalf("%q has the host %q", raw, a.host)
		}
	})
}
