package spec_test

import (
	"testing"

	"reconciler/spec"
)

func TestSettingPaths(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":                 "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":                 "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.forwarding":     "net/ipv4/conf/eth0.1/forwarding",
		"net/ipv4/conf/eth0.1/forwarding":     "net/ipv4/conf/eth0.1/forwarding",
		"kernel.keys.maxkeys":                 "kernel/keys/maxkeys",
		"net.ipv4.conf.lxcbr1.route_localnet": "net/ipv4/conf/lxcbr1/route_localnet",
	} {
		if got := spec.SysctlPath(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
		if back := spec.SysctlPath(spec.SysctlKey(want)); back != want {
			t.Errorf("%s is shown as %s, which is %s", want, spec.SysctlKey(want), back)
		}
	}
}
