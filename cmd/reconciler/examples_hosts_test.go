package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/spec"
	"reconciler/spec/source"
	"reconciler/state"
	"reconciler/state/statetest"
)

// TestExamplePull: on every host of examples/pull the unit and the line of cron plan for that host,
// as this machine, and ask no other one.
func TestExamplePull(t *testing.T) {
	t.Parallel()
	tree := filepath.Join("..", "..", "examples", "pull", "tree")
	for _, host := range []string{"host1.example.com", "host2.example.com", "host3.example.com"} {
		for short, o := range map[bool]spec.Options{
			false: {Hostname: host},
			true:  {Hostname: strings.TrimSuffix(host, ".example.com"), FullName: host},
		} {
			asked := planPulled(t, tree, host, o)
			if !slices.Equal(asked, []string{host + " local"}) {
				t.Errorf("on %s (short name: %v) these are asked: %q", host, short, asked)
			}
		}
	}
}

// planPulled plans for one host, and returns which hosts were asked, and how.
func planPulled(t *testing.T, tree, host string, o spec.Options) (asked []string) {
	t.Helper()
	declared, err := reconcile.Fetch(t.Context(), source.Dir{Path: tree}, o)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := state.OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	pass, err := reconcile.Plan(t.Context(), declared, reconcile.Options{
		Store: statetest.NewMemory(), Sealer: keys, Random: rand.Reader, Hosts: []string{host},
		Dial: func(_ context.Context, h *spec.Host, installation string) (reconcile.Host, error) {
			asked = append(asked, h.Name+" "+h.Connect)
			return hosttest.New(hosttest.Config{Host: h.Name, Installation: installation,
				Bridges: []string{"lxcbr1"}, Images: []string{"debian"}}), nil
		},
		Parallel: 2, LockTimeout: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil || pass.Plan.Empty() {
		t.Errorf("nothing is planned for %s: %v", host, err)
	}
	return asked
}

func TestExamplePullUnit(t *testing.T) {
	t.Parallel()
	unit := readUnit(t, "pull", "reconciler.service.d", "host.conf")
	startsWell(t, unit)
	if !strings.HasSuffix(unit["ExecStart"], " --host %H") {
		t.Errorf("the unit works on other hosts too: %q", unit["ExecStart"])
	}
}

// TestExampleController: the unit needs no root, and ssh takes the configuration beside it.
func TestExampleController(t *testing.T) {
	t.Parallel()
	unit := readUnit(t, "controller", "reconciler.service")
	startsWell(t, unit)
	if unit["User"] == "" || unit["User"] == "root" || unit["StateDirectory"] != "reconciler" {
		t.Errorf("the unit runs as %q with the state in %q", unit["User"], unit["StateDirectory"])
	}
	if unit["KillMode"] != "mixed" {
		t.Errorf("KillMode is %q: to stop the daemon would cut off the hosts that it waits for",
			unit["KillMode"])
	}
	if _, err := exec.LookPath("ssh"); err != nil {
		if os.Getenv("RECONCILER_TEST_LXC") == "1" {
			t.Fatal("ssh is missing: install openssh-client")
		}
		t.Skip("ssh is missing: install openssh-client")
	}
	config := filepath.Join("..", "..", "examples", "controller", "ssh_config")
	out, err := exec.Command("ssh", "-G", "-F", config, "host1.example.com").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\ncontrolmaster auto\n") {
		t.Errorf("ssh does not take %s: %v\n%s", config, err, out)
	}
}

// TestExamplesOfReviewsNeedNoHost: for a pull request of anybody, the examples compare revisions. A
// plan that looks at hosts would go where the change says.
func TestExamplesOfReviewsNeedNoHost(t *testing.T) {
	t.Parallel()
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "examples"}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if !strings.Contains(read("github-actions", "ci", "plan"), `--against "$BASE"`) {
		t.Error("the script for pull requests looks at hosts")
	}
	for name, text := range map[string]string{
		"GitHub":  read("github-actions", ".github", "workflows", "plan.yaml"),
		"Forgejo": read("forgejo", ".forgejo", "workflows", "plan.yaml"),
		"GitLab":  read("gitlab-ci", ".gitlab-ci.yml"),
	} {
		if !strings.Contains(text, "BASE: origin/") && !strings.Contains(text, `BASE="origin/`) {
			t.Errorf("on %s a pull request is compared with hosts", name)
		}
	}
}
