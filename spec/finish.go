package spec

import (
	"slices"
	"strings"
)

// finisher turns a draft into settings: it settles what follows from several keys together.
type finisher struct {
	b    *builder
	host *hostScope
	e    entry
	src  *source // of the container itself
	d    *draft
}

// finish completes the draft of a container.
func (f *finisher) finish() {
	if f.d.Profile != "" && f.d.unknown {
		f.unknownProfile()
	}
	f.backing()
	f.source()
	f.size()
	f.snapshot()
	f.join()
	f.domains()
	f.password()
}

// password is unknown where a file that was not opened may declare another one.
func (f *finisher) password() {
	if len(f.b.decl.vault.closed) > 0 && f.rank(keyPassword) < byContainer {
		f.d.Password = UnknownSecret()
	}
}

// fail reports a problem at the place where a value comes from, or at the container.
func (f *finisher) fail(k key, text, hint string) {
	if !f.b.quiet {
		f.b.sink.fail(f.problem(k, text, hint))
	}
}

func (f *finisher) warn(k key, text, hint string) {
	if !f.b.quiet {
		f.b.sink.warn(f.problem(k, text, hint))
	}
}

func (f *finisher) problem(k key, text, hint string) Problem {
	o := f.d.at[k]
	if o.src == nil {
		return Problem{Position: f.e.position(), Path: f.src.pathTo(""), Text: text, Hint: hint}
	}
	return Problem{Position: o.position(), Path: o.src.pathTo(o.f.Key), Text: text, Hint: hint}
}

func (f *finisher) rank(k key) rank { return f.d.at[k].rank() }

// domains puts the container's name first and sorts the others.
func (f *finisher) domains() {
	name := f.e.key.Value
	if len(f.d.Domains) == 0 {
		f.d.Domains = f.host.alone(name)
		return
	}
	others := slices.DeleteFunc(slices.Clone(f.d.Domains), func(s string) bool {
		return strings.EqualFold(s, name)
	})
	slices.Sort(others)
	f.d.Domains = append([]string{name}, slices.Compact(others)...)
}
