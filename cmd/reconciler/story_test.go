package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"reconciler": main})
}

// TestStories runs what a user does, without a host: testdata/stories/*.txtar.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "stories"),
		Setup:               setUpAlone,
		Cmds:                storyCommands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// TestStoriesOnLXC runs what a user does on real containers: testdata/stories/lxc/*.txtar. Each
// story has a bridge, an lxcpath with a stopped busybox container "base" and a state of its own:
// $BRIDGE, $NET (the first three numbers of its /24; the bridge is $NET.1) and $LXCPATH.
func TestStoriesOnLXC(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "stories", "lxc"),
		Setup:               setUpHost,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                storyCommands(),
	})
}

// storyCommands are what stories can do besides running programs.
func storyCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"expand": expand,
		"repo":   makeRepo, "git": runGit, "commit": commit, "sign": sign,
		"serve": serve, "network": network,
		"freeport": freePort, "get": get, "webhook": webhook, "passes": passes,
		"eventually": eventually, "latency": latency, "soak": soak, "cputime": cpuTime,
	}
}

// requireLXC skips where real containers cannot run, unless RECONCILER_TEST_LXC forbids it.
func requireLXC(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("lxc-create")
	if os.Getuid() == 0 && err == nil {
		return
	}
	if os.Getenv("RECONCILER_TEST_LXC") != "" {
		t.Fatal("RECONCILER_TEST_LXC is set, but this is not root with LXC installed")
	}
	t.Skip("real containers need root and LXC; testdata/test sets both up")
}

// setUpUser gives a story a state of its own.
func setUpUser(e *testscript.Env) error {
	setUpGit(e)
	e.Setenv("RECONCILER_STATE", "sqlite://"+filepath.Join(e.WorkDir, "state.db"))
	e.Setenv("RECONCILER_CONFIG", filepath.Join(e.WorkDir, "config.yaml"))
	e.Setenv("RECONCILER_SOURCE", "tree")
	return os.WriteFile(filepath.Join(e.WorkDir, "config.yaml"), nil, 0o600)
}

// setUpAlone keeps a story from talking to anybody: the hosts in its trees must not be looked for.
func setUpAlone(e *testscript.Env) error {
	bin := filepath.Join(e.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	ssh := "#!/bin/sh\necho 'ssh: connect to host: Network is unreachable' >&2\nexit 255\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(ssh), 0o755); err != nil {
		return err
	}
	return setUpUser(e)
}

// setUpHost gives a story a host of its own.
func setUpHost(e *testscript.Env) error {
	if err := setUpUser(e); err != nil {
		return err
	}
	lxcpath, err := os.MkdirTemp("", "rc")
	if err != nil {
		return err
	}
	n, bridge, err := makeBridge()
	if err != nil {
		return err
	}
	net := fmt.Sprintf("10.213.%d", n)
	e.Setenv("LXCPATH", lxcpath)
	e.Setenv("BRIDGE", bridge)
	e.Setenv("NET", net)
	e.Setenv("PATH", e.Getenv("PATH")+":/usr/sbin:/sbin")
	e.Defer(func() { tearDown(lxcpath, bridge) })
	return sh(fmt.Sprintf(`set -e
		chmod 755 %[1]s
		ip addr add %[2]s.1/24 dev %[3]s
		ip link set %[3]s up
		lxc-create -P %[1]s -n base -t busybox >/dev/null
		sed -i 's/^lxc.net.0.link.*/lxc.net.0.link = %[3]s/' %[1]s/base/config`, lxcpath, net, bridge))
}

// makeBridge makes the first bridge of our range that does not exist. Making it is what decides,
// so that stories (and other test processes) that run at once never share one.
func makeBridge() (n int, name string, err error) {
	for n = range 250 {
		name = fmt.Sprintf("rctst%d", n)
		if err = sh("ip link add " + name + " type bridge"); err == nil {
			return n, name, nil
		}
	}
	return 0, "", fmt.Errorf("cannot make a bridge: %w", err)
}

func tearDown(lxcpath, bridge string) {
	names, err := filepath.Glob(filepath.Join(lxcpath, "*", "config"))
	if err != nil {
		return
	}
	for _, config := range names {
		name := filepath.Base(filepath.Dir(config))
		// Not running is as good as stopped.
		_ = exec.Command("lxc-stop", "-k", "-P", lxcpath, "-n", name).Run()
	}
	_ = exec.Command("rm", "-rf", "--one-file-system", lxcpath).Run()
	_ = exec.Command("ip", "link", "del", bridge).Run()
}

func sh(script string) error {
	out, err := exec.Command("sh", "-c", script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// expand replaces $LXCPATH, $BRIDGE and $NET in files, in place. With $CONNECT the host is not this
// machine.
func expand(ts *testscript.TestScript, neg bool, files []string) {
	if neg || len(files) == 0 {
		ts.Fatalf("usage: expand file...")
	}
	for _, name := range files {
		path := ts.MkAbs(name)
		text := ts.ReadFile(name)
		for _, key := range []string{"LXCPATH", "BRIDGE", "NET"} {
			text = strings.ReplaceAll(text, "$"+key, ts.Getenv(key))
		}
		if address := ts.Getenv("CONNECT"); address != "" {
			text = strings.ReplaceAll(text, "connect: local", "connect: "+address)
		}
		ts.Check(os.WriteFile(path, []byte(text), 0o644))
	}
}
