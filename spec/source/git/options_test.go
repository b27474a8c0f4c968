package git_test

import (
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/spec/source/git"
)

var _ reconcile.Source = (*git.Source)(nil)

// TestNewRefuses: what would be ignored or be dangerous is refused before anything is fetched.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const https, http, ssh = "https://example.com/a", "http://127.0.0.1/a", "git@example.com:a"
	tests := []struct {
		o    git.Options
		want string
	}{
		{git.Options{}, "is empty"},
		{git.Options{URL: https}, "no directory for the cache"},
		{git.Options{URL: "https://ann:pw@example.com/a"}, "has a password in it"},
		{git.Options{URL: http, Auth: git.Auth{Username: "a", PasswordFile: "f"}}, "without encryption"},
		{git.Options{URL: http, Auth: git.Auth{TokenFile: "f"}}, "without encryption"},
		{git.Options{URL: http, Auth: git.Auth{CAFile: "f"}}, "use https"},
		{git.Options{URL: "http://ann@127.0.0.1/a"}, "without encryption"},
		{git.Options{URL: "/srv/a", Auth: git.Auth{TokenFile: "f"}}, "takes no credentials"},
		{git.Options{URL: ssh, Auth: git.Auth{TokenFile: "f"}}, "ssh takes a key"},
		{git.Options{URL: https, Auth: git.Auth{SSHKeyFile: "f"}}, "takes no ssh key"},
		{git.Options{URL: https, Auth: git.Auth{KnownHostsFile: "f"}},
			"takes no ssh key and no known hosts"},
		{git.Options{URL: https, Auth: git.Auth{TokenFile: "f", Username: "a", PasswordFile: "f"}},
			"only one can be sent"},
		{git.Options{URL: https, Auth: git.Auth{PasswordFile: "f"}}, "no user name"},
		{git.Options{URL: https, Auth: git.Auth{Username: "a"}}, "no password file"},
		{git.Options{URL: "https://a@example.com/x", Auth: git.Auth{Username: "b", PasswordFile: "f"}},
			`user "a"`},
		{git.Options{URL: https, Auth: git.Auth{CertFile: "f"}}, "needs both"},
		{git.Options{URL: ssh, Auth: git.Auth{SSHKeyPassphraseFile: "f"}}, "no key file"},
		{git.Options{URL: "/a", Path: "../x"}, "not the path of a folder"},
		{git.Options{URL: "/a", Path: "/x"}, "not the path of a folder"},
		{git.Options{URL: "/a", Path: "x/"}, "not the path of a folder"},
		{git.Options{URL: "/a", Path: "."}, "not the path of a folder"},
		{git.Options{URL: "/a", Timeout: -time.Second}, "negative"},
		{git.Options{URL: "/a", Verify: git.VerifyHead}, "no keys are given"},
		{git.Options{URL: "/a", Verify: git.VerifyAll}, "no keys are given"},
		{git.Options{URL: "/a", Verify: "some"}, `verify is "some"`},
	}
	for _, tt := range tests {
		if _, err := git.New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}
