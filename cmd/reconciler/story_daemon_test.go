package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// storyPatience is how long a story waits for what takes moments.
const storyPatience = 30 * time.Second

// freePort sets $LISTEN to an address that nobody listens on.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("LISTEN", l.Addr().String())
	ts.Check(l.Close())
}

// eventually runs a command until it succeeds, or with "!" until it fails.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] eventually program args...")
	}
	became(ts, args, func() bool { return (ts.Exec(args[0], args[1:]...) == nil) != neg })
}

// became waits until something holds, and returns how long that took.
func became(ts *testscript.TestScript, what []string, holds func() bool) time.Duration {
	const pause = 5 * time.Millisecond
	began := time.Now()
	for !holds() {
		if time.Since(began) > storyPatience {
			ts.Fatalf("after %v this does not hold yet: %q", storyPatience, what)
		}
		time.Sleep(pause)
	}
	return time.Since(began)
}

// get waits until the daemon that listens on $LISTEN answers a path with 200, and with "!" until it
// answers with something else.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] get path")
	}
	body := ""
	became(ts, args, func() bool {
		status, answer, err := daemonGet(ts, args[0])
		body = answer
		return err == nil && (status == http.StatusOK) != neg
	})
	fmt.Fprint(ts.Stdout(), body)
}

// daemonGet gets a path from the daemon of a story.
func daemonGet(ts *testscript.TestScript, path string) (status int, answer string, err error) {
	r, err := http.NewRequest(http.MethodGet, "http://"+ts.Getenv("LISTEN")+path, nil)
	if err != nil {
		return 0, "", err
	}
	return ask(r)
}

func ask(r *http.Request) (status int, answer string, err error) {
	response, err := (&http.Client{Timeout: storyPatience}).Do(r)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), errors.Join(err, response.Body.Close())
}

// webhook sends what a server sends after a push, signed with the secret in a file, and fails
// unless the daemon answers with the status.
func webhook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: webhook github|gitlab|gitea|generic secretfile status")
	}
	body := `{"ref":"refs/heads/main"}`
	secret := strings.TrimSpace(ts.ReadFile(args[1]))
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, body) // a hash takes everything
	sum := hex.EncodeToString(mac.Sum(nil))
	r, err := http.NewRequest(http.MethodPost, "http://"+ts.Getenv("LISTEN")+"/hooks/git",
		strings.NewReader(body))
	ts.Check(err)
	header := r.Header
	header.Set("Content-Type", "application/json")
	switch args[0] {
	case "github":
		header.Set("X-GitHub-Event", "push")
		header.Set("X-Hub-Signature-256", "sha256="+sum)
	case "gitlab":
		header.Set("X-Gitlab-Event", "Push Hook")
		header.Set("X-Gitlab-Token", secret)
	case "gitea":
		header.Set("X-Gitea-Event", "push")
		header.Set("X-Gitea-Signature", sum)
	case "generic":
		header.Set("X-Signature", "sha256="+sum)
	}
	status, answer, err := ask(r)
	ts.Check(err)
	if strconv.Itoa(status) != args[2] {
		ts.Fatalf("the webhook is answered with %d, not %s: %s", status, args[2], answer)
	}
}

// latency runs a script a number of times, each time with the number of the turn, and says how long
// it took from its end until a second one succeeded. With a third argument a webhook is sent after
// the first script, signed with the secret in that file.
func latency(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: latency times do.sh until.sh [secretfile]")
	}
	times, err := strconv.Atoi(args[0])
	ts.Check(err)
	var took []time.Duration
	for i := range times {
		turn := strconv.Itoa(i)
		ts.Check(ts.Exec("sh", args[1], turn))
		began := time.Now()
		if len(args) > 3 {
			webhook(ts, false, []string{"github", args[3], "202"})
		}
		became(ts, args, func() bool { return ts.Exec("sh", args[2], turn) == nil })
		took = append(took, time.Since(began).Round(time.Millisecond))
	}
	slices.Sort(took)
	ts.Logf("measured %s: median %v of %v", args[1], took[len(took)/2], took)
}

// passes waits until the daemon makes no more passes, and says in $PASSES how many there were. With
// a number it waits until there are so many instead, and fails if there are more.
func passes(ts *testscript.TestScript, neg bool, args []string) {
	want := 0
	if len(args) == 1 {
		var err error
		want, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	var n int
	if want == 0 {
		n = countPasses(ts)
		became(ts, args, func() bool {
			const still = 500 * time.Millisecond
			before := n
			time.Sleep(still)
			n = countPasses(ts)
			return n == before
		})
	}
	became(ts, args, func() bool { n = max(n, countPasses(ts)); return n >= want })
	if want != 0 && n > want {
		ts.Fatalf("there were %d passes, not %d", n, want)
	}
	ts.Setenv("PASSES", strconv.Itoa(n))
	ts.Setenv("NEXT_PASS", strconv.Itoa(n+1))
}

// countPasses sums reconciler_passes_total over all results.
func countPasses(ts *testscript.TestScript) int {
	return int(metric(ts, "reconciler_passes_total{"))
}

// metric sums the samples that begin with a text.
func metric(ts *testscript.TestScript, prefix string) float64 {
	_, text, err := daemonGet(ts, "/metrics")
	ts.Check(err)
	var sum float64
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			fields := strings.Fields(rest)
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			ts.Check(err)
			sum += n
		}
	}
	return sum
}
