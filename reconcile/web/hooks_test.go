package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/web"
)

const secret = "It's a Secret to Everybody"

func secrets(t testing.TB, texts ...string) web.Secrets {
	t.Helper()
	s, err := web.NewSecrets(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign is HMAC-SHA256 as RFC 2104 writes it down, from nothing but the hash.
func sign(key string, body []byte) string {
	const block = 64
	k := []byte(key)
	if len(k) > block {
		sum := sha256.Sum256(k)
		k = sum[:]
	}
	inner, outer := bytes.Repeat([]byte{0x36}, block), bytes.Repeat([]byte{0x5c}, block)
	for i := range k {
		inner[i] ^= k[i]
		outer[i] ^= k[i]
	}
	sum := sha256.Sum256(append(inner, body...))
	sum = sha256.Sum256(append(outer, sum[:]...))
	return hex.EncodeToString(sum[:])
}

// post sends one webhook to a daemon that has seen none.
func post(t testing.TB, body string, header map[string]string, keys ...string) (reply, []string) {
	t.Helper()
	d := newDaemon()
	o := d.options()
	o.Secrets = secrets(t, keys...)
	r := request(t, http.MethodPost, open(t, web.Public(o)).URL+"/hooks/git",
		strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return send(t, r), d.wokenBy()
}

// The example of GitHub's own documentation, so that this is not only our idea of it.
func TestTheExampleOfGitHubIsAccepted(t *testing.T) {
	t.Parallel()
	const documented = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := sign(secret, []byte("Hello, World!")); got != documented {
		t.Fatalf("the test itself signs wrongly: %s", got)
	}
	answer, woken := post(t, "Hello, World!",
		map[string]string{"X-Hub-Signature-256": "sha256=" + documented}, secret)
	if answer.code != http.StatusAccepted || !slices.Equal(woken, []string{"webhook"}) {
		t.Errorf("the answer is %+v, and %v woke the loop", answer, woken)
	}
}

func TestWebhooksOfAllServersWakeTheLoop(t *testing.T) {
	t.Parallel()
	const body = `{"ref":"refs/heads/main"}`
	sum := sign(secret, []byte(body))
	for what, header := range map[string]map[string]string{
		"GitHub":       {"X-Hub-Signature-256": "sha256=" + sum, "X-GitHub-Event": "push"},
		"GitLab":       {"X-Gitlab-Token": secret, "X-Gitlab-Event": "Push Hook"},
		"Gitea":        {"X-Gitea-Signature": sum, "X-Gitea-Event": "push"},
		"Forgejo":      {"X-Forgejo-Signature": sum, "X-Gitea-Signature": sum},
		"generic":      {"X-Signature": "sha256=" + sum},
		"generic, 256": {"X-Signature-256": "sha256=" + sum},
		"upper case":   {"X-Signature": "sha256=" + strings.ToUpper(sum)},
	} {
		answer, woken := post(t, body, header, secret)
		if answer.code != http.StatusAccepted || !slices.Equal(woken, []string{"webhook"}) {
			t.Errorf("%s: answer %+v, woken by %v", what, answer, woken)
		}
		if !decode[web.HookAnswer](t, answer.body).Woken {
			t.Errorf("%s: the sender is not told: %s", what, answer.body)
		}
	}
}

func TestOnlyASecretWakesTheLoop(t *testing.T) {
	t.Parallel()
	const body = "{}"
	sum := sign(secret, []byte(body))
	for what, header := range map[string]map[string]string{
		"nothing":               {},
		"an empty signature":    {"X-Hub-Signature-256": ""},
		"an empty hash":         {"X-Hub-Signature-256": "sha256="},
		"half of it":            {"X-Hub-Signature-256": "sha256=" + sum[:32]},
		"more than it":          {"X-Hub-Signature-256": "sha256=" + sum + "00"},
		"another body":          {"X-Hub-Signature-256": "sha256=" + sign(secret, []byte("{ }"))},
		"another secret":        {"X-Hub-Signature-256": "sha256=" + sign(secret+"!", []byte(body))},
		"no secret":             {"X-Hub-Signature-256": "sha256=" + sign("", []byte(body))},
		"no hexadecimal digits": {"X-Hub-Signature-256": "sha256=" + strings.Repeat("zz", 32)},
		"another hash":          {"X-Hub-Signature-256": "sha1=" + sum},
		"the old header":        {"X-Hub-Signature": "sha1=" + sum},
		"a token that is wrong": {"X-Gitlab-Token": secret + " "[:0] + "x"},
		"part of the token":     {"X-Gitlab-Token": secret[:len(secret)-1]},
		"an empty token":        {"X-Gitlab-Token": ""},
		"a hash for a token":    {"X-Gitlab-Token": sum},
		"a secret for a hash":   {"X-Gitea-Signature": secret},
		"a ping":                {"X-GitHub-Event": "ping"},
	} {
		answer, woken := post(t, body, header, secret)
		if answer.code != http.StatusUnauthorized || len(woken) > 0 {
			t.Errorf("%s: answer %+v, woken by %v", what, answer, woken)
		}
	}
}

// While a secret is exchanged, both sides must not have to be changed in the same second.
func TestEachOfSeveralSecretsWillDo(t *testing.T) {
	t.Parallel()
	const old, body = "the secret of last year", "x"
	for _, key := range []string{old, secret} {
		for name, value := range map[string]string{
			"X-Hub-Signature-256": "sha256=" + sign(key, []byte(body)), "X-Gitlab-Token": key,
		} {
			answer, woken := post(t, body, map[string]string{name: value}, secret, old)
			if answer.code != http.StatusAccepted || len(woken) != 1 {
				t.Errorf("%s with %q: %+v, woken by %v", name, key, answer, woken)
			}
		}
	}
}

func TestWithoutASecretThereAreNoWebhooks(t *testing.T) {
	t.Parallel()
	for _, header := range []map[string]string{
		{}, {"X-Gitlab-Token": ""}, {"X-Hub-Signature-256": "sha256=" + sign("", []byte("x"))},
	} {
		answer, woken := post(t, "x", header)
		if answer.code != http.StatusNotFound || len(woken) > 0 {
			t.Errorf("%v: %+v, woken by %v", header, answer, woken)
		}
	}
}

func TestAPingIsAnsweredAndWakesNobody(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event"} {
		answer, woken := post(t, "{}", map[string]string{name: "ping",
			"X-Hub-Signature-256": "sha256=" + sign(secret, []byte("{}"))}, secret)
		if answer.code != http.StatusOK || len(woken) > 0 ||
			decode[web.HookAnswer](t, answer.body).Woken {
			t.Errorf("%s: %+v, woken by %v", name, answer, woken)
		}
	}
}

// endless is a body that is only made when it is read.
type endless struct{ left, read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	clear(p[:n])
	e.left -= n
	e.read += n
	return n, nil
}

func TestTheLargestWebhookIsAcceptedAndALargerOneIsNot(t *testing.T) {
	t.Parallel()
	const most = 25 << 20
	for size, want := range map[int]int{
		most: http.StatusAccepted, most + 1: http.StatusRequestEntityTooLarge,
		100 * most: http.StatusRequestEntityTooLarge,
	} {
		d := newDaemon()
		o := d.options()
		o.Secrets = secrets(t, secret)
		body := &endless{left: size}
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/hooks/git", body)
		r.Header.Set("X-Hub-Signature-256", "sha256="+sign(secret, make([]byte, min(size, most))))
		w := httptest.NewRecorder()
		web.Public(o).ServeHTTP(w, r)
		if w.Code != want || len(d.wokenBy()) != map[bool]int{true: 1}[want == http.StatusAccepted] {
			t.Errorf("%d bytes are answered %d, woken by %v", size, w.Code, d.wokenBy())
		}
		if body.read > most+1<<20 {
			t.Errorf("of %d bytes %d were read", size, body.read)
		}
	}
}

func TestABodyThatBreaksOffWakesNobody(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	o := d.options()
	o.Secrets = secrets(t, secret)
	broken := io.MultiReader(strings.NewReader("{}"), broken{})
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/hooks/git", broken)
	r.Header.Set("X-Gitea-Signature", sign(secret, []byte("{}")))
	w := httptest.NewRecorder()
	web.Public(o).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || len(d.wokenBy()) > 0 {
		t.Errorf("it is answered %d, woken by %v", w.Code, d.wokenBy())
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// flood sends webhooks until one is refused for being one too many. It returns how many went
// through and the refusal.
func flood(t *testing.T, most int, token string) (int, *httptest.ResponseRecorder, *daemon) {
	t.Helper()
	d := newDaemon()
	o := d.options()
	o.Secrets = secrets(t, secret)
	h := web.Public(o)
	for n := range most {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/hooks/git", nil)
		r.Header.Set("X-Gitlab-Token", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusTooManyRequests {
			return n, w, d
		}
	}
	t.Fatalf("all of %d webhooks went through", most)
	return 0, nil, nil
}

func TestTooManyWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	good, refusal, d := flood(t, 500, secret)
	if good < 10 || len(d.wokenBy()) != good || refusal.Header().Get("Retry-After") == "" {
		t.Errorf("after %d webhooks and %d wakes: %v", good, len(d.wokenBy()), refusal.Header())
	}
	bad, refusal, d := flood(t, 100, "wrong")
	if bad < 2 || bad >= good || len(d.wokenBy()) > 0 || refusal.Header().Get("Retry-After") == "" {
		t.Errorf("%d wrong ones are let through, and %d right ones", bad, good)
	}
}

// A log is read by many, and is where tokens are lost.
func TestWhatIsRefusedIsLoggedWithoutTheToken(t *testing.T) {
	t.Parallel()
	const almost = "It's a Secret to Everyone"
	_, _, d := flood(t, 100, almost)
	if text := d.logged(); !strings.Contains(text, "webhook refused") ||
		strings.Contains(text, "Secret to") {
		t.Errorf("the log is %s", text)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	o := d.options()
	o.Secrets = secrets(t, secret)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secrets", o.Secrets)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secrets", o.Secrets)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s", o.Secrets, o.Secrets, o.Secrets, o.Secrets),
		fmt.Sprintf("%+v", struct{ S web.Secrets }{o.Secrets}),
		fmt.Sprintf("%#v", struct{ S web.Secrets }{o.Secrets}), log.String(),
	} {
		if strings.Contains(text, "Secret to") || strings.Contains(text, "73 2") ||
			strings.Contains(text, "0x49") || strings.Contains(text, "73 116") {
			t.Errorf("the secret shows in %s", text)
		}
	}
}

// FuzzHook: whatever comes, the loop is woken if and only if the sender has the secret.
func FuzzHook(f *testing.F) {
	sum := sign(secret, []byte("{}"))
	f.Add([]byte("{}"), "X-Hub-Signature-256", "sha256="+sum, "push")
	f.Add([]byte("{}"), "X-Gitea-Signature", sum, "ping")
	f.Add([]byte("{}"), "X-Gitlab-Token", secret, "Push Hook")
	f.Add([]byte(""), "X-Signature", "sha256=sha256="+sum, "")
	f.Add([]byte("{}"), "X-Hub-Signature", "sha1="+sum, "push")
	f.Fuzz(func(t *testing.T, body []byte, name, value, event string) {
		d := newDaemon()
		o := d.options()
		o.Secrets = secrets(t, secret)
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/hooks/git",
			bytes.NewReader(body))
		r.Header.Set(name, value)
		r.Header.Set("X-Github-Event", event)
		w := httptest.NewRecorder()
		web.Public(o).ServeHTTP(w, r)
		proven := strings.Contains(value, secret) ||
			strings.Contains(strings.ToLower(value), sign(secret, body))
		if woken := len(d.wokenBy()) > 0; woken && (!proven || event == "ping") {
			t.Errorf("%s: %q with event %q woke the loop", name, value, event)
		}
		switch w.Code {
		case http.StatusAccepted, http.StatusOK:
			if !proven {
				t.Errorf("%s: %q is answered %d", name, value, w.Code)
			}
		case http.StatusUnauthorized:
		default:
			t.Errorf("%s: %q is answered %d", name, value, w.Code)
		}
	})
}
