//go:build linux

package guest

import (
	"net/netip"
	"strings"
)

// SetResolver makes /etc/resolv.conf a regular file with these servers and search domains, in this
// order. Without servers nothing is declared, and the guest keeps what it has.
//
// A symbolic link there (systemd-resolved, resolvconf) is replaced by the file: its target lies in
// /run and is gone at the next start. systemd-resolved needs no more, it takes its servers from a
// resolv.conf that is not its own (see /etc/resolv.conf in systemd-resolved.service(8)), and so do
// programs that ask no daemon at all. NetworkManager, where it is installed, is told to leave the
// file alone.
func (r *Root) SetResolver(servers []netip.Addr, search []string) (bool, error) {
	if len(servers) == 0 {
		return false, nil
	}
	if err := checkNames("domain", search); err != nil {
		return false, err
	}
	var text strings.Builder
	text.WriteString(header)
	if len(search) > 0 {
		text.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, server := range servers {
		text.WriteString("nameserver " + server.String() + "\n")
	}
	changed, err := r.put("/etc/resolv.conf", draft{data: []byte(text.String()), perm: 0o644})
	if err != nil || !r.exists("/etc/NetworkManager") {
		return changed, err
	}
	manager, err := r.putIn("/etc/NetworkManager/conf.d/99-reconciler-dns.conf", draft{
		data: []byte(header + "[main]\ndns=none\nrc-manager=unmanaged\n"),
		perm: 0o644,
	})
	return changed || manager, err
}
