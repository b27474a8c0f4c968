package report

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// HostCheck is one host in `host check`.
type HostCheck struct {
	Host    string            `json:"host"`
	Facts   plan.Facts        `json:"facts"`
	Changes []plan.HostChange `json:"changes"`                        // what preparing it would do
	Missing string            `json:"missing_volume_group,omitempty"` // that is declared
	Error   string            `json:"error,omitempty"`                // why nothing is known of it
}

// HostChecks is what `host check` prints, in the order given.
type HostChecks struct{ Hosts []HostCheck }

// ExitCode returns what `host check` exits with: ExitUnreachable before ExitBlocked, which is for
// what preparing a host cannot make, before ExitDone.
func (c HostChecks) ExitCode() int {
	code := ExitDone
	for i := range c.Hosts {
		switch h := &c.Hosts[i]; {
		case h.Error != "":
			return ExitUnreachable
		case h.blocked():
			code = ExitBlocked
		}
	}
	return code
}

// blocked reports whether something is missing on the host that preparing it does not make.
func (h *HostCheck) blocked() bool {
	return h.Missing != "" || slices.ContainsFunc(h.Changes, func(c plan.HostChange) bool {
		return c.Refused != ""
	})
}

// JSON writes the checks as a document. It returns the error of w.
func (c HostChecks) JSON(w io.Writer) error {
	rows := make([]HostCheck, 0, len(c.Hosts))
	for _, h := range c.Hosts {
		h.Changes = list(h.Changes)
		rows = append(rows, h)
	}
	return stream(w, struct {
		FormatVersion string      `json:"format_version"`
		Hosts         []HostCheck `json:"hosts"`
	}{formatVersion, rows})
}

// Text writes what each host can do and lacks, and at the end how many are ready. It returns the
// error of w.
func (c HostChecks) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	lacking, unknown := 0, 0
	for _, h := range c.Hosts {
		p.line(0, p.paint(bold, clean(h.Host)))
		switch {
		case h.Error != "":
			unknown++
			p.sentence(p.paint(red, "unreachable: "), h.Error)
		default:
			p.facts(h.Facts)
			if p.lacks(h) {
				lacking++
			}
		}
		p.line(0)
	}
	sentence := count(len(c.Hosts)-lacking-unknown, "host") + " ready, " + number(lacking) +
		" to prepare."
	rest := safe("")
	if unknown > 0 {
		rest = number(unknown) + " unreachable."
	}
	p.closing(sentence, rest)
	return p.close()
}

// facts writes what a host can do; what it does not say is left out.
func (p *printer) facts(f plan.Facts) {
	row := func(name safe, parts ...string) {
		var said []string
		for _, part := range parts {
			if part != "" {
				said = append(said, part)
			}
		}
		if len(said) > 0 {
			p.line(2, name+": ", clean(strings.Join(said, ", ")))
		}
	}
	lxc := f.LXC
	if lxc == "" {
		lxc = "not installed"
	}
	row("LXC", lxc)
	row("system", f.Distribution, f.Kernel, f.Architecture)
	row("cgroup", positive(int64(f.Cgroup)))
	row("CPUs", positive(int64(f.CPUs)))
	row("memory", bytesOf(f.Memory))
	if f.DiskTotal > 0 {
		row("disk", plan.BytesText(max(0, f.DiskFree))+" of "+bytesOf(f.DiskTotal)+" free")
	}
	row("backings", f.Backings...)
	row("volume groups", f.VolumeGroups...)
}

// lacks writes what preparing a host would do, and reports whether that is anything.
func (p *printer) lacks(h HostCheck) bool {
	if len(h.Changes) == 0 && h.Missing == "" {
		p.line(2, "nothing to prepare")
		return false
	}
	p.line(2, "to prepare:")
	for _, c := range h.Changes {
		p.change(creates, hostChange(c))
		if c.Refused != "" {
			p.line(detail+2, p.paint(red, "cannot be made: "), clean(c.Refused))
		}
	}
	if h.Missing != "" {
		p.line(detail, p.paint(red, "! "), "volume group ", clean(strconv.Quote(h.Missing)),
			" does not exist; make it with vgcreate")
	}
	return true
}

func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// bytesOf is a number of bytes as people write it, empty for none.
func bytesOf(n int64) string {
	if n <= 0 {
		return ""
	}
	return plan.BytesText(n)
}

// HostPreparations is what `host prepare` prints, in the order given.
type HostPreparations struct{ Hosts []execute.HostOutcome }

// JSON writes the results as a document. It returns the error of w.
func (r HostPreparations) JSON(w io.Writer) error {
	return stream(w, struct {
		FormatVersion string       `json:"format_version"`
		Hosts         []HostResult `json:"hosts"`
	}{formatVersion, hostResults(r.Hosts)})
}

// Text writes what was done to each host, and at the end how many are ready. It returns the error
// of w.
func (r HostPreparations) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	done, inUse := 0, 0
	for _, h := range r.Hosts {
		if errors.Is(h.Err, execute.ErrHostInUse) {
			inUse++
		}
		if h.Err == nil && len(h.Done) == 0 {
			p.line(2, "  ", p.paint(bold, clean(h.Host)), ": nothing to do")
			continue
		}
		if h.Err == nil {
			done++
		}
		p.host(h)
	}
	_, broken := hostScore(r.Hosts)
	p.line(0)
	rest := safe("")
	if inUse > 0 {
		rest = number(inUse) + " in use by another run."
	}
	p.closing("Done: "+count(done, "host")+" prepared, "+number(broken-inUse)+" failed.", rest)
	return p.close()
}
