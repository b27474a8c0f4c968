package remote

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// memory is a pipe that reads from one buffer and writes to another.
type memory struct {
	io.Reader
	bytes.Buffer
}

// Read implements io.Reader.
func (m *memory) Read(p []byte) (int, error) { return m.Reader.Read(p) }

// Close implements io.Closer.
func (m *memory) Close() error { return nil }

func TestMessagesArriveHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	sent := []string{`"a"`, `[1,2]`, `{"x":"` + strings.Repeat("y", 10_000) + `"}`, `null`}
	out := &memory{}
	s := newStream(out, maxRequest)
	for _, text := range sent {
		if err := s.WriteObject(json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
	}
	in := newStream(&memory{Reader: iotest.OneByteReader(&out.Buffer)}, maxRequest)
	for _, want := range sent {
		var got json.RawMessage
		if err := in.ReadObject(&got); err != nil || string(got) != want {
			t.Fatalf("%.20q arrives as %.20q, %v", want, got, err)
		}
	}
	var rest json.RawMessage
	if err := in.ReadObject(&rest); !errors.Is(err, io.EOF) || in.err() != nil {
		t.Errorf("the end of the connection is told as %v, %v", err, in.err())
	}
}

func TestBadFramesEndTheStream(t *testing.T) {
	t.Parallel()
	long := binary.BigEndian.AppendUint32(nil, 1<<31)
	for name, c := range map[string]struct {
		data []byte
		told bool // as the fault of the peer
	}{
		"cut in the length":  {[]byte{0, 0}, false},
		"cut in the message": {frame(`"abc"`)[:6], false},
		"too long":           {long, true},
		"empty":              {frame(""), true},
		"no JSON":            {frame("{"), true},
		"two values":         {frame("1 2"), true},
		"too deep":           {frame(strings.Repeat("[", 40) + strings.Repeat("]", 40)), true},
	} {
		var v json.RawMessage
		s := newStream(&memory{Reader: bytes.NewReader(c.data)}, 1000)
		if err := s.ReadObject(&v); err == nil {
			t.Errorf("%s: read as %s", name, v)
		}
		if (s.err() != nil) != c.told {
			t.Errorf("%s: told as %v", name, s.err())
		}
	}
}

func TestALengthTakesNoMemoryBeforeItsBytesArrive(t *testing.T) { // not parallel: it measures
	head := binary.BigEndian.AppendUint32(nil, maxAnswer)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var v json.RawMessage
	err := newStream(&memory{Reader: bytes.NewReader(head)}, maxAnswer).ReadObject(&v)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; err == nil || taken > maxAnswer/16 {
		t.Errorf("%d bytes are taken for a message that never came: %v", taken, err)
	}
}

func TestScreenCountsOnlyWhatIsNoText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"` + strings.Repeat("[", 100) + `"`, `"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["`,
		`"\\"`, strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		`[` + strings.Repeat("[],", 1000) + `[]]`,
	} {
		if err := screen([]byte(text)); err != nil {
			t.Errorf("%.40s is refused: %v", text, err)
		}
	}
	for _, text := range []string{
		strings.Repeat("[", maxDepth+1), strings.Repeat(`{"a":`, maxDepth+1),
		`["\\",` + strings.Repeat("[", maxDepth), strings.Repeat(",", maxValues+1),
	} {
		if screen([]byte(text)) == nil {
			t.Errorf("%.40s is let through", text)
		}
	}
}

func TestSilenceIsMeasuredByBytesNotMessages(t *testing.T) {
	t.Parallel()
	here, there := socketPair(t)
	defer func() { _ = there.Close() }()
	s := newStream(here, maxAnswer)
	go func() { _ = s.ReadObject(new(json.RawMessage)) }()
	time.Sleep(50 * time.Millisecond)
	silent := s.silent()
	if silent < 50*time.Millisecond {
		t.Errorf("a peer that said nothing was heard %s ago", silent)
	}
	if _, err := there.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "half a length counts as a sign of life", func() bool {
		return s.heard.Load() >= int64(50*time.Millisecond)
	})
	_ = here.Close()
}

func TestAMessageThatIsTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	out := &memory{}
	if err := newStream(out, maxAnswer).WriteObject(strings.Repeat("x", maxAnswer)); err == nil {
		t.Error("it is sent")
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes of it are sent", out.Len())
	}
}
