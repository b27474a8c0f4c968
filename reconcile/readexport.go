package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"reconciler/state"
)

// maxExport is how many bytes of an export are read.
const maxExport = 1 << 30

// ReadExport reads what Export wrote. One of a newer version, or with a key that it does not know,
// is refused.
func ReadExport(r io.Reader) (Recorded, error) {
	in := json.NewDecoder(io.LimitReader(r, maxExport))
	in.DisallowUnknownFields()
	var e export
	if err := in.Decode(&e); err != nil {
		return Recorded{}, fmt.Errorf("cannot read the export: %w", err)
	}
	if e.Format != exportFormat || e.Version != exportVersion {
		return Recorded{}, fmt.Errorf("cannot read the export: it is %q version %d, not %q version %d",
			e.Format, e.Version, exportFormat, exportVersion)
	}
	if e.Installation == "" {
		return Recorded{}, errors.New("cannot read the export: it names no installation")
	}
	return e.recorded()
}

func (e *export) recorded() (Recorded, error) {
	out := Recorded{State: state.Snapshot{Installation: e.Installation, Serial: e.Serial},
		Hosts: make(map[string]Seen, len(e.Hosts))}
	for _, r := range e.Records {
		out.State.Records = append(out.State.Records, state.Record{UID: r.UID, Host: r.Host,
			Name: r.Name, Template: r.Template, Network: r.Network, IP: r.IP, MAC: r.MAC,
			Protect: r.Protect, Applied: r.Applied, Intent: r.Intent})
	}
	for _, s := range e.Suspensions {
		out.State.Suspensions = append(out.State.Suspensions, state.Suspension(s))
	}
	batch := state.Batch{Put: out.State.Records, Suspend: out.State.Suspensions}
	if err := batch.Check(); err != nil {
		return Recorded{}, fmt.Errorf("cannot read the export: %w", err)
	}
	for _, h := range e.Hosts {
		if _, twice := out.Hosts[h.Host]; twice || h.Host == "" {
			return Recorded{}, fmt.Errorf("cannot read the export: host %q stands in it twice, or "+
				"has no name", h.Host)
		}
		out.Hosts[h.Host] = Seen{At: h.At, Actual: h.actual()}
	}
	return out, nil
}
