package resolve

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"

	"golang.org/x/sync/errgroup"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// ErrKey says that the state holds sealed passwords and the right state key is not there.
var ErrKey = errors.New("the state key is missing or is not that of this state: " +
	"put the key file back, for without it the sealed passwords cannot be read")

// appliedPassword is the key of Record.Applied for the fingerprint of the password that was set.
const appliedPassword = KeyPassword

const (
	passwordLength   = 32
	passwordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
	// maxTries ends the search for a MAC or a character. Even with half of all 8 million MACs
	// given away a thousand misses in a row mean that the source of random bytes is broken.
	maxTries = 1000
)

// checkKey opens one sealed password. A key that was made anew would otherwise go unnoticed, and
// the next run would seal half of the passwords with another key.
func checkKey(records []state.Record, keys *state.Sealer) error {
	for i := range records {
		rec := &records[i]
		if rec.Password == nil {
			continue
		}
		if keys == nil {
			return fmt.Errorf("cannot read the passwords of the state: %w", ErrKey)
		}
		if _, err := keys.Open(rec.UID, rec.Password); err != nil {
			return fmt.Errorf("cannot read the password of %s/%s: %w (%v)",
				rec.Host, rec.Name, ErrKey, err)
		}
		return nil
	}
	return nil
}

// mac fills d.MAC in, unless this is a preview and there is none yet.
func (r *run) mac(rec *state.Record, d *plan.Desired) error {
	switch {
	case d.MAC != "":
	case rec != nil && rec.MAC != "":
		d.MAC = rec.MAC
	case r.gen != nil:
		mac, err := r.gen.mac()
		if err != nil {
			return err
		}
		d.MAC = mac
	}
	return nil
}

// password decides which password the container shall have, has it sealed if it is new, and leaves
// its fingerprint in d. In the steady state it neither opens nor seals anything.
func (r *run) password(c *spec.Container, next *state.Record, d *plan.Desired) error {
	switch {
	case c.Password.Unknown():
		return r.unknownPassword(c, next, d)
	case r.keys == nil && next.Applied[appliedPassword] != "":
		// A record that was exported without its password: nobody can say that it changes.
		d.PasswordTag = next.Applied[appliedPassword]
		return nil
	case !c.Password.IsZero():
		return r.declaredPassword(c.Password, next, d)
	case next.Password != nil:
		return r.recordedPassword(next, d)
	case r.gen == nil:
		d.PasswordTag = Pending
		return nil
	}
	secret, err := r.gen.password()
	if err != nil {
		return err
	}
	r.seal(secret, next, d)
	return nil
}

// unknownPassword shows a password that no key opened: of a new container it is to be set, of one
// that has a password nobody can say that it changes.
func (r *run) unknownPassword(c *spec.Container, next *state.Record, d *plan.Desired) error {
	if r.gen != nil {
		return fmt.Errorf("cannot set the password of %s/%s: it is encrypted and was not opened",
			c.Host, c.Name)
	}
	if d.PasswordTag = next.Applied[appliedPassword]; d.PasswordTag == "" {
		d.PasswordTag = Pending
	}
	return nil
}

func (r *run) declaredPassword(secret spec.Secret, next *state.Record, d *plan.Desired) error {
	if r.keys == nil || next.UID == "" {
		d.PasswordTag = Pending
		return nil
	}
	d.PasswordTag = r.keys.Fingerprint(next.UID, secret)
	if next.Password != nil {
		if next.Applied[appliedPassword] == d.PasswordTag {
			return nil
		}
		// Stored by a run that ended before it could set it: sealing again would change the
		// record for nothing.
		old, err := r.keys.Open(next.UID, next.Password)
		if err != nil {
			return err
		}
		if old == secret {
			return nil
		}
	}
	if r.gen == nil {
		return nil
	}
	r.seal(secret, next, d)
	return nil
}

// recordedPassword trusts the fingerprint of what was set last, unless the work on the container
// is not finished: the password may have been stored by a run that did not get to set it.
func (r *run) recordedPassword(next *state.Record, d *plan.Desired) error {
	tag := next.Applied[appliedPassword]
	if tag != "" && next.Intent == "" && next.Failure == "" {
		d.PasswordTag = tag
		return nil
	}
	secret, err := r.keys.Open(next.UID, next.Password)
	if err != nil {
		return err
	}
	d.PasswordTag = r.keys.Fingerprint(next.UID, secret)
	return nil
}

// seal has a password stored; sealAll does the work.
func (r *run) seal(secret spec.Secret, next *state.Record, d *plan.Desired) {
	r.toSeal = append(r.toSeal, toSeal{Key{next.Host, next.Name}, secret})
	d.PasswordTag = r.keys.Fingerprint(next.UID, secret)
	// From here on nothing is known of the guest's password until the run has set it.
	if _, ok := next.Applied[appliedPassword]; ok {
		next.Applied = maps.Clone(next.Applied) // the map is the caller's
		delete(next.Applied, appliedPassword)
	}
}

// toSeal is a password that is not sealed yet, and whose it is.
type toSeal struct {
	key    Key
	secret spec.Secret
}

// sealAll seals the passwords of all containers that are left, on all processors: it is the one
// thing here that takes time.
func (r *run) sealAll() error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	sealed := make([]state.Sealed, len(r.toSeal))
	for i, s := range r.toSeal {
		rec, ok := r.result.Records[s.key]
		if !ok {
			continue
		}
		r.result.Passwords[rec.UID] = s.secret
		group.Go(func() (err error) {
			sealed[i], err = r.keys.Seal(rec.UID, s.secret)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, s := range r.toSeal {
		if rec, ok := r.result.Records[s.key]; ok {
			rec.Password = sealed[i]
			r.result.Records[s.key] = rec
		}
	}
	return nil
}

// generator makes the values that only chance can make.
type generator struct {
	random  io.Reader
	usedMAC func() map[string]bool
	macs    map[string]bool // every MAC that anybody has; nil until one is needed
}

// uid returns 32 hex digits.
func (g *generator) uid() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(g.random, b[:]); err != nil {
		return "", fmt.Errorf("cannot generate a uid: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// mac returns an address of the Xen range 00:16:3e:00:00:00 to 00:16:3e:7f:ff:ff, which the
// predecessors used too, that nobody has.
func (g *generator) mac() (string, error) {
	if g.macs == nil {
		g.macs = g.usedMAC()
	}
	for range maxTries {
		var b [3]byte
		if _, err := io.ReadFull(g.random, b[:]); err != nil {
			return "", fmt.Errorf("cannot generate a mac: %w", err)
		}
		mac := fmt.Sprintf("00:16:3e:%02x:%02x:%02x", b[0]&0x7f, b[1], b[2])
		if !g.macs[mac] {
			g.macs[mac] = true
			return mac, nil
		}
	}
	return "", errors.New("cannot generate a mac: every one that was tried is taken")
}

// password returns 32 characters of [A-Za-z0-9_], 191 bits. Six bits choose a character and the
// one value without a character is thrown away, so that all are equally likely.
func (g *generator) password() (spec.Secret, error) {
	text := make([]byte, 0, passwordLength)
	var b [passwordLength]byte
	for range maxTries {
		if _, err := io.ReadFull(g.random, b[:]); err != nil {
			return spec.Secret{}, fmt.Errorf("cannot generate a password: %w", err)
		}
		for _, x := range b {
			if i := int(x & 63); i < len(passwordAlphabet) && len(text) < passwordLength {
				text = append(text, passwordAlphabet[i])
			}
		}
		if len(text) == passwordLength {
			return spec.NewSecret(string(text)), nil
		}
	}
	return spec.Secret{}, errors.New("cannot generate a password: the random bytes are not random")
}
