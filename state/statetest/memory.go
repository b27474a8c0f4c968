package statetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"reconciler/state"
)

// NewMemory returns an empty Store that lives in memory, for the tests of other packages. It
// passes Run. Its clock is the machine's.
func NewMemory() state.Store {
	return &memory{
		model: model{installation: "00000000000000000000000000000001"},
		turn:  make(chan struct{}, 1),
	}
}

type memory struct {
	mu     sync.Mutex
	model  model
	holder state.Holder
	turn   chan struct{} // full while the lock is held
}

// Load implements state.Store.
func (m *memory) Load(ctx context.Context) (state.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return state.Snapshot{}, fmt.Errorf("cannot read state: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.model.snapshot(), nil
}

// Observations implements state.Store.
func (m *memory) Observations(ctx context.Context) (map[string]state.Observation, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot read state: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.model.observations(), nil
}

// Apply implements state.Store.
func (m *memory) Apply(ctx context.Context, batch state.Batch) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cannot write state: %w", err)
	}
	if err := batch.Check(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.model.apply(batch, time.Now().UTC()); err != nil {
		return 0, err
	}
	return m.model.serial, nil
}

// Lock implements state.Store.
func (m *memory) Lock(ctx context.Context, by state.Holder) (func() error, error) {
	select {
	case m.turn <- struct{}{}:
	default:
		select {
		case m.turn <- struct{}{}:
		case <-ctx.Done():
			m.mu.Lock()
			defer m.mu.Unlock()
			return nil, &state.LockedError{What: "memory", Holder: m.holder}
		}
	}
	m.setHolder(by)
	var once sync.Once
	return func() error {
		once.Do(func() {
			m.setHolder(state.Holder{})
			<-m.turn
		})
		return nil
	}, nil
}

func (m *memory) setHolder(by state.Holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holder = by
}

// Close implements state.Store.
func (m *memory) Close() error { return nil }

// model is what a Store is, without disk or concurrency: the suite compares every Store with it.
type model struct {
	installation string
	serial       int64
	records      map[string]state.Record // by uid; never changed in place
	suspensions  map[state.Scope]state.Suspension
	passes       []state.Pass // newest first; never changed in place
	observed     map[string]state.Observation
}

func (m *model) snapshot() state.Snapshot {
	records := make([]state.Record, 0, len(m.records))
	for _, r := range m.records {
		records = append(records, clone(r))
	}
	slices.SortFunc(records, func(a, b state.Record) int {
		if c := strings.Compare(a.Host, b.Host); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return state.Snapshot{
		Installation: m.installation, Serial: m.serial, Records: records,
		Suspensions: sortedSuspensions(m.suspensions), Passes: slices.Clone(m.passes),
	}
}

func (m *model) apply(batch state.Batch, now time.Time) error {
	records, changed, err := m.withRecords(batch, now)
	if err != nil {
		return err
	}
	suspensions, moved := m.withSuspensions(batch)
	passes, remembered := m.withPass(batch.Pass)
	m.observe(batch.Observed)
	if changed || moved || remembered {
		m.records, m.suspensions, m.passes = records, suspensions, passes
		m.serial++
	}
	return nil
}

// withRecords returns the records as they are after the batch, and whether they differ.
func (m *model) withRecords(batch state.Batch, now time.Time) (
	next map[string]state.Record, changed bool, err error,
) {
	next = make(map[string]state.Record, len(m.records))
	maps.Copy(next, m.records)
	for _, r := range batch.Put {
		old, exists := m.records[r.UID]
		if r.Version != old.Version {
			return nil, false, fmt.Errorf("cannot store %s/%s: %w", r.Host, r.Name,
				state.ErrConflict)
		}
		if exists && r.Same(old) {
			continue
		}
		next[r.UID] = stamp(r, old, now)
		changed = true
	}
	for _, uid := range batch.Delete {
		if _, exists := next[uid]; exists {
			delete(next, uid)
			changed = true
		}
	}
	if err := checkUnique(next); err != nil {
		return nil, false, errors.Join(errors.New("cannot write state"), err)
	}
	return next, changed, nil
}

// stamp returns r as it is stored in place of old, which is zero for a new record.
func stamp(r, old state.Record, now time.Time) state.Record {
	r = clone(r)
	r.Version, r.Updated = old.Version+1, now
	if !old.Created.IsZero() {
		r.Created = old.Created
	} else if r.Created.IsZero() {
		r.Created = now
	}
	return r
}

func clone(r state.Record) state.Record {
	r.Password = slices.Clone(r.Password)
	r.Applied = maps.Clone(r.Applied)
	return r
}

// checkUnique returns a *state.TakenError for the first value that two records have.
func checkUnique(records map[string]state.Record) error {
	owners := map[string]state.Record{}
	for _, uid := range slices.Sorted(maps.Keys(records)) {
		r := records[uid]
		for _, u := range uniques(r) {
			key := u.What + " " + r.Network + " " + u.Value
			if u.What != "ip" {
				key = u.What + " " + u.Value
			}
			if o, ok := owners[key]; ok {
				u.Host, u.Name = o.Host, o.Name
				return &u
			}
			owners[key] = r
		}
	}
	return nil
}

// uniques lists the values of r that no other record may have, without an owner.
func uniques(r state.Record) []state.TakenError {
	list := []state.TakenError{{What: "name", Value: r.Host + "/" + r.Name}}
	if r.IP.IsValid() {
		list = append(list, state.TakenError{
			What: "ip", Value: r.IP.String(), Network: r.Network,
		})
	}
	if r.MAC != "" {
		list = append(list, state.TakenError{What: "mac", Value: r.MAC})
	}
	return list
}
