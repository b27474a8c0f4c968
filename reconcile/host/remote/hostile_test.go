package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func frame(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// raw speaks to an agent by hand.
type raw struct {
	t    testing.TB
	conn net.Conn
}

func rawTo(t testing.TB, f *hosttest.Fake) (raw, *serving) {
	s := serve(t, f, slow())
	line := make([]byte, len(Ready)+1)
	if _, err := io.ReadFull(s.client, line); err != nil {
		t.Fatal(err)
	}
	return raw{t, s.client}, s
}

// ask sends a text and returns the answer, empty if the agent ended the connection instead.
func (r raw) ask(text string) string {
	r.t.Helper()
	go func() { _, _ = r.conn.Write(frame(text)) }() // the agent may not read it to its end
	return r.read()
}

// tell sends a text that is not answered.
func (r raw) tell(text string) {
	r.t.Helper()
	if _, err := r.conn.Write(frame(text)); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) read() string {
	_ = r.conn.SetReadDeadline(time.Now().Add(tolerance))
	var head [4]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return ""
	}
	data := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(r.conn, data); err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

const helloText = `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"Major":2,"Minor":0,` +
	`"Version":"x","Target":{"Host":"h1.example.org","LXCPath":"/var/lib/lxc","Installation":"i"}}}`

func TestWhatIsNotUnderstoodIsAnErrorOrTheEnd(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	call := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":2,"method":"` + method + `","params":` + params + `}`
	}
	for name, c := range map[string]struct{ text, answer string }{
		"an unknown method":   {call("shell", `["id"]`), "unknown"},
		"a second hello":      {strings.Replace(helloText, `"id":1`, `"id":2`, 1), "once"},
		"single steps":        {call("do", `{"host":"h1.example.org","action":"stop"}`), "unknown"},
		"no parameters":       {`{"jsonrpc":"2.0","id":2,"method":"batch"}`, "error"},
		"a wrong type":        {call("batch", `[1]`), "error"},
		"an unknown field":    {call("batch", `{"shell":"id"}`), "unknown field"},
		"a lock nobody has":   {call("unlock", `{"Lock":7}`), "no such lock"},
		"deaths of a fake":    {call("deaths", `{"Running":{"a":1}}`), "not tell"},
		"a name for terminal": {call("lock", `{"By":"\u001b[2J"}`), "shown"},
		"deep nesting":        {call("batch", deep), ""},
		"no JSON":             {`reconciler`, ""},
		"nothing":             {``, ""},
		"a batch":             {`[` + helloText + `]`, ""},
		"neither":             {`{"jsonrpc":"2.0"}`, ""},
		"an id of no kind":    {`{"jsonrpc":"2.0","id":{},"method":"observe"}`, ""},
		"too large":           {`{"pad":"` + strings.Repeat("x", maxRequest) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			before := f.String()
			r, agent := rawTo(t, f)
			if got := r.ask(helloText); !strings.Contains(got, `"result"`) {
				t.Fatalf("hello is answered with %q", got)
			}
			got := r.ask(c.text)
			if c.answer == "" {
				if got != "" {
					t.Errorf("it is answered with %q", got)
				}
				agent.wait(t)
			} else if !strings.Contains(got, `"error"`) || !strings.Contains(got, c.answer) {
				t.Errorf("it is answered with %q, not with an error of %q", got, c.answer)
			}
			if f.String() != before {
				t.Errorf("the host has changed:\n%s", f.String())
			}
		})
	}
}

func TestBadBatchesAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	good := `{"host":"h1.example.org","container":"c1","action":"stop","uid":"1"}`
	but := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	steps := func(s ...string) string { return `"Steps":[` + strings.Join(s, ",") + `]` }
	for name, c := range map[string]struct{ notice, call, answer string }{
		"no steps":           {`"Steps":[]`, `"Steps":0,"Parallel":1,"Tries":1`, "without steps"},
		"steps for another":  {`"Call":3,"Steps":[]`, "", "without steps"},
		"an unknown field":   {steps(but(`"host"`, `"shell":"id","host"`)), "", "unknown field"},
		"no array":           {`"Steps":{}`, "", "cannot unmarshal"},
		"another host":       {steps(good, but("h1", "h2")), "", `host \"h2.example.org\"`},
		"an unknown action":  {steps(good, but("stop", "shell")), "", `\"shell\" is unknown`},
		"no action":          {steps(but("stop", "")), "", "is unknown"},
		"no container":       {steps(but("c1", "")), "", "no container"},
		"a container twice":  {steps(good, but("c1", "c2"), good), "", `\"c1\" comes twice`},
		"what there was not": {steps(but(`{`, `{"Again":true,`)), "", "the same as none"},
		"what another wants": {steps(but(`{`, `{"want":{"Name":"c1"},`),
			strings.Replace(but("c1", "c2"), `{`, `{"Again":true,`, 1)), "", "the same as none"},
		"both": {steps(but(`{`, `{"want":{"Name":"c1"},`), but(`{`, `{"Again":true,"want":{},`)), "",
			"the same as none"},
		"a bad want":       {steps(but(`{`, `{"want":{"Windows":["x"]},`)), "", "window"},
		"one that is lost": {steps(good), `"Steps":2,"Parallel":1,"Tries":1`, "1 of 2 steps"},
		"one too many":     {steps(good, good), `"Steps":1,"Parallel":1,"Tries":1`, "2 of 1 steps"},
		"none at once":     {steps(good), `"Steps":1,"Parallel":0,"Tries":1`, "at once"},
		"too many at once": {steps(good), `"Steps":1,"Parallel":33,"Tries":1`, "at once"},
		"no tries":         {steps(good), `"Steps":1,"Parallel":1,"Tries":0`, "at once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			before := f.String()
			r, _ := rawTo(t, f)
			if got := r.ask(helloText); !strings.Contains(got, `"result"`) {
				t.Fatalf("hello is answered with %q", got)
			}
			if !strings.Contains(c.notice, `"Call"`) {
				c.notice = `"Call":2,` + c.notice
			}
			if c.call == "" {
				n := strings.Count(c.notice, "container")
				c.call = fmt.Sprintf(`"Steps":%d,"Parallel":1,"Tries":1`, n)
			}
			r.tell(`{"jsonrpc":"2.0","method":"steps","params":{` + c.notice + `}}`)
			got := r.ask(`{"jsonrpc":"2.0","id":2,"method":"batch","params":{` + c.call + `}}`)
			if !strings.Contains(got, `"error"`) || !strings.Contains(got, c.answer) {
				t.Errorf("it is answered with %q, not with an error of %q", got, c.answer)
			}
			if f.String() != before {
				t.Errorf("the host has changed:\n%s", f.String())
			}
			if got := r.ask(`{"jsonrpc":"2.0","id":3,"method":"observe"}`); !strings.Contains(got, "base") {
				t.Errorf("afterwards the answer is %q", got)
			}
		})
	}
}

func TestStepsThatNobodyAsksForTakeLittleMemory(t *testing.T) {
	t.Parallel()
	r, agent := rawTo(t, newFake())
	r.ask(helloText)
	step := `{"host":"h1.example.org","container":"c1","action":"stop","reason":{"text":"` +
		strings.Repeat("x", maxRequest-1000) + `"}}`
	for call := range uint64(maxUpload/maxRequest + 2) {
		r.tell(fmt.Sprintf(`{"jsonrpc":"2.0","method":"steps","params":{"Call":%d,"Steps":[%s]}}`,
			10+call%2, step))
	}
	got := r.ask(`{"jsonrpc":"2.0","id":11,"method":"batch","params":` +
		`{"Steps":1,"Parallel":1,"Tries":1}}`)
	if !strings.Contains(got, "bytes of steps") {
		t.Errorf("an upload without end is answered with %q", got)
	}
	_ = r.conn.Close()
	agent.wait(t)
}

func TestNothingIsDoneBeforeHello(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"batch", "observe", "lock", "unlock", "deaths", "check",
		"prepare"} {
		r, _ := rawTo(t, newFake())
		got := r.ask(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{}}`)
		if !strings.Contains(got, "hello comes first") {
			t.Errorf("%s without a hello is answered with %q", method, got)
		}
	}
}

func TestBadTargetsAreRefused(t *testing.T) {
	t.Parallel()
	for _, target := range []Target{
		{}, {Host: "h"}, {Host: "h", LXCPath: "var/lib/lxc"}, {Host: "h", LXCPath: "/var/../etc"},
		{Host: "a/b", LXCPath: "/l"}, {Host: "h\n", LXCPath: "/l"}, {Host: "h", LXCPath: "/l\x00"},
		{Host: "h", LXCPath: "/l", Installation: "\x1b"},
		{Host: strings.Repeat("h", 2000), LXCPath: "/l"},
	} {
		s := serve(t, newFake(), slow())
		if _, err := greetOver(s.client, target, slow()); err == nil {
			t.Errorf("an agent serves %+v", target)
		}
	}
}

// FuzzAgent sends anything to an agent that was greeted. It must neither panic nor change the host,
// and end when its input does.
func FuzzAgent(f *testing.F) {
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"method":"observe"}`))
	f.Add(append(frame(`{"id":2,"method":"lock","params":{"By":"a","Observe":true}}`),
		frame(`{"id":2,"method":"unlock","params":{"Lock":1}}`)...))
	f.Add(slices.Concat(frame(`{"method":"steps","params":{"Call":3,"Steps":[{`+
		`"host":"h1.example.org","container":"base","action":"destroy","uid":"1"}]}}`),
		frame(`{"id":3,"method":"batch","params":{"Steps":1,"Parallel":1,"Tries":1}}`),
		frame(`{"method":"recorded","params":{"Call":3,"Container":"base","Error":"x"}}`),
		frame(`{"method":"cancel","params":{"Call":3}}`)))
	f.Add(slices.Concat(frame(`{"method":"steps","params":{"Call":2,"Steps":[{`+
		`"host":"h1.example.org","container":"a","action":"stop"}]}}`),
		frame(`{"method":"steps","params":{"Call":2,"Steps":[{"host":"h1.example.org","container":"b",`+
			`"Again":true,"action":"password","Fails":"x","needs":["a"]}]}}`),
		frame(`{"id":2,"method":"batch","params":{"Steps":2,"Parallel":2,"Tries":1}}`)))
	f.Add(frame(`{"id":2,"method":"check","params":{"Want":{"packages":["lxc"]}}}`))
	f.Add(frame(`{"id":2,"method":"prepare","params":{"Want":{"sysctl":{"net/../../x":"1"},` +
		`"bridges":[{"name":"b;c","address":"10.5.0.1/16","nat":true}]}}}`))
	f.Add(frame(`{"id":0,"result":null}`))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		host := newFake()
		before := host.String()
		here, there := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = Serve(there, serveOptions(host, slow()))
		}()
		go func() { _, _ = io.Copy(io.Discard, here) }()
		_, _ = here.Write(append(frame(helloText), data...))
		_ = here.Close()
		<-ended
		if host.String() != before {
			t.Errorf("%q changes the host:\n%s", data, host.String())
		}
		unlock, err := host.Lock(t.Context(), "next")
		if err != nil {
			t.Fatalf("%q keeps the lock: %v", data, err)
		}
		_ = unlock()
	})
}

// answering is a pipe to an agent that answers hello, and then anything.
type answering struct {
	in    *bytes.Reader
	asked chan struct{} // closed by the first message to it
	end   chan struct{}
	once  sync.Once
	ended sync.Once
}

func (a *answering) Read(p []byte) (int, error) {
	<-a.asked
	n, err := a.in.Read(p)
	if err != nil {
		<-a.end
		return 0, io.EOF
	}
	return n, nil
}

func (a *answering) Write(p []byte) (int, error) {
	a.once.Do(func() { close(a.asked) })
	return len(p), nil
}

func (a *answering) Close() error {
	a.ended.Do(func() { close(a.end) })
	return nil
}

// FuzzClient answers anything to a client. It must neither panic nor hang, nor see another host.
func FuzzClient(f *testing.F) {
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"result":{"Host":"h1.example.org"}}`))
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x","data":{"Text":"y"}}}`))
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x","data":[]}}`))
	f.Add(frame(`{"jsonrpc":"2.0","method":"died","params":{"Call":2,"Container":"x"}}`))
	f.Add(frame(`{"jsonrpc":"2.0","id":9,"method":"hello"}`))
	f.Add(frame(`{"jsonrpc":"2.0","id":99,"result":null}`))
	f.Add(frame(`{"jsonrpc":"2.0","id":2,"result":{"Facts":{"lxc":"5"},"Done":["x"],"Fault":{}}}`))
	hello, err := json.Marshal(Agent{Major: major, Minor: minor,
		Capabilities: []string{methodDeaths, methodPrepare}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first := frame(`{"jsonrpc":"2.0","id":1,"result":` + string(hello) + `}`)
		pipe := &answering{in: bytes.NewReader(append(first, data...)), asked: make(chan struct{}),
			end: make(chan struct{})}
		g := greeting{Major: major, Target: testTarget()}
		impatient := timing{beat: time.Hour, patience: time.Hour, grace: time.Millisecond}
		h, err := connect(t.Context(), pipe, g, impatient)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		defer cancel()
		if actual, err := h.Observe(ctx); err == nil && actual.Host != testHost {
			t.Errorf("%q is taken for host %q", data, actual.Host)
		}
		_, _ = h.Lock(ctx, "me")
		_, _, _ = h.Check(ctx, nil)
		_, _ = h.Prepare(ctx, spec.Preparation{})
		_, _ = h.Do(ctx, plan.Step{}, execute.Secrets{})
		_ = h.Deaths(ctx, map[string]int{"x": 1}, func(string) {})
		_ = h.Close()
	})
}
