package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// stepMessage is a step with what its own JSON leaves out, since that is made for reports.
type stepMessage struct {
	plan.Step
	Want    *wantMessage    `json:"want,omitempty"`
	Again   bool            `json:",omitempty"` // it wants what the step before does
	Secrets execute.Secrets `json:",omitzero"`
	Fails   string          `json:",omitempty"` // it is not to be done but to fail, for this reason
}

// wantMessage shadows the fields of which JSON would lose something.
type wantMessage struct {
	plan.Desired
	Password secretMessage
	Windows  []string
}

type secretMessage struct {
	Text    string `json:"text,omitempty"`
	Unknown bool   `json:"unknown,omitempty"`
}

func messageOf(s plan.Step, secrets execute.Secrets) stepMessage {
	m := stepMessage{Step: s, Secrets: secrets}
	m.Step.Want = nil
	if s.Want == nil {
		return m
	}
	m.Want = &wantMessage{Desired: *s.Want}
	switch password := s.Want.Password; {
	case password.Unknown():
		m.Want.Password.Unknown = true
	default:
		m.Want.Password.Text = password.Reveal()
	}
	m.Want.Desired.Password = spec.Secret{}
	for _, w := range s.Want.Windows {
		m.Want.Windows = append(m.Want.Windows, w.String())
	}
	m.Want.Desired.Windows = nil
	return m
}

// step is the inverse of messageOf.
func (m stepMessage) step() (plan.Step, error) {
	s := m.Step
	if m.Want == nil {
		return s, nil
	}
	want := m.Want.Desired
	switch password := m.Want.Password; {
	case password.Unknown && password.Text != "":
		return s, errors.New("a password is both known and unknown")
	case password.Unknown:
		want.Password = spec.UnknownSecret()
	default:
		want.Password = spec.NewSecret(password.Text)
	}
	var err error
	if want.Windows, err = windowsOf(m.Want.Windows); err != nil {
		return s, err
	}
	s.Want = &want
	return s, nil
}

// encode is the JSON of a message, from which decode makes the same again.
func encode(v any) (json.RawMessage, error) {
	if value := reflect.ValueOf(v); !allPlain(value) {
		v = mapped(value, escaped).Interface()
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a message: %w", err)
	}
	return data, nil
}

// decode reads what encode made. A field that is not known is an error: it may ask for something
// that would not be done.
func decode[T any](data []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, fmt.Errorf("cannot decode a message: %w", err)
	}
	if bytes.ContainsRune(data, escape) || bytes.Contains(data, []byte(`\u`)) {
		v = mapped(reflect.ValueOf(v), unescaped).Interface().(T)
	}
	return v, nil
}
