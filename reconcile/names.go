package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"reconciler/spec"
	"reconciler/state"
)

// String is how people write a target: HOST or HOST/CONTAINER.
func (t Target) String() string {
	if t.Container == "" {
		return t.Host
	}
	return t.Host + "/" + t.Container
}

// UnknownTargetError says that a filter names nothing that is known.
type UnknownTargetError struct {
	What    string // what cannot be done, without the name
	Target  Target
	Nearest string // what was meant, perhaps; empty if nothing has a name like it
}

// Error implements error.
func (e *UnknownTargetError) Error() string {
	return fmt.Sprintf("cannot %s %q: neither the tree nor the state has it", e.What, e.Target)
}

// Nearest returns the host or container, of those that the tree (which may be nil) or the records
// have, that was most probably meant by a target which none of them has; empty if none is near.
func Nearest(target Target, t *spec.Tree, records []state.Record) string {
	known := namesOf(t, records)
	host := target.Host
	if known[host] == nil {
		host = nearestName(host, slices.Collect(maps.Keys(known)))
	}
	if target.Container == "" {
		return host
	}
	if known[host][target.Container] {
		return host + "/" + target.Container
	}
	if near := nearestName(target.Container, slices.Collect(maps.Keys(known[host]))); near != "" {
		return host + "/" + near
	}
	var elsewhere []string
	for host, containers := range known {
		if containers[target.Container] {
			elsewhere = append(elsewhere, host+"/"+target.Container)
		}
	}
	if len(elsewhere) == 1 {
		return elsewhere[0]
	}
	return ""
}

// nearestName is spec.Nearest without the domain that names share: it makes all of them look alike.
func nearestName(name string, names []string) string {
	stem, domain, _ := strings.Cut(name, ".")
	var stems []string
	for _, n := range names {
		if s, same := strings.CutSuffix(n, "."+domain); same && domain != "" {
			stems = append(stems, s)
		}
	}
	if len(stems) == 0 {
		return spec.Nearest(name, names)
	}
	near := spec.Nearest(stem, stems)
	if near == "" {
		return ""
	}
	return near + "." + domain
}

// namesOf returns the names by host: of what is declared as a container, or remembered.
func namesOf(t *spec.Tree, records []state.Record) map[string]map[string]bool {
	known := map[string]map[string]bool{}
	of := func(host string) map[string]bool {
		if known[host] == nil {
			known[host] = map[string]bool{}
		}
		return known[host]
	}
	if t != nil {
		for host, h := range t.Hosts {
			names := of(host)
			for name := range h.Containers {
				names[name] = true
			}
		}
	}
	for i := range records {
		of(records[i].Host)[records[i].Name] = true
	}
	return known
}
