//go:build linux

package guest

import (
	"fmt"
	"slices"
)

// OwnInterface makes the guest leave the named interface as LXC set it up. It takes effect at
// the next start of the container: a DHCP client that runs already is not stopped.
//
//   - ifupdown (also busybox's and Alpine's): the stanzas of the interface in interfaces and
//     interfaces.d below /etc/network are commented out with a mark. "manual" would not do: taking
//     such an interface down, as a restart of networking.service does, loses the default route.
//   - systemd-networkd: a .network file that sorts first and keeps every address and route
//     (KeepConfiguration, from systemd 243). "Unmanaged" would not do: where no other interface is
//     managed, systemd-networkd-wait-online, at least of systemd 252, waits two minutes for one. It
//     covers netplan, which writes files for networkd that sort later.
//   - NetworkManager, dhcpcd and cloud-init, where they are installed: a file, a block or a file
//     that excludes the interface.
//   - start scripts that call a DHCP client (busybox's rcS, inittab, rc.local): that line is taken
//     out with a mark.
//
// Other interfaces stay as they are.
func (r *Root) OwnInterface(name string) (bool, error) {
	if err := checkName("interface", name); err != nil {
		return false, err
	}
	if len(name) > 15 {
		return false, fmt.Errorf("cannot use %q as an interface name: too long", name)
	}
	var changed bool
	for _, own := range []func(string) (bool, error){
		r.ownIfupdown, r.ownScripts, r.ownDhcpcd, r.ownNetworkd, r.ownNetworkManager, r.ownCloudInit,
	} {
		done, err := own(name)
		changed = changed || done
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func (r *Root) ownIfupdown(name string) (bool, error) {
	files, err := r.glob("/etc/network/interfaces.d/*")
	if err != nil {
		return false, err
	}
	files = slices.DeleteFunc(files, r.isDir)
	return r.editEach(slices.Concat([]string{"/etc/network/interfaces"}, files),
		func(text string) string { return withoutStanzas(text, name) })
}

func (r *Root) ownScripts(name string) (bool, error) {
	changed, err := r.editEach([]string{"/etc/init.d/rcS", "/etc/rc.local"},
		func(text string) string { return withoutClients(text, name) })
	if err != nil {
		return changed, err
	}
	table, err := r.editEach([]string{"/etc/inittab"},
		func(text string) string { return withoutRespawn(text, name) })
	return changed || table, err
}

// editEach applies one change of text to those of the files that exist.
func (r *Root) editEach(files []string, c func(string) string) (bool, error) {
	var changed bool
	for _, file := range files {
		done, err := r.edit(file, 0o644, func(old []byte) []byte {
			if old == nil {
				return nil
			}
			return []byte(c(string(old)))
		})
		changed = changed || done
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// ownDhcpcd puts its block first, since what follows an "interface" line concerns only that one.
func (r *Root) ownDhcpcd(name string) (bool, error) {
	own := block{label: name, lines: []string{"denyinterfaces " + name}, first: true}
	return r.editEach([]string{"/etc/dhcpcd.conf"}, own.in)
}

func (r *Root) ownNetworkd(name string) (bool, error) {
	if !r.exists("/etc/systemd/network") &&
		!r.exists("/usr/lib/systemd/system/systemd-networkd.service") {
		return false, nil
	}
	// Without IPv6AcceptRA=no the interface stays "configuring" until a router announces itself.
	return r.putIn("/etc/systemd/network/00-reconciler-"+name+".network", draft{
		data: []byte(header + "[Match]\nName=" + name + "\n\n" +
			"[Network]\nKeepConfiguration=yes\nDHCP=no\nIPv6AcceptRA=no\n"),
		perm: 0o644,
	})
}

// ownNetworkManager adds to the list of the guest ("+="), which stays.
func (r *Root) ownNetworkManager(name string) (bool, error) {
	if !r.exists("/etc/NetworkManager") {
		return false, nil
	}
	return r.putIn("/etc/NetworkManager/conf.d/99-reconciler-"+name+".conf", draft{
		data: []byte(header + "[keyfile]\nunmanaged-devices+=interface-name:" + name + "\n"),
		perm: 0o644,
	})
}

// ownCloudInit keeps cloud-init from writing network files again at the next start.
func (r *Root) ownCloudInit(string) (bool, error) {
	if !r.exists("/etc/cloud") {
		return false, nil
	}
	return r.putIn("/etc/cloud/cloud.cfg.d/99-reconciler-network.cfg", draft{
		data: []byte(header + "network: {config: disabled}\n"),
		perm: 0o644,
	})
}
