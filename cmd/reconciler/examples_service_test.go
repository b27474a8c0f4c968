package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExampleSettings: every key of examples/*/config.yaml is a setting, and so is every one that a
// user would uncomment.
func TestExampleSettings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"systemd", "controller", "pull"} {
		t.Run(name, func(t *testing.T) { testSettings(t, name) })
	}
}

func testSettings(t *testing.T, example string) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", example, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^# ([a-z-]+:)`).ReplaceAllString(string(text), "$1")
	if all == string(text) {
		t.Error("no setting is commented out: this test has nothing to uncomment")
	}
	for name, config := range map[string]string{"as it is": string(text), "uncommented": all} {
		if err := acceptSettings(t, config, "run"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := acceptSettings(t, all+"no-such-key: 1\n", "run"); err == nil {
		t.Error("a key that is no setting is accepted: this test would see nothing")
	}
}

// acceptSettings reads settings for a command line as that command does, without running it.
func acceptSettings(t *testing.T, config string, args ...string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{streams: streams{out: io.Discard, err: io.Discard}}
	a.args = append(args, "--config", path)
	_, err := a.again()
	return err
}

// TestExampleUnit: the unit runs a command that there is, and says what the README promises.
func TestExampleUnit(t *testing.T) {
	t.Parallel()
	unit := readUnit(t, "systemd", "reconciler.service")
	for key, want := range map[string]string{
		"Type": "notify", "KillMode": "process", "OOMPolicy": "continue", "Restart": "always",
	} {
		if unit[key] != want {
			t.Errorf("%s is %q, want %q: containers or the daemon would not survive", key, unit[key],
				want)
		}
	}
	if unit["WatchdogSec"] == "" {
		t.Error("nobody notices a daemon that is stuck")
	}
	startsWell(t, unit)
}

// readUnit returns the settings of a unit of systemd, or of a piece that is added to one. What is
// set to nothing first is set anew.
func readUnit(t *testing.T, path ...string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "examples"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && line[0] != '#' {
			if unit[key] != "" && key != "After" {
				t.Errorf("%s is set twice", key)
			}
			unit[key] = value
		}
	}
	return unit
}

// startsWell fails if a unit runs what is no command line of ours.
func startsWell(t *testing.T, unit map[string]string) {
	t.Helper()
	command := strings.Fields(unit["ExecStart"])
	if len(command) < 2 || command[0] != "/usr/local/bin/reconciler" {
		t.Fatalf("the unit runs %q", command)
	}
	if err := acceptSettings(t, "", command[1:]...); err != nil {
		t.Errorf("the unit runs a command line that is none: %v", err)
	}
}

// TestExampleCron: cron takes the files, and their lines are command lines of ours.
func TestExampleCron(t *testing.T) {
	t.Parallel()
	testCron(t, "cron", "reconciler")
	testCron(t, "pull", "reconciler.cron")
}

func testCron(t *testing.T, path ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "examples"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	job := parseCron(t, string(text))
	if job.user != "root" {
		t.Errorf("it runs as %q, who cannot change containers", job.user)
	}
	command, _, _ := strings.Cut(job.command, ">")
	args := strings.Fields(strings.ReplaceAll(command, `"$(hostname -f)"`, "host1.example.com"))
	if args[0] != "reconciler" {
		t.Fatalf("it runs %q", args[0])
	}
	if err := acceptSettings(t, "", args[1:]...); err != nil {
		t.Errorf("it runs a command line that is none: %v", err)
	}
}

// cronJob is the one line of a file in /etc/cron.d, with the environment that it runs in.
type cronJob struct {
	env           []string
	user, command string
}

// parseCron reads such a file as strictly as cron(8) and crontab(5) say.
func parseCron(t *testing.T, text string) (job cronJob) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Error("cron ignores a last line without an end")
	}
	setting := regexp.MustCompile(`^[A-Z]+=\S+$`)
	entry := regexp.MustCompile(`^((?:[0-9*][0-9*,/-]* ){5})([a-z]+) ([^%]+)$`)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		match := entry.FindStringSubmatch(line)
		switch {
		case line == "" || line[0] == '#':
		case setting.MatchString(line):
			job.env = append(job.env, line)
		case match != nil && job.command == "":
			job.user, job.command = match[2], match[3]
		default:
			t.Errorf("cron does not take the line %q", line)
		}
	}
	if job.command == "" {
		t.Fatal("there is no job in the file")
	}
	return job
}
