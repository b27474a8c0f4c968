package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sourcegraph/jsonrpc2"
)

// hello opens the driver.
func (s *session) hello(_ context.Context, params json.RawMessage) (any, error) {
	// A greeting of another version may have other fields, so only the version must be understood.
	var version struct{ Major, Minor int }
	if err := json.Unmarshal(params, &version); err != nil {
		return nil, badParams(err)
	}
	self := Agent{Major: major, Minor: minor, Version: s.o.Version, Hostname: s.o.Hostname}
	var err error
	if self.Hash, err = s.o.Hash(); err != nil {
		return nil, fmt.Errorf("cannot read this program: %w", err)
	}
	if version.Major != major {
		return self, nil // the client, who is the younger one perhaps, knows what to say
	}
	g, err := decode[greeting](params)
	if err != nil {
		return nil, badParams(err)
	}
	if err := g.Target.check(); err != nil {
		return nil, badParams(err)
	}
	driver, err := s.o.Open(g.Target)
	if err != nil {
		return nil, err
	}
	if _, ok := driver.(deathWatcher); ok {
		self.Capabilities = append(self.Capabilities, methodDeaths)
	}
	if _, ok := driver.(preparer); ok {
		self.Capabilities = append(self.Capabilities, methodPrepare)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.driver, s.target = driver, g.Target
	return self, nil
}

func (s *session) lock(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := decode[lockRequest](params)
	if err != nil {
		return nil, badParams(err)
	}
	if !printable(r.By) {
		return nil, badParams(errors.New("the holder has no name to be shown"))
	}
	unlock, err := s.driver.Lock(ctx, r.By)
	if err != nil {
		return nil, err
	}
	var answer lockAnswer
	s.mu.Lock()
	s.lastID++
	answer.Lock = s.lastID
	s.locks[answer.Lock] = unlock
	s.mu.Unlock()
	if r.Observe {
		// An error is left to a later call that only observes.
		if actual, err := s.driver.Observe(ctx); err == nil {
			answer.Actual = &actual
		}
	}
	return answer, nil
}

func (s *session) unlock(_ context.Context, params json.RawMessage) (any, error) {
	id, err := decode[lockID](params)
	if err != nil {
		return nil, badParams(err)
	}
	s.mu.Lock()
	unlock := s.locks[id.Lock]
	delete(s.locks, id.Lock)
	s.mu.Unlock()
	if unlock == nil {
		return nil, badParams(errors.New("there is no such lock"))
	}
	return nil, unlock()
}

func (s *session) observe(ctx context.Context, _ json.RawMessage) (any, error) {
	actual, err := s.driver.Observe(ctx)
	if err != nil {
		return nil, err // an observation of a part of the host does not count
	}
	return actual, nil
}

func (s *session) deaths(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := decode[deathsRequest](params)
	if err != nil {
		return nil, badParams(err)
	}
	watcher, ok := s.driver.(deathWatcher)
	id, numbered := ctx.Value(idKey{}).(jsonrpc2.ID)
	if !ok || !numbered || id.IsString {
		return nil, invalid(jsonrpc2.CodeMethodNotFound, "this host does not tell of deaths")
	}
	return nil, watcher.Deaths(ctx, r.Running, func(container string) {
		// If it cannot be sent, the connection is about to end.
		_ = s.peer.notify(noticeDied, deathNotice{callID{id.Num}, container})
	})
}

func badParams(err error) error {
	return invalid(jsonrpc2.CodeInvalidParams, clean(err.Error()))
}
