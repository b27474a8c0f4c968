package spec

import "log/slog"

const (
	redacted  = "***"
	sensitive = "(sensitive)"
)

// Secret is a text that must not be shown. Every way of printing it gives "***"; only Reveal
// gives the text. The zero Secret is "no secret". There is also the secret whose text nobody
// knows, because no key opened it: it prints as "(sensitive)".
type Secret struct {
	text    string
	unknown bool
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: text} }

// UnknownSecret returns the secret that is there and whose text is not known.
func UnknownSecret() Secret { return Secret{unknown: true} }

// Reveal returns the clear text. It panics if that is unknown: going on with an empty text would
// open what the secret protects.
func (s Secret) Reveal() string {
	if s.unknown {
		panic("spec: the text of an encrypted secret is not known")
	}
	return s.text
}

// Unknown reports whether there is a secret whose text is not known.
func (s Secret) Unknown() bool { return s.unknown }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// String implements fmt.Stringer.
func (s Secret) String() string {
	switch {
	case s.unknown:
		return sensitive
	case s.IsZero():
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
