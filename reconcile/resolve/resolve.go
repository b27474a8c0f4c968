// Package resolve fills the gaps of a declaration: it gives every container its address, MAC, uid
// and password. A declared value beats a recorded one, a recorded one beats generating.
//
// It promises that no value is given out twice, that a recorded value is never generated again,
// and that the order of the declaration does not matter. What cannot be resolved becomes a
// problem of that container alone. It never writes to a store or a host and never changes its
// inputs: the caller stores Result.Records before the first side effect.
//
// An address belongs to the container that declares it, but it is never taken away from another
// one: if the record of another container keeps the address, the container that declares it gets a
// problem that names the owner. The owner gives the address up only if it is in this pass too and
// moves to another declared address, so that two containers can swap. A container that is no longer
// declared keeps its address until it has been destroyed; the pass after that gives it away.
package resolve

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// Names of the values that can be generated, as in Desired.Generated and Desired.Unknown.
const (
	KeyIP       = "ip"
	KeyMAC      = "mac"
	KeyPassword = "password"
)

// Pending stands as Desired.PasswordTag for a password that has none yet, because the password or
// the uid of its container will only be made by the run. It equals no fingerprint.
const Pending = "pending"

// Input is everything that is known before the gaps are filled. It is only read.
type Input struct {
	Tree     *spec.Tree     // required
	Hosts    []string       // to resolve in this pass: hosts of the tree that were observed
	State    state.Snapshot // sorted, as Load returns it
	Observed map[string]plan.Actual
}

// Key names a container.
type Key struct{ Host, Name string }

// String returns host/name.
func (k Key) String() string { return k.Host + "/" + k.Name }

// Result is the completed declaration of the hosts of this pass.
type Result struct {
	// Desired has the containers of each host and the templates it needs, sorted by name:
	// those that any container refers to, also through another template, and those that have
	// a record, for a declared template is no orphan.
	Desired map[string][]plan.Desired
	// Problems has the containers that are left out of Desired, sorted by name.
	Problems map[string][]plan.Blocked
	// Records has the complete record that each Desired shall have, with the Version of the
	// stored one. Many are unchanged (state.Record.Same). It is nil after Preview.
	Records map[Key]state.Record
	// Passwords has, by uid, those that Records has newly sealed: whoever sets them need not
	// open them first.
	Passwords map[string]spec.Secret
}

// Allocate resolves and generates what is missing. The random bytes are read in a fixed order, so
// the result is a function of its arguments, except for the bytes of sealed passwords. It returns
// an error, and nothing else, if a host is not in the tree, if keys does not open the sealed
// passwords of the state, or if random fails.
func Allocate(in Input, keys *state.Sealer, random io.Reader) (Result, error) {
	if keys == nil {
		return Result{}, fmt.Errorf("cannot generate passwords: %w", ErrKey)
	}
	return resolve(in, keys, random)
}

// Preview resolves like Allocate but generates nothing random: a MAC or password that is missing
// is named in Desired.Unknown, and a new container has no uid. The addresses are those that
// Allocate would give from the same input. A nil keys is right as long as no state key was made.
func Preview(in Input, keys *state.Sealer) (Result, error) {
	return resolve(in, keys, nil)
}

// run is one call of Allocate or Preview.
type run struct {
	in       Input
	inPass   map[string]bool // hosts
	keys     *state.Sealer
	gen      *generator // nil: a preview
	records  map[Key]*state.Record
	pools    map[string]*pool
	poolList []*pool                    // by name
	macs     map[string]*spec.Container // who declares it
	macOwner map[string]*state.Record   // of the declared MACs only
	foreign  []foreign
	blocked  map[Key]plan.Blocked
	keySets  [8][]string
	toSeal   []toSeal
	result   Result
}

func resolve(in Input, keys *state.Sealer, random io.Reader) (Result, error) {
	if err := checkKey(in.State.Records, keys); err != nil {
		return Result{}, err
	}
	r := &run{in: in, keys: keys, blocked: map[Key]plan.Blocked{}}
	hosts := slices.Clone(in.Hosts)
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	r.inPass = make(map[string]bool, len(hosts))
	for _, h := range hosts {
		if in.Tree.Hosts[h] == nil {
			return Result{}, fmt.Errorf("cannot resolve host %q: it is not in the tree", h)
		}
		r.inPass[h] = true
	}
	r.index()
	r.result.Desired = make(map[string][]plan.Desired, len(hosts))
	r.result.Problems = map[string][]plan.Blocked{}
	if random != nil {
		r.gen = &generator{random: random, usedMAC: r.usedMAC}
		r.result.Records = make(map[Key]state.Record, len(r.records))
		r.result.Passwords = map[string]spec.Secret{}
	}
	for _, h := range hosts {
		if err := r.host(in.Tree.Hosts[h]); err != nil {
			return Result{}, err
		}
	}
	r.dropBlocked()
	if err := r.sealAll(); err != nil {
		return Result{}, err
	}
	return r.result, nil
}

// host resolves the containers of one host and the templates they need.
func (r *run) host(h *spec.Host) error {
	names := slices.Sorted(maps.Keys(h.Containers))
	for name := range r.neededTemplates(h) {
		names = append(names, name)
	}
	slices.Sort(names)
	list := make([]plan.Desired, 0, len(names))
	for _, name := range names {
		c := h.Containers[name]
		if c == nil {
			c = h.Templates[name]
		}
		d := plan.Desired{Container: *c}
		d.Password = spec.Secret{}
		ok, err := r.fill(c, &d)
		if err != nil {
			return err
		}
		if ok {
			list = append(list, d)
		}
	}
	r.result.Desired[h.Name] = list
	return nil
}

// neededTemplates returns the templates that have to be in Desired.
func (r *run) neededTemplates(h *spec.Host) map[string]bool {
	needed := map[string]bool{}
	for name := range h.Templates {
		if rec := r.records[Key{h.Name, name}]; rec != nil && rec.Template {
			need(h, name, needed)
		}
	}
	for _, c := range h.Containers {
		need(h, c.FromContainer, needed)
	}
	return needed
}

// need adds the template of that name and what it is made from. The chain ends at a name that is
// there already, so a cycle ends too.
func need(h *spec.Host, name string, needed map[string]bool) {
	for !needed[name] {
		t := h.Templates[name]
		if t == nil || h.Containers[name] != nil {
			return
		}
		needed[name] = true
		name = t.FromContainer
	}
}

// fill completes d, the copy of c. It answers false if c has a problem.
func (r *run) fill(c *spec.Container, d *plan.Desired) (bool, error) {
	key := Key{c.Host, c.Name}
	rec := r.records[key]
	next := state.Record{Host: c.Host, Name: c.Name}
	if rec != nil {
		next = *rec
	} else if r.gen != nil {
		uid, err := r.gen.uid()
		if err != nil {
			return false, err
		}
		next.UID = uid
	}
	d.UID, next.Template = next.UID, c.Template
	if c.Protect != spec.Unset {
		next.Protect = c.Protect == spec.On
	}
	if c.Template {
		next.Network, next.IP, next.MAC, next.Password = "", noAddr, "", nil
		r.keep(key, next)
		return true, nil
	}
	if !r.address(c, rec, d) || !r.macIsOurs(c) {
		return false, nil
	}
	if err := r.mac(rec, d); err != nil {
		return false, err
	}
	if err := r.password(c, &next, d); err != nil {
		return false, err
	}
	next.IP, next.MAC, next.Network = d.IP, d.MAC, ""
	if c.Network != nil {
		next.Network = c.Network.Name
	}
	d.Generated = r.keySet(!c.IP.IsValid() && d.IP.IsValid(), c.MAC == "", c.Password.IsZero())
	d.Unknown = r.keySet(false, d.MAC == "", c.Password.IsZero() && d.PasswordTag == Pending)
	r.keep(key, next)
	return true, nil
}

func (r *run) keep(key Key, rec state.Record) {
	if r.result.Records != nil {
		r.result.Records[key] = rec
	}
}

// keySet returns the sorted names of what is set. The eight answers are made once: 100,000
// containers share them.
func (r *run) keySet(ip, mac, password bool) []string {
	i := 0
	for bit, on := range [...]bool{ip, mac, password} {
		if on {
			i |= 1 << bit
		}
	}
	if i > 0 && r.keySets[i] == nil {
		for bit, name := range [...]string{KeyIP, KeyMAC, KeyPassword} {
			if i&(1<<bit) != 0 {
				r.keySets[i] = append(r.keySets[i], name)
			}
		}
		r.keySets[i] = slices.Clip(r.keySets[i])
	}
	return r.keySets[i]
}
