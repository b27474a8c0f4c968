//go:build linux

package guest

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// texts are files as a user or another program may have left them: also with a begin mark that lost
// its end.
func texts() *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{
		"", "source user", " # reconciler: begin", "# reconciler: begin", "# reconciler: begin eth0",
		"# reconciler: begin\nold\n# reconciler: end", "auto eth0", "iface eth0 inet dhcp",
		"# reconciler: begin eth0\nold\n# reconciler: end eth0", "iface eth1 inet dhcp",
		"\toption \\\n  more", "udhcpc", "::once:udhcpc", "root:*:1:0:99999:7:::",
	})
	return rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(line, 0, 10).Draw(t, "lines"), "\n")
		return text + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end")
	})
}

// Law: a change of text is done after one application, and what is not ours stays in its order.
func TestLawTextChangesSettleAndLoseNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(string) string{
		"block":        block{lines: []string{"ours"}}.in,
		"block at top": block{label: "eth0", lines: []string{"ours"}, first: true}.in,
		"no block":     block{}.in,
		"stanzas":      func(text string) string { return withoutStanzas(text, "eth0") },
		"clients":      func(text string) string { return withoutClients(text, "eth0") },
		"respawn":      func(text string) string { return withoutRespawn(text, "eth0") },
		"shadow": func(text string) string {
			return withHash(text, []string{"root"}, shadowEntry{hash: "h", day: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				text := texts().Draw(rt, "text")
				once := c(text)
				if twice := c(once); twice != once {
					rt.Errorf("written again in every run:\n%q\n%q", once, twice)
				}
				if before, after := users(text), users(once); !slices.Equal(before, after) {
					rt.Errorf("lines of the user: %q became %q", before, after)
				}
			})
		})
	}
}

// users are the lines that no change is about.
func users(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "source user") || strings.Contains(line, "iface eth1") {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}

func TestBlockIsWrittenOnceAndWhereItWas(t *testing.T) {
	t.Parallel()
	own := block{label: "x", lines: []string{"1", "2"}}
	const (
		ours  = "# reconciler: begin x\n1\n2\n# reconciler: end x\n"
		other = "# reconciler: begin y\n# reconciler: end y\n"
	)
	for name, c := range map[string]struct{ before, want string }{
		"empty file":      {"", ours},
		"at the end":      {"a\n", "a\n" + ours},
		"unfinished line": {"a", "a\n" + ours},
		"in the middle": {
			"a\n# reconciler: begin x\nold\n# reconciler: end x\nb\n", "a\n" + ours + "b\n",
		},
		"already there":     {"a\n" + ours + "b", "a\n" + ours + "b"},
		"of another label":  {other, other + ours},
		"end without begin": {"# reconciler: end x\na\n", "# reconciler: end x\na\n" + ours},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := own.in(c.before); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDHCPClientsAreRecognised(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"udhcpc":                           true,
		"/bin/udhcpc -b":                   true,
		"busybox udhcpc":                   true,
		"/sbin/udhcpc -i eth0":             true,
		"udhcpc -ieth0 &":                  true,
		"udhcpc --interface=eth0":          true,
		"udhcpc -i eth1":                   false,
		"udhcpc --interface=eth1":          false,
		"dhclient":                         true,
		"dhclient -4 eth0":                 true,
		"dhclient eth0 eth1":               true,
		"dhclient eth1":                    false,
		"dhclient eth1 &":                  false,
		"dhclient -v > /dev/null":          true,
		"dhclient -pf /run/dhclient.pid":   true,
		"dhcpcd -b":                        true,
		"echo udhcpc":                      false,
		"busybox":                          false,
		"":                                 false,
		"# udhcpc":                         false,
		": #reconciler# /bin/udhcpc":       false,
		"/usr/local/bin/udhcpc-wrapper -i": false,
	} {
		if got := startsClient(strings.Fields(command), "eth0"); got != want {
			t.Errorf("%q serves eth0: %v, want %v", command, got, want)
		}
	}
	if startsClient([]string{"udhcpc"}, "eth1") {
		t.Error("udhcpc without an interface takes eth0 and not eth1")
	}
}

func TestKeywordsOfOtherSectionsEndAStanza(t *testing.T) {
	t.Parallel()
	for _, keyword := range []string{
		"iface eth1 inet dhcp", "auto lo", "allow-hotplug eth1", "mapping eth1", "source x/*",
		"source-directory x", "no-auto-down eth1", "no-scripts eth1", "template t", "rename a=b",
	} {
		got := withoutStanzas("iface eth0 inet static\n"+keyword+"\n", "eth0")
		if want := offMark + "iface eth0 inet static\n" + keyword + "\n"; got != want {
			t.Errorf("%q was taken for an option of eth0: %q", keyword, got)
		}
	}
}
