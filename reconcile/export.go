package reconcile

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"reconciler/reconcile/resolve"
)

const (
	exportFormat  = "reconciler recorded"
	exportVersion = 1
)

// Texts of an export in the place of what is not in it.
const (
	passwordSet = "set"
	withheld    = "withheld"
)

// export is the file that Export writes.
type export struct {
	Format       string             `json:"format"`
	Version      int                `json:"version"`
	Installation string             `json:"installation"`
	Serial       int64              `json:"serial"`
	Records      []exportRecord     `json:"records"`
	Suspensions  []exportSuspension `json:"suspensions,omitempty"`
	Hosts        []exportHost       `json:"hosts"`
}

type exportRecord struct {
	UID      string            `json:"uid"`
	Host     string            `json:"host"`
	Name     string            `json:"name"`
	Template bool              `json:"template,omitempty"`
	Network  string            `json:"network,omitempty"`
	IP       netip.Addr        `json:"ip,omitzero"`
	MAC      string            `json:"mac,omitempty"`
	Protect  bool              `json:"protect,omitempty"`
	Applied  map[string]string `json:"applied,omitempty"`
	Intent   string            `json:"intent,omitempty"`
}

type exportSuspension struct {
	Host      string    `json:"host,omitempty"`
	Container string    `json:"container,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until,omitzero"`
}

type exportHost struct {
	At time.Time `json:"at"`
	seenHost
}

// Export writes what PlanRecorded needs elsewhere, as JSON that ReadExport reads. It is the same
// for the same r. No password is in it, neither sealed nor as a fingerprint, no error text, and of
// the configuration files on the hosts no value that the tree did not declare.
func Export(w io.Writer, r Recorded) error {
	e := export{Format: exportFormat, Version: exportVersion, Installation: r.State.Installation,
		Serial: r.State.Serial, Records: []exportRecord{}, Hosts: []exportHost{}}
	declared := map[resolve.Key]string{}
	for i := range r.State.Records {
		rec := &r.State.Records[i]
		declared[resolve.Key{Host: rec.Host, Name: rec.Name}] = rec.Applied["lxc_conf"]
		e.Records = append(e.Records, exportRecord{UID: rec.UID, Host: rec.Host, Name: rec.Name,
			Template: rec.Template, Network: rec.Network, IP: rec.IP, MAC: rec.MAC,
			Protect: rec.Protect, Applied: publicTexts(rec.Applied), Intent: rec.Intent})
	}
	for _, s := range r.State.Suspensions {
		e.Suspensions = append(e.Suspensions, exportSuspension(s))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Hosts)) {
		host := seen(r.Hosts[name].Actual)
		for i := range host.Containers {
			c := &host.Containers[i]
			conf, owned := declared[resolve.Key{Host: name, Name: c.Name}]
			withhold(c, conf, owned)
		}
		e.Hosts = append(e.Hosts, exportHost{r.Hosts[name].At.UTC(), host})
	}
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	if err := out.Encode(e); err != nil {
		return fmt.Errorf("cannot write the export: %w", err)
	}
	return nil
}

func publicTexts(applied map[string]string) map[string]string {
	if applied[resolve.KeyPassword] == "" {
		return applied
	}
	applied = maps.Clone(applied)
	applied[resolve.KeyPassword] = passwordSet
	return applied
}

// withhold takes out of a container what its tree did not say: lxc.environment and the options of
// a mount may well hold passwords. conf is what was carried out of lxc_conf.
func withhold(c *seenContainer, conf string, owned bool) {
	if !owned {
		c.Live, c.LiveRawKnown, c.Config.Raw = nil, false, nil
		return
	}
	lines := strings.Split(conf, "\n")
	c.Config.Raw = withheldRaw(c.Config.Raw, lines)
	if c.Live != nil {
		live := *c.Live
		live.Raw = withheldRaw(live.Raw, lines)
		c.Live = &live
	}
}

// withheldRaw returns the raw settings with the values of those that are no line of the tree's.
func withheldRaw(raw map[string][]string, lines []string) map[string][]string {
	shown := make(map[string][]string, len(raw))
	for key, values := range raw {
		values = slices.Clone(values)
		for i, v := range values {
			if !slices.Contains(lines, key+"="+v) {
				values[i] = withheld
			}
		}
		shown[key] = values
	}
	return shown
}
