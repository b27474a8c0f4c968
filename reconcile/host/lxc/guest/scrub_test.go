//go:build linux

package guest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"reconciler/reconcile/host/lxc/guest"
)

// used is a guest that has lived.
func used() files {
	return files{
		"etc/machine-id":                               strings.Repeat("a", 32) + "\n",
		"var/lib/dbus/machine-id":                      strings.Repeat("a", 32) + "\n",
		"etc/ssh/ssh_host_rsa_key":                     "old rsa",
		"etc/ssh/ssh_host_rsa_key.pub":                 "old rsa public",
		"etc/ssh/ssh_host_ecdsa_key":                   "old ecdsa",
		"etc/ssh/ssh_host_ecdsa_key.pub":               "old ecdsa public",
		"etc/ssh/ssh_host_ed25519_key":                 "old ed25519",
		"etc/ssh/ssh_host_ed25519_key-cert.pub":        "old certificate",
		"etc/ssh/ssh_host_dsa_key":                     "old dsa",
		"etc/ssh/ssh_host_dsa_key.pub":                 "old dsa public",
		"etc/ssh/sshd_config":                          "UsePAM yes\n",
		"var/lib/dhcp/dhclient.eth0.leases":            "lease",
		"var/lib/dhcpcd/duid":                          "00:01",
		"var/lib/NetworkManager/internal-1-eth0.lease": "lease",
		"var/lib/NetworkManager/secret_key":            "key",
		"var/lib/NetworkManager/NetworkManager.state":  "state",
		"var/lib/systemd/network/leases/2":             "lease",
		"var/lib/systemd/random-seed":                  "seed",
		"etc/salt/minion_id":                           "old",
		"etc/salt/pki/minion/minion.pem":               "key",
		"etc/salt/pki/minion/minion.pub":               "key",
		"etc/salt/pki/minion/minion_master.pub":        "the master's",
		"etc/puppetlabs/puppet/ssl/certs/old.pem":      "cert",
		"var/lib/cloud/instances/i-1/sem/config":       "x",
		"var/lib/cloud/instance":                       "-> /var/lib/cloud/instances/i-1",
		"var/lib/cloud/seed/meta-data":                 "x",
		".lxc.initial_pass":                            "",
		".lxc.old.foo.com.initial_dns":                 "",
		"home/user/.ssh/authorized_keys":               "ssh-ed25519 AAAA user",
		"var/log/syslog":                               "old\n",
	}
}

func scrubbed(t *testing.T, fs files) string {
	t.Helper()
	r, dir := open(t, fs)
	changed, err := scrub(r)
	if err != nil || !changed {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	return dir
}

func TestCloneKeepsNothingThatNamesItsOrigin(t *testing.T) {
	t.Parallel()
	dir := scrubbed(t, used())
	kept := make(map[string]bool)
	for name := range snapshot(t, dir) {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			kept[strings.TrimPrefix(name, "/")] = true
		}
	}
	for name := range used() {
		stays := kept[name]
		delete(kept, name)
		switch {
		case strings.HasPrefix(name, "etc/ssh/ssh_host_ed"),
			strings.HasPrefix(name, "etc/ssh/ssh_host_rsa"):
		case strings.HasPrefix(name, "etc/ssh/ssh_host_ecdsa"), strings.HasSuffix(name, "machine-id"):
		case strings.Contains(name, "home/"), strings.Contains(name, "/log/"),
			name == "etc/ssh/sshd_config", strings.HasSuffix(name, "minion_master.pub"),
			strings.HasSuffix(name, "NetworkManager.state"),
			strings.HasSuffix(name, "seed/meta-data"):
			if !stays {
				t.Errorf("%s is lost, and it was the user's", name)
			}
		default:
			if stays {
				t.Errorf("%s is the origin's and stays in the clone", name)
			}
		}
	}
	delete(kept, "etc/ssh/ssh_host_ed25519_key.pub") // the origin had lost it
	if len(kept) > 0 {
		t.Errorf("files appeared: %v", kept)
	}
	content(t, dir, "etc/machine-id", machineID+"\n")
	content(t, dir, "var/lib/dbus/machine-id", machineID+"\n")
}

func TestMachineIDLinkStays(t *testing.T) {
	t.Parallel()
	dir := scrubbed(t, debian())
	if target, err := os.Readlink(filepath.Join(dir, "var/lib/dbus/machine-id")); err != nil {
		t.Errorf("the link became a file: %q, %v", target, err)
	}
	content(t, dir, "etc/machine-id", machineID+"\n")
}

func TestNewHostKeysAreUsable(t *testing.T) {
	t.Parallel()
	dir := scrubbed(t, used())
	other := scrubbed(t, used())
	for kind, algorithm := range map[string]string{
		"rsa": ssh.KeyAlgoRSA, "ecdsa": ssh.KeyAlgoECDSA256, "ed25519": ssh.KeyAlgoED25519,
	} {
		file := filepath.Join(dir, "etc/ssh/ssh_host_"+kind+"_key")
		private, err := os.ReadFile(file)
		check(t, err)
		signer, err := ssh.ParsePrivateKey(private)
		if err != nil {
			t.Fatalf("%s: sshd cannot read the key: %v", kind, err)
		}
		if got := signer.PublicKey().Type(); got != algorithm {
			t.Errorf("%s: type %s, want %s", kind, got, algorithm)
		}
		public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
		content(t, dir, "etc/ssh/ssh_host_"+kind+"_key.pub", public+" root@web.foo.com\n")
		twin, err := os.ReadFile(filepath.Join(other, "etc/ssh/ssh_host_"+kind+"_key"))
		check(t, err)
		if string(twin) == string(private) {
			t.Errorf("%s: two clones have the same key", kind)
		}
	}
}

// OpenSSH itself must be able to read what we write.
func TestOpenSSHReadsTheNewKeys(t *testing.T) {
	t.Parallel()
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("needs ssh-keygen")
	}
	dir := scrubbed(t, files{"etc/ssh/ssh_host_ed25519_key": "", "etc/ssh/ssh_host_ecdsa_key": ""})
	for _, kind := range []string{"ed25519", "ecdsa"} {
		file := filepath.Join(dir, "etc/ssh/ssh_host_"+kind+"_key")
		check(t, os.Chmod(file, 0o600))
		if out, err := exec.Command(keygen, "-y", "-f", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", kind, err, out)
		}
	}
}

func TestNewPrivateKeysArePrivate(t *testing.T) {
	t.Parallel()
	dir := scrubbed(t, files{"etc/ssh/ssh_host_ed25519_key": "world readable"})
	info, err := os.Stat(filepath.Join(dir, "etc/ssh/ssh_host_ed25519_key"))
	check(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v: sshd refuses the key, and everybody reads it", info.Mode())
	}
}

func TestGuestWithoutIdentityGetsNone(t *testing.T) {
	t.Parallel()
	r, dir := open(t, busybox())
	before := snapshot(t, dir)
	if changed, err := scrub(r); changed || err != nil {
		t.Errorf("changed %v, error %v", changed, err)
	}
	same(t, dir, before, "files appeared that the guest has no use for")
}

func TestBadIdentityIsRefused(t *testing.T) {
	t.Parallel()
	r, dir := open(t, used())
	before := snapshot(t, dir)
	for _, id := range []guest.Identity{
		{MachineID: "", Hostname: "a"},
		{MachineID: strings.ToUpper(machineID), Hostname: "a"},
		{MachineID: machineID + "0", Hostname: "a"},
		{MachineID: machineID, Hostname: ""},
		{MachineID: machineID, Hostname: "a\nb"},
	} {
		if changed, err := r.ScrubIdentity(id); changed || err == nil {
			t.Errorf("%+v was accepted", id)
		}
	}
	same(t, dir, before, "a bad identity changed the guest")
}

// A directory of the guest that is nested without end must not keep us busy or overflow a stack.
func TestDeepDirectoriesAreRefused(t *testing.T) {
	t.Parallel()
	r, _ := open(t, files{"var/lib/dhcp/" + strings.Repeat("d/", 60) + "x": ""})
	if _, err := scrub(r); !allowed(err) {
		t.Errorf("error %v, want ErrUnsuitable", err)
	}
}
