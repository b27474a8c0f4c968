package web

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// hooks answers webhooks. What a server sends is not read: a webhook only says that it may be
// worth looking, whatever the branch. So it does no harm to send one again, either.
type hooks struct {
	secrets  Secrets
	wake     func(reason string)
	requests *rate.Limiter
	failures *rate.Limiter // of those whose signature is not right
	log      *slog.Logger
}

// Limits of webhooks. The largest that GitHub sends has 25 MB.
const (
	maxHook       = 25 << 20
	requestEvery  = time.Second
	requestBurst  = 20
	failuresEvery = 10 * time.Second
	failureBurst  = 10
)

func newHooks(s Secrets, wake func(string), log *slog.Logger) *hooks {
	return &hooks{
		secrets: s, wake: wake, log: log,
		requests: rate.NewLimiter(rate.Every(requestEvery), requestBurst),
		failures: rate.NewLimiter(rate.Every(failuresEvery), failureBurst),
	}
}

// ServeHTTP implements http.Handler.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case len(h.secrets.keys) == 0:
		refuse(w, http.StatusNotFound, "webhooks are off: no secret is configured")
	case h.failures.Tokens() < 1:
		refuseFor(w, http.StatusTooManyRequests, failuresEvery, "too many wrong signatures")
	case !h.requests.Allow():
		refuseFor(w, http.StatusTooManyRequests, requestEvery, "too many webhooks")
	default:
		h.receive(w, r)
	}
}

// receive answers a webhook that is not one too many.
func (h *hooks) receive(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxHook)
	valid, err := h.secrets.signed(r.Header, r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "the webhook has more than 25 MiB")
	case err != nil:
		refuse(w, http.StatusBadRequest, "cannot read the webhook")
	case !valid:
		h.failures.Allow()
		h.log.Warn("webhook refused", "from", r.RemoteAddr)
		refuse(w, http.StatusUnauthorized, "the signature is missing or wrong")
	case isPing(r.Header):
		answer(w, http.StatusOK, HookAnswer{})
	default:
		h.wake("webhook")
		answer(w, http.StatusAccepted, HookAnswer{Woken: true})
	}
}

// isPing reports whether a server only tries whether we are there.
func isPing(h http.Header) bool {
	for _, name := range []string{"X-Github-Event", "X-Gitea-Event", "X-Forgejo-Event"} {
		if h.Get(name) == "ping" {
			return true
		}
	}
	return false
}

// signed reports whether a webhook proves that its sender has a secret: GitLab sends the secret
// itself, all others an HMAC-SHA256 of the body.
func (s Secrets) signed(h http.Header, body io.Reader) (bool, error) {
	if token := h.Get("X-Gitlab-Token"); token != "" && s.has(token) {
		return true, nil
	}
	claimed := signatures(h)
	if len(claimed) == 0 {
		return false, nil
	}
	sums, err := s.sign(body)
	if err != nil {
		return false, err
	}
	valid := false
	for _, sum := range sums {
		for _, c := range claimed {
			valid = hmac.Equal(sum, c) || valid
		}
	}
	return valid, nil
}

// signatures returns those that a webhook carries, in whatever way its server does that.
func signatures(h http.Header) [][]byte {
	var found [][]byte
	for _, name := range []string{
		"X-Hub-Signature-256", // GitHub
		"X-Gitea-Signature", "X-Forgejo-Signature",
		"X-Signature", "X-Signature-256", // what others agree on
	} {
		text := strings.TrimPrefix(h.Get(name), "sha256=")
		if sum, err := hex.DecodeString(text); err == nil && len(sum) > 0 {
			found = append(found, sum)
		}
	}
	return found
}
