//go:build linux

package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"reconciler/reconcile/host/apt"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// neededPackages returns all that a preparation takes on this machine, sorted.
func neededPackages(want *spec.Preparation) []string {
	enabled := strings.TrimSpace(read("/sys/module/apparmor/parameters/enabled"))
	return apt.Packages(want, enabled == "Y")
}

// packages finds the packages that are not completely installed.
func packages(ctx context.Context, want *spec.Preparation) ([]difference, error) {
	needed := neededPackages(want)
	if !isInstalled("dpkg-query") || !isInstalled("apt-get") {
		return noApt(needed), nil
	}
	there, err := installed(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range needed {
		if there[name] != "installed" {
			missing = append(missing, name)
		}
	}
	var out []difference
	for i, name := range missing {
		change := plan.HostChange{What: "package " + name, Old: there[name], New: "installed"}
		fix := func(context.Context) error { return nil } // came with the first
		if i == 0 {
			fix = func(ctx context.Context) error { return install(ctx, want, missing) }
		}
		out = append(out, difference{change, fix})
	}
	if _, err := os.Lstat(installing); err == nil && len(missing) == 0 {
		out = append(out, difference{plan.HostChange{What: "packages",
			Old: "an installation was interrupted", New: "installed"}, finishInstall})
	}
	return out, nil
}

// installing is a file that is there while packages are installed. The packages of an installation
// that was killed may all be there, and what they trigger in others still be left to do.
const installing = "/var/lib/reconciler/installing"

// finishInstall does what an earlier installation has left to do.
func finishInstall(ctx context.Context) error {
	if err := configurePending(ctx); err != nil {
		return err
	}
	return unmarkInstall()
}

func markInstall() error {
	if err := os.MkdirAll(filepath.Dir(installing), 0o700); err != nil {
		return err
	}
	return os.WriteFile(installing, nil, 0o600)
}

func unmarkInstall() error {
	if err := os.Remove(installing); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the mark of an installation: %w", err)
	}
	return nil
}

// noApt refuses what is missing on a host that is neither Debian nor Ubuntu. Without packages all
// that can be known is whether LXC is there.
func noApt(needed []string) []difference {
	if isInstalled("lxc-start") {
		return nil
	}
	distribution := parseRelease(osRelease()).String()
	if distribution == "" {
		distribution = "an unknown distribution"
	}
	var out []difference
	for _, name := range needed {
		out = append(out, difference{change: plan.HostChange{What: "package " + name,
			New: "installed", Refused: "this host has no apt-get (it runs " + distribution +
				", not Debian or Ubuntu): install LXC there yourself"}})
	}
	return out
}

// installed returns the status of every package that dpkg knows, such as installed or
// half-configured, by name.
func installed(ctx context.Context) (map[string]string, error) {
	out, err := run(ctx, "dpkg-query", "-W", "-f", "${Package} ${Status}\n")
	if err != nil {
		return nil, fmt.Errorf("cannot list the packages of this host: %w", err)
	}
	return parseStatus(out), nil
}

// parseStatus reads lines of a package and its three words of status. Of a package that is there
// for several architectures the best counts.
func parseStatus(text string) map[string]string {
	status := map[string]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 4 || status[fields[0]] == "installed" {
			continue
		}
		switch fields[3] {
		case "not-installed", "config-files":
			delete(status, fields[0])
		default:
			status[fields[0]] = fields[3]
		}
	}
	return status
}

// install installs packages. What an earlier run was killed in the middle of is finished first:
// apt-get refuses to do anything before that. Package lists are fetched only if it does not work
// with those that are there. Nothing is removed: what conflicts with a package is an error.
func install(ctx context.Context, want *spec.Preparation, names []string) error {
	if err := keepOffBridgeOfLXC(want); err != nil {
		return err
	}
	if err := markInstall(); err != nil {
		return fmt.Errorf("cannot mark that packages are installed: %w", err)
	}
	if err := configurePending(ctx); err != nil {
		return err
	}
	err := fetchAndInstall(ctx, names)
	if errors.Is(err, context.DeadlineExceeded) {
		return err // apt-get did not end by itself
	}
	return errors.Join(err, unmarkInstall())
}

// fetchAndInstall has apt-get install packages, if need be after it has fetched its lists.
func fetchAndInstall(ctx context.Context, names []string) error {
	args := append([]string{"install", "-y", "--no-install-recommends", "--no-remove"}, names...)
	_, first := aptGet(ctx, args...)
	if first == nil || ctx.Err() != nil {
		return first
	}
	warned, err := aptGet(ctx, "update")
	if err != nil {
		return errors.Join(err, first) // the cause first
	}
	_, err = aptGet(ctx, args...)
	return afterUpdate(warned, err)
}

// afterUpdate attaches why package lists could not be fetched: to apt-get update that is no error,
// and then the packages that are in them are not known.
func afterUpdate(warned string, err error) error {
	if err == nil || warned == "" {
		return err
	}
	return fmt.Errorf("apt-get update:\n%s\n%w", warned, err)
}
