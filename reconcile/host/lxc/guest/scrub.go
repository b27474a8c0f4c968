//go:build linux

package guest

import (
	"fmt"
	"strings"
)

// Identity is what makes one guest another one than its template.
type Identity struct {
	MachineID string // 32 lower-case hexadecimal digits, machine-id(5)
	Hostname  string // only for the comment of ssh keys
}

// ScrubIdentity gives a clone an identity of its own. It is meant for a clone that has never run,
// and called once: a second call makes new ssh keys again.
//
//   - /etc/machine-id and D-Bus's copy get the MachineID, where they existed.
//   - ssh host keys are replaced by new ones of the same types; DSA keys and certificates go.
//   - deleted: DHCP leases and identifiers (isc, dhcpcd, NetworkManager, systemd-networkd), random
//     seeds, the minion keys of Salt, the certificates of Puppet, the instance of
//     cloud-init, and the markers that earlier tools left in the root directory.
//
// Logs, homes and everything else stay.
func (r *Root) ScrubIdentity(id Identity) (bool, error) {
	if len(id.MachineID) != 32 || strings.Trim(id.MachineID, "0123456789abcdef") != "" {
		return false, fmt.Errorf("cannot use %q as a machine id", id.MachineID)
	}
	if err := checkName("host", id.Hostname); err != nil {
		return false, err
	}
	changed, err := r.setMachineID(id.MachineID)
	if err != nil {
		return changed, err
	}
	for _, forget := range []func() (bool, error){
		func() (bool, error) { return r.renewHostKeys("root@" + id.Hostname) },
		func() (bool, error) { return r.emptyEach(emptied()) },
		func() (bool, error) { return r.removeEach(deleted()) },
	} {
		done, err := forget()
		changed = changed || done
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// setMachineID writes through symbolic links: D-Bus's file is often one to /etc/machine-id.
func (r *Root) setMachineID(id string) (bool, error) {
	return r.editEach([]string{"/etc/machine-id", "/var/lib/dbus/machine-id"},
		func(string) string { return id + "\n" })
}

// emptied are the directories that hold nothing but what a clone must not keep.
func emptied() []string {
	return []string{
		"/var/lib/dhcp",
		"/var/lib/dhclient",
		"/var/lib/dhcpcd",
		"/var/lib/systemd/network",
		"/etc/puppet/ssl",
		"/etc/puppetlabs/puppet/ssl",
		"/var/lib/puppet/ssl",
		"/var/lib/cloud/instances",
	}
}

// deleted are patterns of single files. Salt's key of the master stays: it is the master's.
func deleted() []string {
	return []string{
		"/etc/dhcpcd.duid",
		"/etc/dhcpcd.secret",
		"/var/lib/NetworkManager/*lease*",
		"/var/lib/NetworkManager/secret_key",
		"/var/lib/systemd/random-seed",
		"/var/lib/urandom/random-seed",
		"/etc/salt/minion_id",
		"/etc/salt/pki/minion/minion.pem",
		"/etc/salt/pki/minion/minion.pub",
		"/var/lib/cloud/instance",
		"/.lxc.*initial_pass",
		"/.lxc.*initial_dns",
		"/etc/lxc_reset_done",
	}
}

func (r *Root) emptyEach(dirs []string) (bool, error) {
	var changed bool
	for _, dir := range dirs {
		done, err := r.empty(dir)
		changed = changed || done
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func (r *Root) removeEach(patterns []string) (bool, error) {
	var changed bool
	for _, pattern := range patterns {
		files, err := r.glob(pattern)
		if err != nil {
			return changed, err
		}
		for _, file := range files {
			done, err := r.remove(file)
			changed = changed || done
			if err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}
