package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"reconciler/spec"
	"reconciler/state"
)

func TestOpenKeyMakesOne(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "sub", "key")
	s, err := state.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (error %v)", p, info.Mode(), want, err)
		}
	}
	again, err := state.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open("u", seal(t, s, "u", "secret")); err != nil {
		t.Errorf("the second run has another key, all passwords are lost: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("making the key left files behind: %v, error %v", entries, err)
	}
}

func TestReadKeyMakesNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := state.ReadKey(filepath.Join(dir, "sub", "key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing key is not told as such: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("a plan made files: %v, error %v", entries, err)
	}
}

func TestOpenKeyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sub", "key")
	const starters = 16
	tags := make([]string, starters)
	var wg sync.WaitGroup
	for i := range starters {
		wg.Go(func() {
			s, err := state.OpenKey(path)
			if err != nil {
				t.Errorf("one of several runs that start at once failed: %v", err)
				return
			}
			tags[i] = s.Fingerprint("u", spec.NewSecret("x"))
		})
	}
	wg.Wait()
	for _, tag := range tags {
		if tag != tags[0] {
			t.Fatal("two runs that started at once have different keys")
		}
	}
}

func TestKeyThatOthersCanRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if _, err := state.OpenKey(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := state.OpenKey(path)
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %v: the error does not say what to do: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := state.OpenKey(path); err != nil {
		t.Errorf("a key that is stricter than needed is refused: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const mistyped = "AGE-SECRET-KEY-1QQQQQQQQ"
	path := filepath.Join(dir, "good")
	if _, err := state.OpenKey(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "mistyped": mistyped, "two": string(good) + string(good),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := state.OpenKey(path)
		if err == nil || !strings.Contains(err.Error(), path) ||
			strings.Contains(err.Error(), "QQQ") {
			t.Errorf("%s: the error must name the file and not quote it: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != content {
			t.Errorf("%s: the file was overwritten (error %v)", name, err)
		}
	}
	if _, err := state.OpenKey(dir); err == nil {
		t.Error("a directory was taken for a key")
	}
	if _, err := state.OpenKey(filepath.Join(path, "below")); err == nil {
		t.Error("a key was made below a file")
	}
}
