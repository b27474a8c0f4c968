//go:build linux && cgo

package lxc

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/lxc/guest"
	"reconciler/reconcile/plan"
)

// openRoot opens the root file system of a stopped container.
func (c container) openRoot() (*guest.Root, error) {
	if damage := c.damage(); damage != "" {
		return nil, permanent(errors.New(damage))
	}
	if c.root.backing == "overlayfs" {
		return guest.OpenOverlay(c.root.lower, c.root.upper, c.root.work())
	}
	return guest.OpenDir(c.root.path)
}

// inside runs change on the root file system of a container, running or not.
func inside(c container, object *golxc.Container, change func(*guest.Root) error) (err error) {
	var root *guest.Root
	if pid := object.InitPid(); pid > 0 {
		// It may have been started by hand with the root of somebody else.
		if err := c.checkOwnRoot(); err != nil {
			return err
		}
		root, err = guest.OpenProcess(pid)
	} else {
		root, err = c.openRoot()
	}
	if err != nil {
		return err
	}
	err = errors.Join(change(root), root.Close())
	if errors.Is(err, guest.ErrUnsuitable) {
		return permanent(err)
	}
	return err
}

// personalise makes a copy that has never run a machine of its own.
func (h *Host) personalise(s plan.Step, made container) error {
	root, err := made.openRoot()
	if err != nil {
		return err
	}
	change := func() error {
		if _, err := root.SetHostname(s.Want.Name); err != nil {
			return err
		}
		if _, err := root.OwnInterface(made.file.interfaceName()); err != nil {
			return err
		}
		_, err := root.ScrubIdentity(guest.Identity{
			MachineID: machineID(s.UID), Hostname: s.Want.Name,
		})
		return err
	}
	err = errors.Join(change(), root.Close())
	if errors.Is(err, guest.ErrUnsuitable) {
		return permanent(err)
	}
	return err
}

// machineID returns the machine-id(5) of the container with a uid.
func machineID(uid string) string {
	id := strings.ReplaceAll(strings.ToLower(uid), "-", "")
	if len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" {
		return id
	}
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:16])
}

// ownInterface tells the guest that the address of its interface is set from outside.
func ownInterface(c container, object *golxc.Container) error {
	return inside(c, object, func(r *guest.Root) error {
		_, err := r.OwnInterface(c.file.interfaceName())
		return err
	})
}

// password gives the declared users their hash.
func (h *Host) password(s plan.Step, secrets execute.Secrets) (string, error) {
	c, seen, err := h.opened(s, glance)
	if err != nil {
		return "", err
	}
	defer h.release(seen.object)
	if secrets.PasswordHash == "" {
		return "", permanent(errors.New("there is no password to set"))
	}
	day := int(time.Now().Unix() / (24 * 60 * 60))
	err = inside(c, seen.object, func(r *guest.Root) error {
		_, err := r.SetPassword(s.Want.Users, secrets.PasswordHash, day)
		return err
	})
	if err != nil {
		return "", err
	}
	return "Password updated", nil
}

// dns writes the names of the guest, and its name servers if any are declared.
func (h *Host) dns(s plan.Step) (string, error) {
	c, seen, err := h.opened(s, glance)
	if err != nil {
		return "", err
	}
	defer h.release(seen.object)
	names := s.Want.Domains
	if len(names) == 0 {
		names = []string{s.Want.Name}
	}
	err = inside(c, seen.object, func(r *guest.Root) error {
		if _, err := r.SetHosts(guest.Hosts{Address: s.Want.IP, Names: names}); err != nil {
			return err
		}
		if len(s.Want.DNSServers)+len(s.Want.SearchDomains) == 0 {
			return nil
		}
		_, err := r.SetResolver(s.Want.DNSServers, s.Want.SearchDomains)
		return err
	})
	if err != nil {
		return "", err
	}
	return "DNS updated", nil
}
