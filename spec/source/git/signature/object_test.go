package signature

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/spec/source/git/gittest"
)

// commitText is a commit without parents whose committer gave that date.
func commitText(date time.Time) string {
	who := fmt.Sprintf("Ann Author <ann@example.com> %d +0000", date.Unix())
	return "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor " + who + "\ncommitter " + who +
		"\n\nmessage\n"
}

// signed puts a signature into the header of a commit, as git does.
func signed(payload, sig string) string {
	head, message, _ := strings.Cut(payload, "\n\n")
	return head + "\ngpgsig " + strings.ReplaceAll(strings.TrimSpace(sig), "\n", "\n ") +
		"\n\n" + message
}

// split takes the signature out of a commit or tag as git stores it.
func split(object string) (payload, sig string) {
	if strings.HasPrefix(object, "object ") {
		start := strings.Index(object, "-----BEGIN ")
		return object[:start], object[start:]
	}
	head, message, _ := strings.Cut(object, "\n\n")
	inside := false
	for line := range strings.Lines(head + "\n") {
		text, first := strings.CutPrefix(line, "gpgsig ")
		inside = first || inside && strings.HasPrefix(line, " ")
		if inside {
			sig += strings.TrimPrefix(text, " ")
			continue
		}
		payload += line
	}
	return payload + "\n" + message, sig
}

// content is an object exactly as git stores it.
func content(t testing.TB, r *gittest.Repo, hash string) string {
	t.Helper()
	kind := r.Git("cat-file", "-t", hash)
	out, err := exec.Command("git", "-C", r.Dir, "cat-file", kind, hash).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// gitAccepts asks git for its verdict on a commit.
func gitAccepts(t testing.TB, r *gittest.Repo, object string, config ...string) bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "commit")
	write(t, file, object)
	hash := r.Git("hash-object", "-t", "commit", "-w", file)
	_, err := r.Try(append(config, "verify-commit", hash)...)
	return err == nil
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// load makes Keys of one text.
func load(t testing.TB, text string) *Keys {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	write(t, file, text)
	k, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// check compares a verdict with the wanted one; nil stands for a good signature.
func check(t testing.TB, signer string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (err == nil) != (signer != "") {
		t.Errorf("the verdict is %q, %v; want %v", signer, err, want)
	}
}
