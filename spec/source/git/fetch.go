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

// lookRemote finds what the ref stands for now.
func (s *Source) lookRemote(ctx context.Context) (plumbing.Hash, error) {
	p, err := s.dial(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer p.close()
	w, err := s.resolve(p)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if target, annotated := p.peeled(w); annotated {
		return target, nil
	}
	return w.hash, nil
}

func (s *Source) resolve(p *peer) (want, error) {
	w, err := p.refs.resolve(s.o.Ref)
	if err != nil {
		return want{}, fmt.Errorf("cannot read repository %q: %w", s.at, err)
	}
	return w, nil
}

// run is one Fetch of a remote repository.
type run struct {
	*Source
	depot   *depot
	peer    *peer // nil once it was used
	want    want
	applied plumbing.Hash
}

// fetchRemote brings the cache up to date as far as needed, and reads from it.
func (s *Source) fetchRemote(ctx context.Context, applied plumbing.Hash) (spec.Snapshot, error) {
	r := &run{Source: s, applied: applied}
	defer r.hangUp()
	if err := r.call(ctx); err != nil {
		return spec.Snapshot{}, err
	}
	depot, waited, err := openDepot(ctx, s.home())
	if err != nil {
		return spec.Snapshot{}, err
	}
	defer depot.close()
	r.depot = depot
	if waited { // what was heard before may be old by now
		r.hangUp()
		if err := r.call(ctx); err != nil {
			return spec.Snapshot{}, err
		}
	}
	return r.fetch(ctx)
}

// call begins a conversation, if none is open, and finds what the ref stands for.
func (r *run) call(ctx context.Context) (err error) {
	if r.peer != nil {
		return nil
	}
	if r.peer, err = r.dial(ctx); err == nil {
		r.want, err = r.resolve(r.peer)
	}
	return err
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
	if errors.Is(err, errShallow) || errors.Is(err, errNotOffered) {
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
	if errors.Is(err, errNoCache) || errors.Is(err, errShallow) || errors.As(err, &failed) {
		r.calm("damage")
		return
	}
	r.warn("damage", "the cache of the repository is damaged; fetching it anew", "error", err)
}

// named adds the repository to errors that do not name it.
func (r *run) named(err error) error {
	d := (*damage)(nil)
	switch {
	case errors.Is(err, errShallow):
		return fmt.Errorf("cannot tell whether commit %s descends from the applied commit %s: "+
			"repository %q has no complete history", r.want.hash, r.applied, r.at)
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
	return errors.Is(err, errNoCache) || errors.Is(err, errShallow) || errors.As(err, &d) ||
		errors.As(err, &b) && !errors.Is(err, errNotOffered)
}

// needsHistory reports whether commits before the wanted one matter.
func (r *run) needsHistory() bool {
	target := r.want.hash
	if peeled, annotated := r.peer.peeled(r.want); annotated {
		target = peeled
	}
	return !r.applied.IsZero() && target != r.applied &&
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
	if !from.has(r.want.hash) {
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
	return r.read(ctx, wholesome{from, false}, r.want, r.applied)
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
	if mirror && !from.has(r.want.hash) {
		return spec.Snapshot{}, fmt.Errorf("cannot read repository %q: %w", r.at,
			&RefError{Ref: r.o.Ref, Reason: "there is no such commit on any branch or tag"})
	}
	snapshot, err := r.read(ctx, wholesome{from, mirror}, r.want, r.applied)
	if d := (*damage)(nil); errors.As(err, &d) {
		return snapshot, err
	}
	if failed := r.depot.use(dir); failed != nil {
		return spec.Snapshot{}, fmt.Errorf("cannot change the cache: %w", failed)
	}
	return snapshot, err
}

// into asks for a pack and puts it into a repository. Without wants it is for the wanted commit.
func (r *run) into(ctx context.Context, dir string, req request) error {
	if err := r.call(ctx); err != nil {
		return err
	}
	defer r.hangUp() // it is good for one pack
	if req.wants == nil {
		if !r.peer.offers(r.want.hash) {
			return errNotOffered
		}
		req.wants = []plumbing.Hash{r.want.hash}
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
	tip := plumbing.NewHashReference(tipName, r.want.hash)
	if err := storage.SetReference(tip); err != nil {
		return fmt.Errorf("cannot write to the cache: %w", err)
	}
	return nil
}
