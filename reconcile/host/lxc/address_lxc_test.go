//go:build linux && cgo

package lxc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"reconciler/reconcile/plan"
)

// addInside gives a running container one more address, as a service of the guest does.
func (l *lab) addInside(name string, address netip.Prefix) {
	l.t.Helper()
	net, err := enter(l.observe(name).PID)
	must(l.t, err)
	defer net.handle.Close()
	link, err := net.handle.LinkByName("eth0")
	must(l.t, err)
	must(l.t, net.handle.AddrAdd(link, &netlink.Addr{IPNet: netOf(address)}))
}

// inside returns the addresses of a running container, sorted.
func (l *lab) inside(name string) []string { return l.observe(name).Addresses }

func TestAddressOfAServiceSurvives(t *testing.T) {
	t.Parallel()
	for name, bits := range map[string]int{"virtual": 32, "second": 24} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			want := l.want("vip", 60)
			l.do(want, all()...)
			vip := netip.PrefixFrom(l.want("vip", 61).IP, bits)
			far := netip.MustParsePrefix("192.0.2.7/24")
			l.addInside("vip", vip)
			l.addInside("vip", far)
			l.do(want, plan.Address)
			memory := *want
			memory.Memory = 64 << 20
			l.do(&memory, plan.Configure, plan.Address)
			expect := []string{want.IP.String(), vip.Addr().String(), far.Addr().String()}
			if got := l.inside("vip"); !slices.Equal(got, expect) {
				t.Errorf("another change took an address of a service: %q, want %q", got, expect)
			}
			moved := l.want("vip", 62)
			moved.MAC = want.MAC
			l.do(moved, plan.Configure, plan.Address)
			expect = []string{moved.IP.String(), far.Addr().String()}
			if got := l.inside("vip"); !slices.Equal(got, expect) {
				t.Errorf("after a new address there is %q, want %q", got, expect)
			}
		})
	}
}

func TestOldAddressGoesAlsoAfterAKill(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("moved", 63)
	l.do(want, all()...)
	// A process that was killed between the new address and the old one leaves both.
	moved := l.want("moved", 64)
	moved.MAC = want.MAC
	l.addInside("moved", addressOf(moved))
	l.do(moved, plan.Configure, plan.Address)
	l.checkDeclared(moved)
	// An old address of another network goes as well.
	net, err := enter(l.observe("moved").PID)
	must(t, err)
	defer net.handle.Close()
	far := netip.MustParsePrefix("192.0.2.7/24")
	must(t, net.readdress("eth0", readdressing{address: far, old: addressOf(moved)}))
	if got := l.inside("moved"); !slices.Equal(got, []string{far.Addr().String()}) {
		t.Errorf("the old address stays: %q", got)
	}
}

func TestMissingAddressReplacesOneAddedByHand(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want, other := l.want("flushed", 65), l.want("flushed", 66)
	l.do(want, all()...)
	net, err := enter(l.observe("flushed").PID)
	must(t, err)
	defer net.handle.Close()
	must(t, net.readdress("eth0", readdressing{address: addressOf(other), old: addressOf(want)}))
	l.do(want, plan.Configure, plan.Address)
	l.checkDeclared(want)
}
