package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// onHosts gives the machine of the jobs a program that stands for one that reaches hosts: they are
// as main declares, and what it is told to do to them it notes.
func (r *review) onHosts() {
	r.t.Helper()
	text := strings.NewReplacer("REAL", found(r.t, "reconciler"), "TMP", r.tmp).Replace(`#!/bin/sh
case $1 in
plan)
	REAL "$@" --against origin/main || code=$?
	[ ! -e TMP/unreachable ] || code=4
	exit ${code:-0}
	;;
validate) exec REAL "$@" ;;
*) echo "$*" >>TMP/done ;;
esac
`)
	if err := os.WriteFile(filepath.Join(r.bin, "reconciler"), []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.vars["RECONCILER_HOSTS"] = "true"
}

// done returns what the hosts were told since it was asked last.
func (r *review) done() string {
	r.t.Helper()
	data, err := os.ReadFile(r.path("done"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	_ = os.Remove(r.path("done")) // it may not be there
	return strings.TrimSpace(string(data))
}

// planHosts runs what the server runs for a request where the hosts can be reached.
func (r *review) planHosts() *ciJob {
	r.t.Helper()
	j := r.job()
	if r.kind == "gitlab" {
		r.checkout(j, r.head, "")
		if ran := j.runPipeline(r.file(".gitlab-ci.yml")); fmt.Sprint(ran) != "[hosts]" {
			r.t.Errorf("a request runs the jobs %v", ran)
		}
	} else if !j.runWorkflow(r.workflow("plan-hosts"), func() { r.checkout(j, "main", "") }) {
		r.t.Error("a request runs no job")
	}
	r.logs.WriteString(j.log.String())
	return j
}

// merge brings the request into main, as one new commit, and runs what the server runs then.
func (r *review) merge(by string) *ciJob {
	r.t.Helper()
	r.repo.Git("switch", "--quiet", "main")
	r.repo.Git("merge", "--quiet", "--squash", hostileBranch)
	commit := r.repo.Commit("merged")
	r.repo.Push()
	r.repo.Git("switch", "--quiet", hostileBranch)
	r.repo.Git("rebase", "--quiet", "main")
	r.repo.Git("push", "--quiet", "--force", "origin", "HEAD")
	j := r.job()
	if r.kind == "gitlab" {
		maps.DeleteFunc(j.env, func(key, _ string) bool {
			return strings.HasPrefix(key, "CI_MERGE_REQUEST_")
		})
		j.env["CI_PIPELINE_SOURCE"], j.env["CI_COMMIT_BRANCH"] = by, "main"
		r.checkout(j, commit, "")
		if ran := j.runPipeline(r.file(".gitlab-ci.yml")); fmt.Sprint(ran) != "[apply]" {
			r.t.Errorf("a merge runs the jobs %v", ran)
		}
	} else {
		j.ctx["github.event_name"] = by
		if !j.runWorkflow(r.workflow("apply"), func() { r.checkout(j, commit, "main") }) {
			r.t.Error("a merge runs no job")
		}
	}
	r.logs.WriteString(j.log.String())
	return j
}

// TestMergeAppliesTheReviewedPlan: what was merged is done with the plan that was reviewed, and
// with no other.
func TestMergeAppliesTheReviewedPlan(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.onHosts()
		if j := r.planHosts(); j.fail || !strings.Contains(r.comment(), "512M → 1G") {
			t.Fatalf("the plan is not reviewed:\n%s", &j.log)
		}
		if did := r.done(); did != "" {
			t.Errorf("a request did %q", did)
		}
		if j := r.merge("push"); j.fail {
			t.Fatalf("the merge fails:\n%s", &j.log)
		}
		did := r.done()
		plan, ok := strings.CutPrefix(did, "apply --source . --path tree --ref main ")
		if !ok || !strings.Contains(readText(t, plan), "web1.example.com") {
			t.Fatalf("the merge did %q", did)
		}
		if info, err := os.Stat(plan); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others can read or write the plan: %v %v", info, err)
		}

		r.propose(replace("2G", "4G"))
		if j := r.merge("push"); !j.fail || !strings.Contains(j.log.String(), "No plan was reviewed") {
			t.Errorf("without a reviewed plan the merge succeeds:\n%s", &j.log)
		}
		if did := r.done(); did != "" {
			t.Errorf("without a reviewed plan the merge did %q", did)
		}
	})
}

// TestUnreachableHostsAreNoReview: a plan that does not know all hosts is shown, but not applied.
func TestUnreachableHostsAreNoReview(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.onHosts()
		if err := os.WriteFile(r.path("unreachable"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if j := r.planHosts(); j.fail || !strings.Contains(r.comment(), "512M → 1G") {
			t.Errorf("the plan is not shown:\n%s", &j.log)
		}
		if j := r.merge("push"); !j.fail || r.done() != "" {
			t.Errorf("it is applied:\n%s", &j.log)
		}
	})
}

// TestMergeWithoutReviewedPlans: who wants it gets what is to be done now.
func TestMergeWithoutReviewedPlans(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.onHosts()
		r.vars["RECONCILER_APPLY"] = "run"
		want := "run --once --source . --path tree --ref main"
		if j := r.merge("push"); j.fail || r.done() != want {
			t.Errorf("the merge fails: %v\n%s", j.fail, &j.log)
		}
		if r.kind == "gitlab" {
			return
		}
		delete(r.vars, "RECONCILER_APPLY")
		r.propose(replace("2G", "4G"))
		if j := r.merge("workflow_dispatch"); j.fail || r.done() != want {
			t.Errorf("started by hand it fails: %v\n%s", j.fail, &j.log)
		}
	})
}

// TestForksReachNoHost: a request of a stranger runs nothing on the machine that reaches hosts.
func TestForksReachNoHost(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.onHosts()
		r.fork = true
		j := r.job()
		if r.kind == "gitlab" {
			j.env["CI_PROJECT_ID"] = "1" // the parent's pipeline for a fork
			if ran := j.runPipeline(r.file(".gitlab-ci.yml")); len(ran) > 0 {
				t.Errorf("it runs %v", ran)
			}
			return
		}
		never := func() { t.Error("something is checked out") }
		if j.runWorkflow(r.workflow("plan-hosts"), never) {
			t.Errorf("it runs:\n%s", &j.log)
		}
	})
}

// TestExampleWorkflows: each workflow has the rights that it needs and no more, never runs twice
// for the same thing, pins what it uses, and puts nothing from outside into a script.
func TestExampleWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "*", ".*", "workflows", "*.yaml"))
	if err != nil || len(files) != 6 {
		t.Fatalf("the workflows are %v: %v", files, err)
	}
	rights := map[string]string{"plan.yaml": "map[contents:read pull-requests:write]",
		"plan-hosts.yaml": "map[contents:read pull-requests:write]",
		"apply.yaml":      "map[contents:read]"}
	for _, path := range files {
		var w ciWorkflow
		readCI(t, path, &w)
		if strings.Contains(path, "github") && fmt.Sprint(w.Permissions) != rights[filepath.Base(path)] {
			t.Errorf("%s has the rights %v", path, w.Permissions)
		}
		if w.Concurrency.Group == "" || w.Concurrency.Cancel == (w.Name == "apply") {
			t.Errorf("%s: two runs are %+v", path, w.Concurrency)
		}
		for _, job := range w.Jobs {
			for _, s := range job.Steps {
				checkStep(t, path, s)
			}
		}
	}
}

func checkStep(t *testing.T, path string, s ciStep) {
	t.Helper()
	pinned := regexp.MustCompile(`^(https://data\.forgejo\.org/)?actions/[a-z-]+@v\d+(\.\d+\.\d+)?$`)
	switch {
	case s.Uses != "" && !pinned.MatchString(s.Uses):
		t.Errorf("%s uses %s", path, s.Uses)
	case strings.Contains(s.Run, "${{"):
		t.Errorf("%s: what is in an expression becomes part of the script %q", path, s.Run)
	case strings.Contains(s.Uses, "checkout@") && s.With["persist-credentials"] != "false":
		t.Errorf("%s leaves the token in the working tree", path)
	}
	if s.Env["TOKEN"] != "" && s.Name != "Comment" {
		t.Errorf("%s: step %s has the token", path, s.Name)
	}
	script, _, _ := strings.Cut(s.Run, " ")
	if s.Run == "" {
		return
	}
	if _, err := os.Stat(filepath.Join(examples, "github-actions", script)); err != nil {
		t.Errorf("%s runs a script that is not there: %v", path, err)
	}
}

// TestExamplePipeline: GitLab runs jobs on hosts one after the other, and keeps what it shows.
func TestExamplePipeline(t *testing.T) {
	t.Parallel()
	var p ciPipeline
	readCI(t, filepath.Join(examples, "gitlab-ci", ".gitlab-ci.yml"), &p)
	if p.Jobs["apply"].ResourceGroup == "" || p.Jobs["apply"].Interruptible {
		t.Error("two merges can be applied at once, or one is cut off")
	}
	for name, job := range p.Jobs {
		if !slices.Contains(p.Stages, job.Stage) || len(job.Rules) == 0 || len(job.Script) == 0 {
			t.Errorf("job %s is incomplete: %+v", name, job)
		}
		if shows := job.Artifacts.Reports["terraform"] != ""; shows != (job.Stage == "plan") ||
			shows && job.Artifacts.When != "always" {
			t.Errorf("job %s shows %+v", name, job.Artifacts)
		}
	}
}
