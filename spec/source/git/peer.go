package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// maxRefs is how many bytes a server may send as its list of references.
const maxRefs = 64 << 20

// errNotOffered says that a server gives commits by the names of branches and tags only.
var errNotOffered = errors.New("the server does not give out this commit by its hash")

// peer is a conversation with a server, good for one list and one pack. It ends with the context
// that it was begun with.
type peer struct {
	session transport.UploadPackSession
	caps    *capability.List
	refs    *refs
	shallow []plumbing.Hash // commits whose parents the server does not have itself
}

// dial begins a conversation and asks for the references.
func (s *Source) dial(ctx context.Context) (*peer, error) {
	secrets, err := s.secrets()
	if err != nil {
		return nil, err
	}
	session, err := s.session(ctx, secrets)
	if err != nil {
		return nil, explain(ctx, s.at, secrets, err)
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = session.Close()
		return nil, explain(ctx, s.at, secrets, err)
	}
	p := &peer{session: &explained{session, s.at, secrets}, caps: adv.Capabilities,
		shallow: adv.Shallows}
	if p.refs, err = remoteRefs(adv); err != nil {
		p.close()
		return nil, fmt.Errorf("cannot use repository %q: %w", s.at, err)
	}
	return p, nil
}

func (s *Source) session(ctx context.Context, secrets *secrets) (
	transport.UploadPackSession, error) {
	if s.at.scheme == "ssh" {
		return s.openSSH(ctx, secrets)
	}
	return s.openHTTP(secrets)
}

func (p *peer) close() { _ = p.session.Close() } // what was said counts, not how it ended

// explained is a session whose errors are for people.
type explained struct {
	transport.UploadPackSession
	at      address
	secrets *secrets
}

// UploadPack implements transport.UploadPackSession.
func (e *explained) UploadPack(ctx context.Context, req *packp.UploadPackRequest) (
	*packp.UploadPackResponse, error) {
	r, err := e.UploadPackSession.UploadPack(ctx, req)
	if err != nil {
		return nil, explain(ctx, e.at, e.secrets, err)
	}
	return r, nil
}

// remoteRefs reads what a server advertised.
func remoteRefs(adv *packp.AdvRefs) (*refs, error) {
	for _, format := range adv.Capabilities.Get(capability.ObjectFormat) {
		if format != "sha1" {
			return nil, errSHA256
		}
	}
	r := &refs{names: adv.References, peeled: adv.Peeled}
	if adv.Head != nil {
		r.head = *adv.Head
	}
	for _, link := range adv.Capabilities.Get(capability.SymRef) {
		if target, found := strings.CutPrefix(link, "HEAD:"); found {
			r.branch = target
		}
	}
	return r, nil
}

// request is what a pack shall have.
type request struct {
	wants    []plumbing.Hash
	haves    []plumbing.Hash
	shallows []plumbing.Hash // commits that we have without their parents
	depth    int             // commits of history, 0 for all
}

// offers reports whether a server gives out a commit that it has not advertised.
func (p *peer) offers(h plumbing.Hash) bool {
	if h == p.refs.head || p.caps.Supports(capability.AllowReachableSHA1InWant) ||
		p.caps.Supports(capability.AllowTipSHA1InWant) {
		return true
	}
	for _, known := range p.refs.names {
		if known == h {
			return true
		}
	}
	return false
}

// peeled is the commit that an annotated tag stands for.
func (p *peer) peeled(w want) (plumbing.Hash, bool) {
	target, annotated := p.refs.peeled[w.full]
	return target, annotated
}

// pack asks for a pack. The caller closes it. shallows are the commits that come without their
// parents.
func (p *peer) pack(ctx context.Context, r request) (
	pack io.ReadCloser, shallows []plumbing.Hash, err error) {
	req := packp.NewUploadPackRequestFromCapabilities(p.caps)
	req.Wants, req.Haves, req.Shallows = r.wants, r.haves, r.shallows
	if r.depth > 0 && p.caps.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(r.depth)
	}
	for _, c := range []capability.Capability{capability.Shallow, capability.NoProgress} {
		if p.caps.Supports(c) {
			_ = req.Capabilities.Set(c) // takes no argument, so it cannot fail
		}
	}
	response, err := p.session.UploadPack(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{demux(req.Capabilities, response), response}, append(response.Shallows, p.shallow...), nil
}

// demux takes the pack out of what a server sends beside it.
func demux(caps *capability.List, from io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, from)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, from)
	}
	return from
}

// capped is a reader that fails when there is more than a limit.
type capped struct {
	from io.Reader
	left int64
	err  error // when nothing is left
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, c.err
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
