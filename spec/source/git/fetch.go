package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"reconciler/spec"
)

func (s *Source) resolve(in *refs, name string) (want, error) {
	w, err := in.resolve(name)
	if err != nil {
		return want{}, fmt.Errorf("cannot read repository %q: %w", s.at, err)
	}
	return w, nil
}

// run is one Fetch of a remote repository, or one question about its history.
type run struct {
	*Source
	depot   *depot
	peer    *peer    // nil once it was used
	names   []string // of refs
	wants   []want   // what they stand for
	applied plumbing.Hash
	past    bool // commits before the wanted ones matter
	use     func(context.Context, wholesome) (spec.Snapshot, error)
}

// fetchRemote brings the cache up to date as far as needed, and reads from it.
func (s *Source) fetchRemote(ctx context.Context, applied plumbing.Hash) (spec.Snapshot, error) {
	r := &run{Source: s, applied: applied, names: []string{s.o.Ref}}
	r.use = func(ctx context.Context, from wholesome) (spec.Snapshot, error) {
		return s.read(ctx, from, r.wants[0], applied)
	}
	if err := r.call(ctx); err != nil {
		return spec.Snapshot{}, err
	}
	return r.open(ctx)
}

// open waits for the cache and fetches into it.
func (r *run) open(ctx context.Context) (spec.Snapshot, error) {
	defer r.hangUp()
	depot, waited, err := openDepot(ctx, r.home())
	if err != nil {
		return spec.Snapshot{}, err
	}
	defer depot.close()
	r.depot = depot
	if waited && r.peer != nil { // what was heard before may be old by now
		r.hangUp()
		if err := r.call(ctx); err != nil {
			return spec.Snapshot{}, err
		}
	}
	return r.fetch(ctx)
}

// call begins a conversation, if none is open, and finds what the refs stand for.
func (r *run) call(ctx context.Context) error {
	if r.peer != nil {
		return nil
	}
	p, err := r.dial(ctx)
	if err != nil {
		return err
	}
	if err := r.find(p.refs); err != nil {
		p.close()
		return err
	}
	r.peer = p
	return nil
}

// find finds what the refs stand for.
func (r *run) find(in *refs) error {
	r.wants = nil
	for _, name := range r.names {
		w, err := r.resolve(in, name)
		if err != nil {
			return err
		}
		r.wants = append(r.wants, w)
	}
	return nil
}

// missing lists what is wanted and not there.
func (r *run) missing(from *store) []want {
	return slices.DeleteFunc(slices.Clone(r.wants), func(w want) bool { return from.has(w.hash) })
}

func (r *run) hangUp() {
	if r.peer != nil {
		r.peer.close()
		r.peer = nil
	}
}

// fetch tries, until one suffices: the cache and what is new since; everything anew, with as
// little history as possible; everything that the repository has.
func (r *run) fetch(ctx context.Context) (spec.Snapshot, error) {
	snapshot, err := r.cached(ctx)
	if err != nil && context.Cause(ctx) == nil && needsClone(err) {
		r.report(err)
		snapshot, err = r.anew(ctx, false)
	}
	if errors.Is(err, ErrCut) || errors.Is(err, errNotOffered) {
		snapshot, err = r.anew(ctx, true)
	}
	if err == nil || context.Cause(ctx) == nil {
		return snapshot, r.named(err)
	}
	if failed := (*failure)(nil); errors.As(err, &failed) {
		return snapshot, err
	}
	return snapshot, fmt.Errorf("cannot fetch from %q: %w", r.at, context.Cause(ctx))
}

// report warns of a cache that had to be given up.
func (r *run) report(err error) {
	failed := (*failure)(nil)
	if errors.Is(err, errNoCache) || errors.Is(err, ErrCut) || errors.As(err, &failed) {
		r.calm("damage")
		return
	}
	r.warn("damage", "the cache of the repository is damaged; fetching it anew", "error", err)
}

// named adds the repository to errors that do not name it.
func (r *run) named(err error) error {
	d := (*damage)(nil)
	switch {
	case errors.Is(err, ErrCut) && r.past:
		return fmt.Errorf("cannot look back in repository %q: %w", r.at, err)
	case errors.Is(err, ErrCut):
		return fmt.Errorf("cannot tell whether commit %s descends from the applied commit %s: "+
			"repository %q has no complete history", r.wants[0].hash, r.applied, r.at)
	case errors.As(err, &d):
		return fmt.Errorf("cannot read repository %q: %w", r.at, err)
	}
	return err
}

// errNoCache says that there is nothing in the cache that could be used.
var errNoCache = errors.New("nothing is in the cache")

// brokenCache is what kept the cache from being read or brought up to date.
type brokenCache struct{ err error }

func (b *brokenCache) Error() string { return b.err.Error() }
func (b *brokenCache) Unwrap() error { return b.err }

func needsClone(err error) bool {
	d, b := (*damage)(nil), (*brokenCache)(nil)
	return errors.Is(err, errNoCache) || errors.Is(err, ErrCut) || errors.As(err, &d) ||
		errors.As(err, &b) && !errors.Is(err, errNotOffered)
}

// needsHistory reports whether commits before the wanted one matter.
func (r *run) needsHistory() bool {
	target := r.wants[0].hash
	if peeled, annotated := r.peer.peeled(r.wants[0]); annotated {
		target = peeled
	}
	return r.past || !r.applied.IsZero() && target != r.applied &&
		(!r.o.AllowRewrite || r.o.Verify == VerifyAll)
}

// cached reads from the repository in the cache, after the commits since the last time were
// added to it.
func (r *run) cached(ctx context.Context) (spec.Snapshot, error) {
	dir := r.depot.repository()
	if dir == "" {
		return spec.Snapshot{}, errNoCache
	}
	from, err := openCached(dir)
	if err != nil {
		return spec.Snapshot{}, &brokenCache{err}
	}
	defer func() { from.close() }()
	if len(r.missing(from)) > 0 {
		if packs(dir) >= maxPacks {
			return spec.Snapshot{}, errNoCache
		}
		if err := r.update(ctx, dir, from); err != nil {
			return spec.Snapshot{}, &brokenCache{err}
		}
		from.close()
		if from, err = openCached(dir); err != nil {
			return spec.Snapshot{}, &brokenCache{err}
		}
	}
	return r.use(ctx, wholesome{from, false})
}

func openCached(dir string) (*store, error) {
	g, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	return openStore(g)
}

// update adds the commits since the last time.
func (r *run) update(ctx context.Context, dir string, have *store) error {
	tip, err := have.bases[0].Reference(tipName)
	if err != nil {
		return err
	}
	return r.into(ctx, dir, request{haves: []plumbing.Hash{tip.Hash()},
		shallows: slices.Collect(maps.Keys(have.shallow))})
}

// anew fetches into a new repository, reads from that, and puts it in the place of the old one
// unless it is damaged too. mirror is to fetch all branches and tags.
func (r *run) anew(ctx context.Context, mirror bool) (spec.Snapshot, error) {
	if err := r.call(ctx); err != nil {
		return spec.Snapshot{}, err
	}
	dir, err := r.depot.fresh()
	if err != nil {
		return spec.Snapshot{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	var req request
	switch {
	case mirror:
		req.wants = r.peer.refs.all()
	case !r.needsHistory():
		req.depth = 1
	}
	if err := r.into(ctx, dir, req); err != nil {
		return spec.Snapshot{}, errors.Join(err, os.RemoveAll(dir))
	}
	from, err := openCached(dir)
	if err != nil {
		return spec.Snapshot{}, fmt.Errorf("cannot read what was fetched: %w", err)
	}
	defer from.close()
	if gone := r.missing(from); mirror && len(gone) > 0 {
		return spec.Snapshot{}, fmt.Errorf("cannot read repository %q: %w", r.at,
			&RefError{Ref: gone[0].ref, Reason: "there is no such commit on any branch or tag"})
	}
	snapshot, err := r.use(ctx, wholesome{from, mirror})
	if d := (*damage)(nil); errors.As(err, &d) {
		return snapshot, err
	}
	if failed := r.depot.use(dir); failed != nil {
		return spec.Snapshot{}, fmt.Errorf("cannot change the cache: %w", failed)
	}
	return snapshot, err
}

// into asks for a pack and puts it into a repository. Without wants it is for the wanted commits.
func (r *run) into(ctx context.Context, dir string, req request) error {
	if err := r.call(ctx); err != nil {
		return err
	}
	defer r.hangUp() // it is good for one pack
	if req.wants == nil {
		for _, w := range r.wants {
			if !r.peer.offers(w.hash) {
				return errNotOffered
			}
			req.wants = append(req.wants, w.hash)
		}
		plumbing.HashesSort(req.wants)
		req.wants = slices.Compact(req.wants)
	}
	storage, err := writable(dir)
	if err != nil {
		return err
	}
	pack, shallows, err := r.peer.pack(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = pack.Close() }()
	if err := take(ctx, storage, dir, pack); err != nil {
		return fmt.Errorf("cannot fetch from %q: %w", r.at, err)
	}
	// The server's own may be of branches that were not asked for.
	shallows = slices.DeleteFunc(append(shallows, req.shallows...), func(h plumbing.Hash) bool {
		return storage.HasEncodedObject(h) != nil
	})
	if err := storage.SetShallow(shallows); err != nil {
		return fmt.Errorf("cannot write to the cache: %w", err)
	}
	tip := plumbing.NewHashReference(tipName, r.wants[0].hash)
	if err := storage.SetReference(tip); err != nil {
		return fmt.Errorf("cannot write to the cache: %w", err)
	}
	return nil
}
