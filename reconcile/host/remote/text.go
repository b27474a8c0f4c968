package remote

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// escape introduces, in a text on the wire, a byte that is not UTF-8, as the character of the same
// number, or itself. It is no character of any language.
const escape = '\U0010FFFF'

// plain reports whether a text is the same on the wire. JSON has no other texts than UTF-8, but a
// configuration file of a host may.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, escape) }

// escaped is the text as it goes over the wire.
func escaped(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteRune(escape)
			b.WriteRune(rune(s[0]))
		case r == escape:
			b.WriteRune(escape)
			b.WriteRune(escape)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// unescaped is the inverse of escaped. What escaped never makes is left as it is.
func unescaped(s string) string {
	if !strings.ContainsRune(s, escape) {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, string(escape))
		b.WriteString(before)
		if !found {
			return b.String()
		}
		r, size := utf8.DecodeRuneInString(after)
		switch {
		case r == escape:
			b.WriteRune(escape)
		case r >= utf8.RuneSelf && r <= 0xff:
			b.WriteByte(byte(r))
		default:
			b.WriteRune(escape)
			size = 0
		}
		s = after[size:]
	}
}

// allPlain reports whether all texts in v are.
func allPlain(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return plain(v.String())
	case reflect.Pointer:
		return v.IsNil() || allPlain(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !allPlain(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for k, e := range v.Seq2() {
			if !allPlain(k) || !allPlain(e) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && !allPlain(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// mapped returns v with all texts changed, without changing v itself.
func mapped(v reflect.Value, change func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(change(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapped(v.Elem(), change))
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(mapped(v.Index(i), change))
		}
	case reflect.Map:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for k, e := range v.Seq2() {
			out.SetMapIndex(mapped(k, change), mapped(e, change))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(mapped(v.Field(i), change))
			}
		}
	}
	return out
}
