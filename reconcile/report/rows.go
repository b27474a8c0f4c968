package report

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"reconciler/spec"
)

// Setting is one effective setting of a container. The caller masks secrets.
type Setting struct {
	Key      string        `json:"key"`
	Value    string        `json:"value"`
	Layer    string        `json:"layer"`             // container, profile …, generated
	Position spec.Position `json:"position,omitzero"` // zero: built in or generated
	Class    spec.Class    `json:"class,omitempty"`   //
	Acted    bool          `json:"acted"`             // false: accepted, not acted on yet
}

// Settings is what `show` prints, in the order given.
type Settings struct {
	Host      string    `json:"host"`
	Container string    `json:"container"`
	Settings  []Setting `json:"settings"`
}

// Text writes one line for each setting. It returns the error of w.
func (s Settings) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	p.line(0, p.paint(bold, address(s.Host, s.Container)))
	rows := make([][]string, 0, len(s.Settings))
	for _, r := range s.Settings {
		where, note := "", ""
		if r.Position.File != "" {
			where = r.Position.String()
		}
		if !r.Acted {
			note = "not acted on yet"
		}
		text := r.Value
		if r.Key == "memory" || r.Key == "size" {
			text = size(text)
		}
		rows = append(rows, []string{
			r.Key, text, r.Layer, where, string(classWords(r.Class)), note})
	}
	p.table([]string{"KEY", "VALUE", "FROM", "AT", "A CHANGE", "NOTE"}, rows)
	return p.close()
}

// JSON writes the settings as one document. It returns the error of w.
func (s Settings) JSON(w io.Writer) error {
	s.Settings = list(s.Settings)
	return encode(w, struct {
		FormatVersion string `json:"format_version"`
		Settings
	}{formatVersion, s})
}

// RecordRow is one record of the state store. It says whether there is a password, never which.
type RecordRow struct {
	UID      string            `json:"uid"`
	Host     string            `json:"host"`
	Name     string            `json:"name"`
	Template bool              `json:"template"`
	Network  string            `json:"network,omitempty"`
	IP       string            `json:"ip,omitempty"`
	MAC      string            `json:"mac,omitempty"`
	Password bool              `json:"password"`
	Protect  bool              `json:"protect"`
	Applied  map[string]string `json:"applied,omitempty"`
	Intent   string            `json:"intent,omitempty"`
	Failure  string            `json:"failure,omitempty"`
	Created  time.Time         `json:"created,omitzero"` // UTC
	Updated  time.Time         `json:"updated,omitzero"` // UTC
}

// Text writes everything that the record holds, one value a line. It returns the error of w.
func (r RecordRow) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	p.line(0, p.paint(bold, address(r.Host, r.Name)))
	failure := r.Failure
	if strings.Contains(failure, "\n") {
		failure = "see below"
	}
	rows := [][]string{
		{"uid", r.UID}, {"template", yesNo(r.Template)}, {"network", r.Network}, {"ip", r.IP},
		{"mac", r.MAC}, {"password", r.password()}, {"protect", yesNo(r.Protect)},
		{"unfinished", r.Intent}, {"last failure", failure},
		{"created", stamp(r.Created)}, {"updated", stamp(r.Updated)},
	}
	applied := r.shown()
	for _, key := range slices.Sorted(maps.Keys(applied)) {
		rows = append(rows, []string{"applied " + key, applied[key]})
	}
	p.table([]string{"KEY", "VALUE"}, rows)
	if failure != r.Failure {
		p.line(0)
		p.line(0, p.paint(bold, "LAST FAILURE"))
		p.indented(0, r.Failure)
	}
	return p.close()
}

// JSON writes the record as one document. It returns the error of w.
func (r RecordRow) JSON(w io.Writer) error {
	r.Applied = r.shown()
	return encode(w, struct {
		FormatVersion string    `json:"format_version"`
		Record        RecordRow `json:"record"`
	}{formatVersion, r})
}

func (r RecordRow) password() string {
	if r.Password {
		return "(sealed)"
	}
	return ""
}

// shown is what was applied, without the fingerprint of the password: it could be compared with
// guesses.
func (r RecordRow) shown() map[string]string {
	applied := maps.Clone(r.Applied)
	if applied["password"] != "" {
		applied["password"] = "(sensitive)"
	}
	return applied
}

// Records is what `state list` prints, in the order given.
type Records struct {
	Installation string
	Serial       int64
	Records      []RecordRow
}

// Text writes one line for each record. It returns the error of w.
func (s Records) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	rows := make([][]string, 0, len(s.Records))
	for _, r := range s.Records {
		rows = append(rows, []string{
			r.Host, r.Name, r.IP, r.MAC, yesNo(r.Protect), r.UID, r.Intent})
	}
	header := []string{"HOST", "CONTAINER", "IP", "MAC", "PROTECTED", "UID", "UNFINISHED"}
	p.table(header, rows)
	p.line(0, count(len(s.Records), "record"), ", serial ", number(int(s.Serial)),
		", installation ", clean(s.Installation))
	return p.close()
}

// JSON writes the records as one document. It returns the error of w.
func (s Records) JSON(w io.Writer) error {
	rows := make([]RecordRow, 0, len(s.Records))
	for _, r := range s.Records {
		r.Applied = r.shown()
		rows = append(rows, r)
	}
	return encode(w, struct {
		FormatVersion string      `json:"format_version"`
		Installation  string      `json:"installation"`
		Serial        int64       `json:"serial"`
		Records       []RecordRow `json:"records"`
	}{formatVersion, s.Installation, s.Serial, rows})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
