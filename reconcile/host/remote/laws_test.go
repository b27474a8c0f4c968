package remote

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// filler makes values of any type with something in every field, so that a field that is new
// somewhere is tried without a change here.
type filler struct {
	t *testing.T
	r *rand.Rand
}

func (f filler) text() string {
	texts := []string{"", "a", "x.example.org", "<&>\u2028", "é\x00\t", "\xff\xfe", "a\xc3", "\uFFFD",
		string(escape), string(escape) + "ÿ", "\xed\xa0\x80", `"\u0041`, "日本"}
	return texts[f.r.IntN(len(texts))] + fmt.Sprint(f.r.IntN(10))
}

func (f filler) special(v reflect.Value) bool {
	address := netip.AddrFrom4([4]byte{10, byte(f.r.IntN(256)), 0, 1})
	if f.r.IntN(4) == 0 {
		address = netip.MustParseAddr("2001:db8::1")
	}
	if f.r.IntN(4) == 0 {
		address = netip.Addr{}
	}
	switch p := v.Addr().Interface().(type) {
	case *netip.Addr:
		*p = address
	case *netip.Prefix:
		if address.IsValid() {
			*p = netip.PrefixFrom(address, f.r.IntN(33))
		}
	case *spec.Secret:
		*p = []spec.Secret{{}, spec.UnknownSecret(), spec.NewSecret(f.text())}[f.r.IntN(3)]
	case *spec.Window:
		texts := []string{"", "daily 00:00-24:00", "mon-fri 22:00-04:00 Europe/Berlin",
			"tue,sat,sun 01:30-02:00"}
		var err error
		if *p, err = windowOf(texts[f.r.IntN(len(texts))]); err != nil {
			f.t.Fatal(err)
		}
	case *spec.Drift:
		*p = spec.Drift(f.r.IntN(3))
	default:
		return false
	}
	return true
}

func (f filler) fill(v reflect.Value) {
	if f.special(v) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.text())
	case reflect.Bool:
		v.SetBool(f.r.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.r.Uint64()))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(f.r.Uint64() % 3)
	case reflect.Pointer:
		if f.r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.r.IntN(4), 4))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.r.IntN(4) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	default:
		f.t.Fatalf("the law does not know how to fill a %s", v.Type())
	}
}

// exact compares everything but the difference of no slice and an empty one, which nobody looks at.
func exact() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, spec.Secret{}),
	}
}

// changedOnTheWay sends a value through encode, and what the library does with it, and decode.
func changedOnTheWay[T any](t *testing.T, v T) string {
	t.Helper()
	data, err := encode(v)
	if err != nil {
		t.Fatalf("%#v cannot be sent: %v", v, err)
	}
	if !utf8.Valid(data) {
		t.Fatalf("%q is no JSON", data)
	}
	got, err := decode[T](data)
	if err != nil {
		t.Fatalf("%s cannot be read: %v", data, err)
	}
	return cmp.Diff(v, got, exact())
}

func TestStepsArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		f := filler{t, rand.New(rand.NewPCG(seed, 1))}
		var sent plan.Step
		f.fill(reflect.ValueOf(&sent).Elem())
		secrets := execute.Secrets{PasswordHash: f.text()}
		data, err := encode(messageOf(sent, secrets))
		if err != nil {
			t.Fatal(err)
		}
		message, err := decode[stepMessage](data)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := message.step()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(sent, got, exact()); diff != "" {
			t.Fatalf("the host is told to do something else (seed %d, -sent +got):\n%s", seed, diff)
		}
		if message.Secrets != secrets {
			t.Fatalf("seed %d: the guest gets another password", seed)
		}
	}
}

func TestSendingAStepDoesNotChangeIt(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		var a, b plan.Step
		filler{t, rand.New(rand.NewPCG(seed, 2))}.fill(reflect.ValueOf(&a).Elem())
		filler{t, rand.New(rand.NewPCG(seed, 2))}.fill(reflect.ValueOf(&b).Elem())
		if _, err := encode(messageOf(a, execute.Secrets{})); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a, exact()); diff != "" {
			t.Fatalf("the plan is another one after a step was sent (seed %d):\n%s", seed, diff)
		}
	}
}

func TestObservationsArriveAsTheyWereMade(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		var sent plan.Actual
		filler{t, rand.New(rand.NewPCG(seed, 3))}.fill(reflect.ValueOf(&sent).Elem())
		if diff := changedOnTheWay(t, sent); diff != "" {
			t.Fatalf("the controller sees another host (seed %d, -sent +got):\n%s", seed, diff)
		}
	}
}

func TestUnknownFieldsOfAStepAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"host":"h","surprise":1}`, `{"want":{"Surprise":1}}`, `{"want":{"Windows":["x"]}}`,
		`{"want":{"Windows":["MON 01:00-02:00"]}}`,
		`{"want":{"Password":{"text":"a","unknown":true}}}`, `{"want":{"Windows":["\"]}}}: {"]}}`,
		`{"want":{"IP":"10.0.0.300"}}`, `[]`, `{"want":7}`,
	} {
		m, err := decode[stepMessage]([]byte(text))
		if err == nil {
			_, err = m.step()
		}
		if err == nil {
			t.Errorf("%s is taken for a step, and a part of it ignored", text)
		}
	}
}

func FuzzTextsSurvive(f *testing.F) {
	e := string(escape)
	for _, s := range []string{"", "a", "\xff", e, e + "ÿ", "ÿ\xff", "\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := escaped(s)
		if !utf8.ValidString(e) {
			t.Errorf("%q goes over the wire as %q", s, e)
		}
		if got := unescaped(e); got != s {
			t.Errorf("%q arrives as %q", s, got)
		}
	})
}

// FuzzStep tries what a client that is not ours may send as a step.
func FuzzStep(f *testing.F) {
	data, err := encode(messageOf(stepOf(want(1), plan.Clone), execute.Secrets{PasswordHash: "$6$"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(data))
	f.Add([]byte(`{"want":{"Windows":["daily 00:00-24:00"],"Drift":200}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode[stepMessage](data)
		if err != nil {
			return
		}
		s, err := m.step()
		if err != nil {
			return
		}
		again, err := encode(messageOf(s, m.Secrets))
		if err != nil {
			return // a number that stands for no word, such as that of a drift mode
		}
		twice, err := decode[stepMessage](again)
		if err != nil {
			t.Fatalf("%s cannot be read: %v", again, err)
		}
		if diff := cmp.Diff(m, twice, exact(), cmpopts.IgnoreUnexported(spec.Window{}),
			cmpopts.IgnoreUnexported(spec.Secret{})); diff != "" {
			t.Errorf("a step changes on its way:\n%s", diff)
		}
	})
}
