package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/web"
)

func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecretsAreTheLinesOfAFile(t *testing.T) {
	t.Parallel()
	s, err := web.ReadSecrets(secretFile(t, "\n  "+secret+"\r\n\nthe old one, which is long", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon()
	o := d.options()
	o.Secrets = s
	url := open(t, web.Public(o)).URL + "/hooks/git"
	for token, want := range map[string]int{secret: http.StatusAccepted,
		"the old one, which is long": http.StatusAccepted, " ": http.StatusUnauthorized} {
		r := request(t, http.MethodPost, url, nil)
		r.Header.Set("X-Gitlab-Token", token)
		if got := send(t, r).code; got != want {
			t.Errorf("%q is answered %d", token, got)
		}
	}
}

// A file that makes webhooks open to everybody must stop the daemon, not start it.
func TestBadFilesOfSecretsAreRefused(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ path, want string }{
		"empty":     {secretFile(t, "", 0o600), "it has no secret"},
		"blank":     {secretFile(t, "\n \n\t\n", 0o600), "it has no secret"},
		"short":     {secretFile(t, secret+"\nhunter2\n", 0o600), "secret 2 has 7 bytes"},
		"open":      {secretFile(t, secret, 0o644), "chmod 600"},
		"missing":   {filepath.Join(t.TempDir(), "none"), "no such file"},
		"directory": {t.TempDir(), "not a regular file"},
		"large":     {secretFile(t, strings.Repeat(secret+"\n", 10_000), 0o600), "64 KiB"},
	} {
		_, err := web.ReadSecrets(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows a secret: %v", what, err)
		}
	}
}
