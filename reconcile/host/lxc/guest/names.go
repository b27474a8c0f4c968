//go:build linux

package guest

import (
	"net/netip"
	"slices"
	"strings"
)

// SetHostname makes name the content of /etc/hostname. A guest without /etc stays as it is. The
// running guest's kernel name is not touched: it comes from lxc.uts.name.
func (r *Root) SetHostname(name string) (bool, error) {
	if err := checkName("host", name); err != nil {
		return false, err
	}
	return r.edit("/etc/hostname", 0o644, func(old []byte) []byte {
		if strings.TrimSpace(string(old)) == name {
			return nil
		}
		return []byte(name + "\n")
	})
}

// Hosts is what a guest shall know about itself without asking a name server.
type Hosts struct {
	Address netip.Addr // invalid: 127.0.1.1
	Names   []string   // the canonical one first; empty: no block
}

// SetHosts writes one marked block to /etc/hosts with the names of the guest, and makes sure that
// 127.0.0.1 is localhost. A line for 127.0.1.1 goes, since the block takes its place: Debian writes
// it for machines without a lasting address, and a clone has the name of its origin there. All
// other lines stay.
func (r *Root) SetHosts(h Hosts) (bool, error) {
	if err := checkNames("host", h.Names); err != nil {
		return false, err
	}
	return r.edit("/etc/hosts", 0o644, func(old []byte) []byte {
		return []byte(h.in(string(old)))
	})
}

func (h Hosts) in(text string) string {
	own, address := block{}, h.Address
	if !address.IsValid() {
		address = standIn()
	}
	if len(h.Names) > 0 {
		own.lines = []string{address.String() + "\t" + strings.Join(h.Names, " ")}
		text = withoutAddress(own.in(text), standIn())
	}
	return own.in(withLocalhost(text))
}

// standIn is the address of a machine that has none of its own, by Debian's convention.
func standIn() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, 1}) }

// withoutAddress takes the lines of one address out, except those of our own block.
func withoutAddress(text string, address netip.Addr) string {
	return editLines(text, func(lines []string) []string {
		own := false
		return slices.DeleteFunc(lines, func(line string) bool {
			own = line == beginMark || own && line != endMark
			fields := strings.Fields(line)
			return !own && len(fields) > 0 && fields[0] == address.String()
		})
	})
}

func withLocalhost(text string) string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "127.0.0.1" && slices.Contains(fields, "localhost") {
			return text
		}
	}
	return "127.0.0.1\tlocalhost\n" + text
}
