package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReviewHasOneComment: a request gets one comment, and each commit changes just that one.
func TestReviewHasOneComment(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		ours := "<!-- reconciler-plan:lxc -->\n"
		others := []string{ours + "I was here first", "> " + ours + "quoted", "fine with me", "why?"}
		for i, text := range others {
			r.forge.say(fmt.Sprintf("reviewer%d", i), text)
		}
		bot := ciBots[r.kind]
		r.forge.say(bot, "Another job of the same bot quotes:\n"+ours)
		quoted := r.forge.by(bot)[0]

		for _, step := range []struct{ edit, verdict string }{
			{"", "Plan: 0 to create, 2 to change, 0 to destroy."},
			{"web2.example.com", "Plan: 1 to create, 1 to change, 1 to destroy."},
		} {
			if step.edit != "" {
				r.propose(replace(step.edit, "new.example.com"))
			}
			if j := r.plan(); j.fail {
				t.Fatalf("a good tree fails the job:\n%s", &j.log)
			}
			all := r.forge.by(bot)
			if len(all) != 2 || all[0] != quoted {
				t.Fatalf("the comments of the job are %q", all)
			}
			for _, want := range []string{ours + "## " + step.verdict, r.head[:12],
				"Knowledge: declared", "https://git.example.com/o/r/", "512M → 1G"} {
				if !strings.Contains(all[1], want) {
					t.Errorf("the comment lacks %q:\n%s", want, all[1])
				}
			}
		}
		for i, text := range others {
			if now := r.forge.by(fmt.Sprintf("reviewer%d", i)); len(now) != 1 || now[0] != text {
				t.Errorf("the comment %q of somebody else has become %q", text, now)
			}
		}
	})
}

// TestReviewTellsTheServer: besides the comment there is what the page of the request shows.
func TestReviewTellsTheServer(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		j := r.plan()
		if !strings.Contains(j.log.String(), "\nThere is something to be done.\n") {
			t.Errorf("the log does not say so:\n%s", &j.log)
		}
		want := map[string]string{
			"summary": "2 to change", "log": "::notice file=tree/hosts.yaml,line="}
		have := map[string]string{"log": j.log.String()}
		if r.kind == "gitlab" {
			var p ciPipeline
			readCI(t, r.file(".gitlab-ci.yml"), &p)
			counts := filepath.Join(j.dir, p.Jobs["declared"].Artifacts.Reports["terraform"])
			want = map[string]string{"counts": `{"create":0,"update":2,"delete":0}`}
			have["counts"] = readText(t, counts)
		} else {
			have["summary"] = readText(t, j.env["GITHUB_STEP_SUMMARY"])
		}
		for name, text := range want {
			if !strings.Contains(have[name], text) {
				t.Errorf("the %s lacks %q:\n%s", name, text, have[name])
			}
		}
	})
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReviewOfNoChange: a tree that says the same in other words is no failure either.
func TestReviewOfNoChange(t *testing.T) {
	edit := func(tree string) string { return tree + "# a remark\n" }
	eachKind(t, edit, func(t *testing.T, r *review) {
		j := r.plan()
		if j.fail || !strings.Contains(r.comment(), "## No changes.") {
			t.Errorf("the job fails: %v, and the comment is\n%s", j.fail, r.comment())
		}
		if log := j.log.String(); !strings.Contains(log, "\nNothing is to be done.\n") {
			t.Errorf("the log does not say so:\n%s", log)
		}
	})
}

// TestReviewOfGuardedChange: what a guard blocks is told; to merge it or not is for people to say.
func TestReviewOfGuardedChange(t *testing.T) {
	edit := func(tree string) string { return tree[:strings.Index(tree, "    db.example.com")] }
	eachKind(t, edit, func(t *testing.T, r *review) {
		j := r.plan()
		if body := r.comment(); j.fail || !strings.Contains(body, "protected") {
			t.Errorf("the job fails: %v, and the comment is\n%s", j.fail, body)
		}
	})
}

// TestReviewOfBadTree: the job fails, and the comment has the mistakes instead of an old plan.
func TestReviewOfBadTree(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.plan()
		r.propose(replace("memory: 2G", `memory: "::add-mask::x ##[add-mask]x", "`+hostileName+`": 1`))
		j := r.plan()
		if !j.fail {
			t.Errorf("a bad tree is no failure:\n%s", &j.log)
		}
		body := r.comment()
		for _, want := range []string{"## The tree is not valid.", r.head, "    ", "hosts.yaml:16",
			hostileName} {
			if !strings.Contains(body, want) {
				t.Errorf("the comment lacks %q:\n%s", want, body)
			}
		}
		if strings.Contains(body, "512M →") {
			t.Errorf("the old plan is still there:\n%s", body)
		}
		if r.kind != "gitlab" && !strings.Contains(j.log.String(),
			"\n::error file=tree/hosts.yaml,line=16,title=") {
			t.Errorf("the line is not annotated:\n%s", &j.log)
		}
	})
}

// TestReviewThatCannotBePlanned: a base that is not there is told, too.
func TestReviewThatCannotBePlanned(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.repo.Git("-C", r.bare, "symbolic-ref", "HEAD", "refs/heads/"+hostileBranch)
		r.repo.Git("-C", r.bare, "update-ref", "-d", "refs/heads/main")
		if j := r.plan(); !j.fail {
			t.Errorf("a plan against nothing is no failure:\n%s", &j.log)
		}
		if body := r.comment(); !strings.Contains(body, "## The tree cannot be planned.") ||
			!strings.Contains(body, "origin/main") {
			t.Errorf("the comment is\n%s", body)
		}
	})
}

// TestReviewOfManyContainers: a plan that is too long for a comment is told with less detail.
func TestReviewOfManyContainers(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "    c%04d.example.com: {profile: web, memory: %dM}\n", i, 256+i)
	}
	edit := func(tree string) string { return tree + many.String() }
	eachKind(t, edit, func(t *testing.T, r *review) {
		if j := r.plan(); j.fail {
			t.Fatalf("the job fails:\n%s", &j.log)
		}
		const most = 65536
		if body := r.comment(); len(body) > most ||
			!strings.HasPrefix(body, "## Plan: 1000 to create") {
			t.Errorf("%d bytes begin with %.100q", len(body), body)
		}
	})
}

// TestReviewOfFork: without the right to comment the job still shows its plan, and succeeds.
func TestReviewOfFork(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.fork = true
		j := r.plan()
		if asked := r.forge.log(); j.fail || strings.Contains(asked, "/api/") {
			t.Errorf("failed: %v; the server was asked for:\n%s", j.fail, asked)
		}
		if !strings.Contains(j.log.String(), "512M → 1G") {
			t.Errorf("the plan is not in the log:\n%s", &j.log)
		}
		if r.kind != "gitlab" && !strings.Contains(readText(t, j.env["GITHUB_STEP_SUMMARY"]), "1G") {
			t.Error("the plan is not in the summary")
		}
	})
}

// TestReviewWithWrongToken: that the comment could not be written is not passed over.
func TestReviewWithWrongToken(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.forge.onlyRead()
		quote := "a\"\nurl = \"" + r.forge.URL + "/stolen"
		for _, token := range []string{"another", quote, ciToken} {
			j := r.job()
			r.checkout(j, r.head, "")
			env := map[string]string{"API_URL": r.forge.URL + "/api", "REPOSITORY": "o/r",
				"NUMBER": "7", "AUTHOR": ciBots[r.kind], "TOKEN": token, "PATH": j.env["PATH"],
				"CI_API_V4_URL": r.forge.URL + "/api", "CI_PROJECT_ID": "1",
				"CI_MERGE_REQUEST_IID": "7", "PLAN_TOKEN": token}
			script := "echo '<!-- reconciler-plan:lxc -->' >c.md; ci/comment c.md"
			if j.shell(script, env) {
				t.Errorf("with the token %q all is well:\n%s", token, &j.log)
			}
			if strings.Contains(r.forge.log()+j.log.String(), "stolen") {
				t.Errorf("a token became a command:\n%s\n%s", r.forge.log(), &j.log)
			}
		}
	})
}

// TestInstallChecksTheProgram: what is not the program that was named is not run.
func TestInstallChecksTheProgram(t *testing.T) {
	eachKind(t, replace("512M", "1G"), func(t *testing.T, r *review) {
		r.forge.serve([]byte("#!/bin/sh\ntouch " + r.path("pwned") + "\n"))
		if j := r.plan(); !j.fail {
			t.Errorf("another program was taken:\n%s", &j.log)
		}
		if asked := r.forge.log(); strings.Contains(asked, "/api/") {
			t.Errorf("there is nothing to comment on, but the server was asked for:\n%s", asked)
		}
	})
}

// TestInstallBuilds: where no program is named, it is built without cgo.
func TestInstallBuilds(t *testing.T) {
	t.Parallel()
	requireCI(t)
	r := newReview(t, "github")
	r.repo.Write(map[string]string{"go.mod": "module reconciler\n\ngo 1.26\n",
		"cmd/reconciler/main.go": "package main\n\nfunc main() { println(cgo) }\n",
		"cmd/reconciler/on.go":   "//go:build cgo\n\npackage main\n\nconst cgo = \"with cgo\"\n",
		"cmd/reconciler/off.go":  "//go:build !cgo\n\npackage main\n\nconst cgo = \"pure\"\n"})
	r.head = r.repo.Commit("a program")
	r.repo.Tag("v1", "v1")
	r.repo.Git("push", "--quiet", "origin", "v1")
	j := r.job()
	r.checkout(j, r.head, "")
	wrap(t, filepath.Join(r.bin, "go"), r.notes)
	env := j.env
	env["TOOL_REPOSITORY"], env["TOOL_VERSION"], env["GOPROXY"] = "file://"+r.bare, "v1", "off"
	if !j.shell(`ci/install "$RUNNER_TEMP/bin"`, env) || !strings.Contains(j.log.String(), "pure") {
		t.Errorf("it is not built:\n%s", &j.log)
	}
	if path := readText(t, env["GITHUB_PATH"]); path != env["RUNNER_TEMP"]+"/bin\n" {
		t.Errorf("the next steps look in %q", path)
	}
}

// TestExampleScripts: scripts call the program with flags that there are, jobs call scripts that
// there are, and nothing that an author writes becomes part of a script.
func TestExampleScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join(examples, "*", "ci", "*"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	used := 0
	for _, path := range scripts {
		if info, err := os.Stat(path); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be run: %v", path, err)
		}
		text := strings.ReplaceAll(readText(t, path), "\\\n", " ")
		if !strings.HasPrefix(text, "#!/bin/sh\n") || !strings.Contains(text, "\nset -eu\n") {
			t.Errorf("%s goes on after an error", path)
		}
		for line := range strings.Lines(text) {
			used += checkFlags(t, path, line)
		}
	}
	if used < 15 {
		t.Errorf("only %d flags are found: this test does not see the others", used)
	}
}

// checkFlags looks up the flags of a line that calls the program, and counts them.
func checkFlags(t *testing.T, path, line string) (n int) {
	t.Helper()
	command := "plan" // what "set --" prepares is for it
	call := regexp.MustCompile(`(?:^|\s)reconciler ([a-z]+)`).FindStringSubmatch(line)
	switch {
	case call != nil:
		command = call[1]
	case !strings.Contains(line, "set -- "):
		return 0
	}
	cmd, _, err := newRoot(&app{}).Find([]string{command})
	if err != nil {
		t.Errorf("%s: there is no command %q: %v", path, command, err)
		return 0
	}
	for _, flag := range regexp.MustCompile(`\s--([a-z][a-z-]*)`).FindAllStringSubmatch(line, -1) {
		n++
		if cmd.Flags().Lookup(flag[1]) == nil && cmd.InheritedFlags().Lookup(flag[1]) == nil {
			t.Errorf("%s: %s has no flag --%s", path, command, flag[1])
		}
	}
	return n
}
