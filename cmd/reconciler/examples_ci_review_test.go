package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"reconciler/spec/source/git/gittest"
)

// The names that authors choose freely do their worst.
const (
	hostileBranch  = "x$(touch${IFS}pwned1)`touch${IFS}pwned2`;touch${IFS}pwned3"
	hostileSubject = "$(touch pwned4) `touch pwned5`\"; touch pwned6 #\n\n" +
		"::add-mask::x\n##[add-mask]x ${{ github.token }}"
	hostileName = "$(touch pwned7)"
)

var examples = filepath.Join("..", "..", "examples")

// ciKinds are the servers, and the directories of their examples.
var ciKinds = map[string]string{
	"github": "github-actions", "forgejo": "forgejo", "gitlab": "gitlab-ci"}

// review is a repository with an example in it, on a server, and a request to change it.
type review struct {
	t     *testing.T
	kind  string
	repo  *gittest.Repo
	bare  string
	head  string // commit of the request
	fork  bool
	forge *forge
	tmp   string
	bin   string            // of the machine that jobs run on
	notes string            // file of all command lines
	vars  map[string]string // of the repository
	logs  strings.Builder   // of all jobs
}

// eachKind runs a test for each kind of server, with a request that changes what edit does.
func eachKind(t *testing.T, edit func(tree string) string, test func(*testing.T, *review)) {
	t.Helper()
	t.Parallel()
	requireCI(t)
	for kind := range ciKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newReview(t, kind)
			r.propose(edit)
			test(t, r)
			r.checkInnocence()
		})
	}
}

func newReview(t *testing.T, kind string) *review {
	t.Helper()
	tmp := t.TempDir()
	r := &review{t: t, kind: kind, repo: gittest.Init(t), forge: newForge(t, kind), tmp: tmp,
		bin: filepath.Join(tmp, "bin"), notes: filepath.Join(tmp, "notes"),
		vars: map[string]string{}}
	for _, dir := range []string{r.bin, r.path("home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"curl", "jq", "git"} {
		wrap(t, filepath.Join(r.bin, name), r.notes)
	}
	r.followReadme()
	r.repo.Commit("begin")
	r.bare = r.repo.Bare(tmp, "bare.git")
	r.repo.Branch(hostileBranch)
	wrap(t, filepath.Join(tmp, "reconciler"), r.notes)
	r.serveProgram(r.path("reconciler"))
	return r
}

func found(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (r *review) path(name string) string { return filepath.Join(r.tmp, name) }

// serveProgram makes a file the program that jobs install.
func (r *review) serveProgram(path string) {
	r.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.forge.serve(data)
	for name, value := range map[string]string{
		"BINARY_URL":    r.forge.URL + "/download/reconciler",
		"BINARY_SHA256": fmt.Sprintf("%x", sha256.Sum256(data)),
	} {
		r.vars[name], r.vars["RECONCILER_"+name] = value, value
	}
}

// followReadme runs the commands with which the example is installed.
func (r *review) followReadme() {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, ciKinds[r.kind], "README.md"))
	if err != nil {
		r.t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    (cp .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(commands) == 0 {
		r.t.Fatal("the README does not say how to install the example")
	}
	for _, c := range commands {
		cmd := exec.Command("sh", "-e", "-c", c[1])
		cmd.Dir, cmd.Env = filepath.Dir(examples), append(os.Environ(), "REPO="+r.repo.Dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			r.t.Fatalf("%s: %v\n%s", c[1], err, out)
		}
	}
}

// propose commits a changed tree to the request.
func (r *review) propose(edit func(tree string) string) {
	r.t.Helper()
	path := filepath.Join(r.repo.Dir, "tree", "hosts.yaml")
	old, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	changed := edit(string(old))
	if changed == string(old) {
		r.t.Fatal("the request changes nothing")
	}
	r.repo.Write(map[string]string{"tree/hosts.yaml": changed})
	r.head = r.repo.Commit(hostileSubject)
	r.repo.Push()
}

func replace(old, new string) func(string) string {
	return func(tree string) string { return strings.ReplaceAll(tree, old, new) }
}

// job prepares a run on a machine of its own.
func (r *review) job() *ciJob {
	r.t.Helper()
	dir, err := os.MkdirTemp(r.tmp, "job")
	if err != nil {
		r.t.Fatal(err)
	}
	j := &ciJob{t: r.t, dir: filepath.Join(dir, "work"),
		fix: map[string]string{"PLANS": r.path("plans")}}
	j.env = map[string]string{"PATH": r.bin + ":/usr/bin:/bin", "HOME": r.path("home"),
		"TMPDIR": dir, "CI": "true", "GIT_CONFIG_NOSYSTEM": "1"}
	if r.kind == "gitlab" {
		r.setGitLab(j)
	} else {
		r.setActions(j, dir)
	}
	return j
}

func (r *review) setActions(j *ciJob, dir string) {
	for key, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "RUNNER_TEMP": dir, "GITHUB_PATH": filepath.Join(dir, "path"),
		"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"), "GITHUB_HEAD_REF": hostileBranch,
		"GITHUB_ACTOR": hostileName,
	} {
		j.env[key] = value
	}
	owner := "o/r"
	if r.fork {
		owner = "stranger/r"
	}
	pr := "github.event.pull_request."
	j.ctx = map[string]string{pr + "number": "7", pr + "head.sha": r.head,
		pr + "head.repo.full_name": owner, pr + "title": hostileSubject,
		"github.repository": "o/r", "github.base_ref": "main", "github.head_ref": hostileBranch,
		"github.server_url": "https://git.example.com", "github.api_url": r.forge.URL + "/api",
		"github.token": ciToken, "github.ref": "refs/heads/main", "github.ref_name": "main",
		"github.event_name": "push", "runner.temp": dir}
	for name, value := range r.vars {
		j.ctx["vars."+name] = value
	}
}

func (r *review) setGitLab(j *ciJob) {
	for key, value := range map[string]string{
		"GITLAB_CI": "true", "CI_PROJECT_DIR": j.dir, "CI_PROJECT_ID": "1",
		"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": r.head,
		"CI_COMMIT_REF_NAME": hostileBranch, "CI_COMMIT_MESSAGE": hostileSubject,
		"CI_MERGE_REQUEST_TITLE": hostileSubject, "CI_MERGE_REQUEST_IID": "7",
		"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": hostileBranch,
		"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_DEFAULT_BRANCH": "main",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
		"CI_PROJECT_URL":                     "https://git.example.com/o/r",
		"CI_API_V4_URL":                      r.forge.URL + "/api", "PLAN_TOKEN": ciToken,
	} {
		j.env[key] = value
	}
	if r.fork {
		j.env["CI_PROJECT_ID"], j.env["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"] = "2", "2"
		delete(j.env, "PLAN_TOKEN")
	}
	for name, value := range r.vars {
		j.env[name] = value
	}
}

// checkout gives the job a working tree at a revision, on a branch or on none.
func (r *review) checkout(j *ciJob, revision, branch string) {
	r.t.Helper()
	r.repo.Git("clone", "--quiet", r.bare, j.dir)
	if branch != "" {
		r.repo.Git("-C", j.dir, "checkout", "--quiet", "-B", branch, revision)
		return
	}
	r.repo.Git("-C", j.dir, "checkout", "--quiet", "--detach", revision)
}

// plan runs what the server runs for a request: that which needs no host.
func (r *review) plan() *ciJob {
	r.t.Helper()
	j := r.job()
	if r.kind == "gitlab" {
		r.checkout(j, r.head, "")
		if ran := j.runPipeline(r.file(".gitlab-ci.yml")); fmt.Sprint(ran) != "[declared]" {
			r.t.Errorf("a request runs the jobs %v", ran)
		}
	} else if !j.runWorkflow(r.workflow("plan"), func() { r.checkout(j, r.head, "") }) {
		r.t.Error("a request runs no job")
	}
	r.logs.WriteString(j.log.String())
	return j
}

func (r *review) file(name string) string { return filepath.Join(r.repo.Dir, name) }

func (r *review) workflow(name string) string {
	return r.file("." + r.kind + "/workflows/" + name + ".yaml")
}

// comment returns the only comment of the job, without what hides in it.
func (r *review) comment() string {
	r.t.Helper()
	all := r.forge.by(ciBots[r.kind])
	if len(all) != 1 {
		r.t.Fatalf("there are %d comments: %q\nrequests:\n%s\nlog:\n%s", len(all), all,
			r.forge.log(), r.logs.String())
	}
	body, ok := strings.CutPrefix(all[0], "<!-- reconciler-plan:lxc -->\n")
	if !ok {
		r.t.Errorf("the comment cannot be found again: %q", all[0])
	}
	return body
}

// checkInnocence fails if a string of the author was executed or if the token got out.
func (r *review) checkInnocence() {
	r.t.Helper()
	for line := range strings.Lines(r.logs.String()) {
		command := strings.TrimSpace(line)
		if strings.HasPrefix(command, "::") && !ours.MatchString(command) ||
			strings.Contains(line, "##[") {
			r.t.Errorf("the author commands the build server: %q", line)
		}
	}
	if strings.Contains(r.logs.String(), ciToken) {
		r.t.Errorf("the token is in the log:\n%s", r.logs.String())
	}
	for _, dir := range []string{r.tmp, r.repo.Dir, "."} {
		r.search(dir)
	}
}

// ours are the commands that jobs may give.
var ours = regexp.MustCompile(
	`^::(error|warning|notice) (file=tree/hosts\.yaml,(line=\d+,)?)?title=`)

// search looks for what hostile names make, and for the token in what is left behind: command
// lines among it.
func (r *review) search(dir string) {
	r.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), "pwned") {
			r.t.Errorf("a name was executed: it made %s", path)
		}
		if !d.Type().IsRegular() || dir == "." {
			return nil
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(ciToken)) {
			r.t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}
