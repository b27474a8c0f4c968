//go:build linux

package prepare

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestPackageStatus(t *testing.T) {
	t.Parallel()
	got := parseStatus(`lxc install ok installed
wget install ok half-configured
held hold ok installed
gone deinstall ok config-files
never unknown ok not-installed
two install ok half-installed
two install ok installed
back install ok installed
back deinstall ok config-files
broken
`)
	want := map[string]string{"lxc": "installed", "wget": "half-configured", "held": "installed",
		"two": "installed", "back": "installed"}
	if !maps.Equal(got, want) {
		t.Errorf("the packages are %v, want %v", got, want)
	}
}

func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 81 (apt-get)": true,
		"E: Could not get lock /var/lib/apt/lists/lock - open " +
			"(11: Resource temporarily unavailable)": true,
		"dpkg: error: dpkg frontend lock was locked by another process with pid 63": true,
		"dpkg: error: dpkg status database is locked by another process":            true,
		"E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend)": true,
		"E: Unable to locate package no-such-package":                               false,
		"E: Failed to fetch http://example.com/x.deb  404  Not Found":               false,
		"E: You don't have enough free space in /var/cache/apt/archives/.":          false,
	} {
		if got := isLocked(said); got != want {
			t.Errorf("%q: it is waited for: %v, want %v", said, got, want)
		}
	}
}

func TestWhyPackagesAreNotKnown(t *testing.T) {
	t.Parallel()
	if err := afterUpdate("W: a list is old", nil); err != nil {
		t.Errorf("what was installed counts as failed: %v", err)
	}
	install := errors.New("E: Unable to locate package lxc")
	if err := afterUpdate("", install); err != install {
		t.Errorf("without a reason it says %v", err)
	}
	err := afterUpdate("Err:1 x\n  Temporary failure resolving 'x'", install)
	cause, verdict, _ := strings.Cut(err.Error(), "Temporary failure resolving")
	if !strings.Contains(verdict, install.Error()) || !errors.Is(err, install) {
		t.Errorf("the cause is not what people read first: %q, then %q", cause, verdict)
	}
}
