package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encode writes v as indented JSON that is safe on a terminal too.
func encode(w io.Writer, v any) error {
	e := newEncoder(w)
	e.value("", v)
	e.text("\n")
	return e.close()
}

// stream is encode for a large struct: the elements of its lists are written one by one, so that
// the whole text is never in memory. Every field of it has a JSON name and is always written.
func stream(w io.Writer, document any) error {
	e := newEncoder(w)
	v := reflect.ValueOf(document)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		separator := ",\n  "
		if i == 0 {
			separator = "{\n  "
		}
		e.text(separator + strconv.Quote(name) + ": ")
		if f := v.Field(i); f.Kind() == reflect.Slice {
			e.list(f)
		} else {
			e.value("  ", f.Interface())
		}
	}
	e.text("\n}\n")
	return e.close()
}

// encoder writes indented JSON. The first error sticks until close.
type encoder struct {
	w   *bufio.Writer
	b   bytes.Buffer // one value
	err error
}

func newEncoder(w io.Writer) *encoder { return &encoder{w: bufio.NewWriter(w)} }

func (e *encoder) text(s string) { _, _ = e.w.WriteString(s) }

func (e *encoder) list(v reflect.Value) {
	if v.Len() == 0 {
		e.text("[]")
		return
	}
	for i := range v.Len() {
		if i == 0 {
			e.text("[\n    ")
		} else {
			e.text(",\n    ")
		}
		e.value("    ", v.Index(i).Addr().Interface())
	}
	e.text("\n  ]")
}

// value writes v; its lines but the first begin with prefix.
func (e *encoder) value(prefix string, v any) {
	e.b.Reset()
	j := json.NewEncoder(&e.b)
	j.SetEscapeHTML(false)
	j.SetIndent(prefix, "  ")
	if err := j.Encode(v); err != nil && e.err == nil {
		e.err = fmt.Errorf("cannot encode report: %w", err)
	}
	e.escaped(bytes.TrimSuffix(e.b.Bytes(), []byte("\n")))
}

// escaped writes JSON and replaces what encoding/json leaves as it is and a terminal or a build
// server may act on. Such characters stand only inside JSON strings, where the escape means the
// same.
func (e *encoder) escaped(text []byte) {
	begun := 0
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text[i:])
		}
		if !fits(r) || r == '#' && i > 0 && text[i-1] == '#' {
			_, _ = e.w.Write(text[begun:i])
			for _, unit := range utf16.AppendRune(nil, r) {
				_, _ = fmt.Fprintf(e.w, `\u%04x`, unit)
			}
			begun = i + n
		}
		i += n
	}
	_, _ = e.w.Write(text[begun:])
}

func fits(r rune) bool {
	return r == '\n' || r >= ' ' && r <= '~' || r > '~' && strconv.IsPrint(r)
}

func (e *encoder) close() error {
	if e.err != nil {
		return e.err
	}
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}
