package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// ciWorkflow is a workflow of GitHub or Forgejo, with all keys that the examples may use.
type ciWorkflow struct {
	Name        string            `yaml:"name"`
	On          yaml.Node         `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency struct {
		Group  string `yaml:"group"`
		Cancel bool   `yaml:"cancel-in-progress"`
	} `yaml:"concurrency"`
	Jobs map[string]struct {
		If      string    `yaml:"if"`
		RunsOn  yaml.Node `yaml:"runs-on"`
		Timeout int       `yaml:"timeout-minutes"`
		Steps   []ciStep  `yaml:"steps"`
	} `yaml:"jobs"`
}

type ciStep struct {
	Name string            `yaml:"name"`
	ID   string            `yaml:"id"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Run  string            `yaml:"run"`
	Env  map[string]string `yaml:"env"`
}

// ciPipeline is a file of GitLab, with all keys that the example may use.
type ciPipeline struct {
	Stages   []string `yaml:"stages"`
	Workflow struct {
		Rules []ciRule `yaml:"rules"`
	} `yaml:"workflow"`
	Variables map[string]string      `yaml:"variables"`
	Jobs      map[string]ciGitLabJob `yaml:",inline"`
}

type ciGitLabJob struct {
	Stage         string            `yaml:"stage"`
	Image         string            `yaml:"image"`
	Tags          []string          `yaml:"tags"`
	Interruptible bool              `yaml:"interruptible"`
	ResourceGroup string            `yaml:"resource_group"`
	Rules         []ciRule          `yaml:"rules"`
	Variables     map[string]string `yaml:"variables"`
	Script        []string          `yaml:"script"`
	Artifacts     struct {
		When    string            `yaml:"when"`
		Paths   []string          `yaml:"paths"`
		Reports map[string]string `yaml:"reports"`
	} `yaml:"artifacts"`
}

type ciRule struct {
	If string `yaml:"if"`
}

// readCI reads a file as strictly as the server does: a key that it does not know is an error.
func readCI(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// ciJob is one run of a job.
type ciJob struct {
	t    *testing.T
	dir  string            // the workspace
	env  map[string]string // of every step
	ctx  map[string]string // what expressions can look up
	fix  map[string]string // environment that the test replaces
	log  bytes.Buffer      // everything the steps say
	fail bool
}

// runWorkflow runs the only job of a workflow and reports whether it was not skipped.
func (j *ciJob) runWorkflow(path string, checkout func()) (ran bool) {
	j.t.Helper()
	var w ciWorkflow
	readCI(j.t, path, &w)
	for _, job := range w.Jobs {
		if job.If != "" && !truthy(j.eval(job.If)) {
			continue
		}
		ran = true
		for _, s := range job.Steps {
			j.step(s, checkout)
		}
	}
	return ran
}

func (j *ciJob) step(s ciStep, checkout func()) {
	j.t.Helper()
	outcome := "skipped"
	switch condition := strings.TrimSpace(trimExpression(s.If)); {
	case j.fail && !strings.Contains(condition, "cancelled()"):
	case condition != "" && !truthy(j.eval(condition)):
	case strings.Contains(s.Uses, "actions/checkout@"):
		checkout()
	case s.Run != "":
		outcome = "success"
		env := maps.Clone(j.env)
		for key, value := range s.Env {
			env[key] = j.interpolate(value)
		}
		if !j.shell(s.Run, env) {
			j.fail, outcome = true, "failure"
		}
	}
	if s.ID != "" {
		j.ctx["steps."+s.ID+".outcome"] = outcome
	}
}

// shell runs a script as the server would, and reports whether it succeeded.
func (j *ciJob) shell(script string, env map[string]string) bool {
	j.t.Helper()
	for key, value := range j.fix {
		if _, set := env[key]; set {
			env[key] = value
		}
	}
	if more, err := os.ReadFile(j.env["GITHUB_PATH"]); err == nil {
		for dir := range strings.Lines(string(more)) {
			env["PATH"] = strings.TrimSpace(dir) + ":" + env["PATH"]
		}
	}
	cmd := exec.Command("/bin/sh", "-e", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = j.dir, &j.log, &j.log
	for _, key := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, key+"="+env[key])
	}
	return cmd.Run() == nil
}

var expression = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

func trimExpression(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "${{"), "}}")
}

func (j *ciJob) interpolate(s string) string {
	return expression.ReplaceAllStringFunc(s, func(e string) string {
		return j.eval(trimExpression(e))
	})
}

// eval gives the value of an expression without parentheses. That of a logical one is an operand,
// as on the servers.
func (j *ciJob) eval(e string) string {
	j.t.Helper()
	e = strings.TrimSpace(e)
	if a, b, ok := strings.Cut(e, "||"); ok {
		if v := j.eval(a); truthy(v) {
			return v
		}
		return j.eval(b)
	}
	if a, b, ok := strings.Cut(e, "&&"); ok {
		if v := j.eval(a); !truthy(v) {
			return v
		}
		return j.eval(b)
	}
	if a, b, ok := strings.Cut(e, "!="); ok {
		return boolean(j.eval(a) != j.eval(b))
	}
	if a, b, ok := strings.Cut(e, "=="); ok {
		return boolean(j.eval(a) == j.eval(b))
	}
	if rest, ok := strings.CutPrefix(e, "!"); ok {
		return boolean(!truthy(j.eval(rest)))
	}
	return j.operand(e)
}

func (j *ciJob) operand(e string) string {
	j.t.Helper()
	if e == "cancelled()" {
		return "false"
	}
	if len(e) > 1 && (e[0] == '\'' || e[0] == '"') && e[len(e)-1] == e[0] {
		return e[1 : len(e)-1]
	}
	if name, ok := strings.CutPrefix(e, "$"); ok {
		return j.env[name] // one that is not set is empty
	}
	value, known := j.ctx[e]
	if !known && !strings.HasPrefix(e, "vars.") {
		j.t.Fatalf("nobody knows what %q is", e)
	}
	return value
}

func truthy(s string) bool { return s != "" && s != "false" }

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// runPipeline runs the jobs whose rules apply and returns their names.
func (j *ciJob) runPipeline(path string) (ran []string) {
	j.t.Helper()
	var p ciPipeline
	readCI(j.t, path, &p)
	if !j.applies(p.Workflow.Rules) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.Jobs)) {
		job := p.Jobs[name]
		if !j.applies(job.Rules) {
			continue
		}
		ran = append(ran, name)
		env := maps.Clone(p.Variables)
		maps.Copy(env, job.Variables)
		maps.Copy(env, j.env)
		if !j.shell(strings.Join(job.Script, "\n"), env) {
			j.fail = true
		}
	}
	return ran
}

func (j *ciJob) applies(rules []ciRule) bool {
	j.t.Helper()
	return slices.ContainsFunc(rules, func(r ciRule) bool { return truthy(j.eval(r.If)) })
}

// requireCI skips where the programs of a build server are missing.
func requireCI(t *testing.T) {
	t.Helper()
	for _, name := range []string{"curl", "jq", "git"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("RECONCILER_TEST_LXC") == "1" {
			t.Fatalf("%s is missing: install the package %[1]s", name)
		}
		t.Skipf("%s is missing: install the package %[1]s", name)
	}
}

// wrap writes a program to path that notes its arguments before it becomes the one of the same name
// that is installed.
func wrap(t *testing.T, path, notes string) {
	t.Helper()
	name := filepath.Base(path)
	text := "#!/bin/sh\nprintf '%s\\n' \"" + name + " $*\" >>" + notes +
		"\nexec " + found(t, name) + " \"$@\"\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
