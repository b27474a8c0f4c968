package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ciToken is what a job may show to the server, and nobody may see.
const ciToken = "s3cret.token_0123456789"

// forge is a server with one pull request whose comments are read, written and changed over the
// interface of GitHub, Forgejo or GitLab. It also serves the program for download.
type forge struct {
	*httptest.Server
	kind     string
	program  []byte
	readOnly bool // the token may only read

	mu       sync.Mutex
	comments []forgeComment
	requests []string // METHOD PATH?QUERY STATUS
}

type forgeComment struct {
	ID     int
	Author string
	Body   string
}

// The owner of the token, by the kind of server.
var ciBots = map[string]string{
	"github": "github-actions[bot]", "forgejo": "forgejo-actions", "gitlab": "project_1_bot"}

const forgePage = 2 // comments; whatever the client asks for, as a server may

func newForge(t *testing.T, kind string) *forge {
	t.Helper()
	f := &forge{kind: kind}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// serve makes a file the program that jobs install.
func (f *forge) serve(program []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.program = program
}

// onlyRead takes the right to write from the token.
func (f *forge) onlyRead() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readOnly = true
}

// say adds a comment.
func (f *forge) say(author, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(author, body)
}

func (f *forge) add(author, body string) forgeComment {
	c := forgeComment{100 + len(f.comments), author, body}
	f.comments = append(f.comments, c)
	return c
}

// by returns the comments of an author.
func (f *forge) by(author string) (bodies []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.comments {
		if c.Author == author {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// log returns what was asked for so far.
func (f *forge) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.requests, "\n")
}

// ServeHTTP implements http.Handler.
func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, body := f.answer(w, r)
	f.requests = append(f.requests, fmt.Sprintf("%s %s %d", r.Method, r.URL, status))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone sees nothing
}

func (f *forge) answer(w http.ResponseWriter, r *http.Request) (int, []byte) {
	if r.URL.Path == "/download/reconciler" {
		return http.StatusOK, f.program
	}
	if r.Header.Get("Authorization") != f.login() && r.Header.Get("Private-Token") != ciToken {
		return http.StatusUnauthorized, []byte(`{"message":"who are you?"}`)
	}
	list, one := "/api/repos/o/r/issues/7/comments", `^/api/repos/o/r/issues/comments/(\d+)$`
	change := http.MethodPatch
	if f.kind == "gitlab" {
		list, one = "/api/projects/1/merge_requests/7/notes",
			`^/api/projects/1/merge_requests/7/notes/(\d+)$`
		change = http.MethodPut
	}
	match := regexp.MustCompile(one).FindStringSubmatch(r.URL.Path)
	switch {
	case f.kind == "gitlab" && r.URL.Path == "/api/user":
		return http.StatusOK, encoded(map[string]any{"id": authorID(ciBots["gitlab"])})
	case r.URL.Path == list && r.Method == http.MethodGet:
		return f.list(w, r)
	case r.URL.Path == list && r.Method == http.MethodPost:
		return f.write(r, nil)
	case match != nil && r.Method == change:
		id, _ := strconv.Atoi(match[1])
		for i := range f.comments {
			if f.comments[i].ID == id {
				return f.write(r, &f.comments[i])
			}
		}
	}
	return http.StatusNotFound, []byte(`{"message":"there is no such thing"}`)
}

func (f *forge) login() string {
	if f.kind == "gitlab" {
		return "nobody logs in this way"
	}
	return "Bearer " + ciToken
}

// list gives a page of the comments. Forgejo has no pages here.
func (f *forge) list(w http.ResponseWriter, r *http.Request) (int, []byte) {
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || page < 1 {
		return http.StatusBadRequest, nil
	}
	from, to := (page-1)*forgePage, page*forgePage
	if f.kind == "forgejo" {
		from, to = 0, len(f.comments)
	}
	from, to = min(from, len(f.comments)), min(to, len(f.comments))
	if to < len(f.comments) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d>; rel="next", <%[1]s%[2]s?page=9>; rel="last"`,
			f.URL, r.URL.Path, page+1))
	}
	shown := []any{}
	for _, c := range f.comments[from:to] {
		shown = append(shown, f.shown(c))
	}
	return http.StatusOK, encoded(shown)
}

// write makes or changes a comment, which has its limits as on GitHub.
func (f *forge) write(r *http.Request, old *forgeComment) (int, []byte) {
	if f.readOnly {
		return http.StatusForbidden, []byte(`{"message":"you may only read"}`)
	}
	var sent struct{ Body string }
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(data, &sent)
	}
	const most = 65536
	if err != nil || sent.Body == "" || len([]rune(sent.Body)) > most {
		return http.StatusUnprocessableEntity, []byte(`{"message":"body is wrong"}`)
	}
	if old == nil {
		return http.StatusCreated, encoded(f.shown(f.add(ciBots[f.kind], sent.Body)))
	}
	if old.Author != ciBots[f.kind] {
		return http.StatusForbidden, []byte(`{"message":"it is not yours"}`)
	}
	old.Body = sent.Body
	return http.StatusOK, encoded(f.shown(*old))
}

func (f *forge) shown(c forgeComment) any {
	who := map[string]any{"login": c.Author, "username": c.Author, "id": authorID(c.Author)}
	return map[string]any{"id": c.ID, "body": c.Body, "user": who, "author": who}
}

func authorID(name string) int { return 1000 + len(name) }

func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings and numbers are encoded
	}
	return data
}
