package source

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

// write makes files below a new directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func fetchDir(ctx context.Context, dir string) (fs.FS, string, error) {
	got, err := Dir{Path: dir}.Fetch(ctx)
	return got.Files, got.Revision.ID, err
}

func mustFetch(t *testing.T, dir string) (fs.FS, string) {
	t.Helper()
	fsys, revision, err := fetchDir(t.Context(), dir)
	if err != nil {
		t.Fatalf("a readable directory is refused: %v", err)
	}
	return fsys, revision
}

// wantError asserts that nothing is returned and that the error names what is wrong.
func wantError(t *testing.T, fsys fs.FS, revision string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("an incomplete source was taken for complete; want an error with %q", want)
	}
	if fsys != nil || revision != "" {
		t.Errorf("a tree came with the error: %v, %q", fsys, revision)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error does not say %q:\n%v", w, err)
		}
	}
}

func TestFetchTakesYAMLOnly(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"a.yaml":            "a: 1",
		"sub/deep/b.yml":    "b: 2",
		"README.md":         "no",
		"sub/notes.txt":     "no",
		".hidden.yaml":      "no",
		".git/config.yaml":  "no",
		"sub/.x/c.yaml":     "no",
		"empty/placeholder": "no",
	})
	fsys, _ := mustFetch(t, dir)
	var got []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a.yaml sub/deep/b.yml"; strings.Join(got, " ") != want {
		t.Errorf("got files %q, want %q", got, want)
	}
}

func TestFetchIsAFileSystem(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": "a: 1", "b/c.yaml": "", "b/d/e.yml": "x",
		"b/d/f.yml": "y", "z.yaml": "z"})
	fsys, _ := mustFetch(t, dir)
	if err := fstest.TestFS(fsys, "a.yaml", "b/c.yaml", "b/d/e.yml", "b/d/f.yml",
		"z.yaml"); err != nil {
		t.Error(err)
	}
}

func TestFetchOfAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	fsys, _ := mustFetch(t, t.TempDir())
	if err := fstest.TestFS(fsys); err != nil {
		t.Error(err)
	}
	if _, err := spec.Parse(fsys, spec.Options{}); err == nil {
		t.Error("an empty directory became a tree: everything would be an orphan")
	}
}

func TestFetchDoesNotChangeAfterwards(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": "before"})
	fsys, _ := mustFetch(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("after"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.yaml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(fsys, "a.yaml")
	if err != nil || string(data) != "before" {
		t.Errorf("a running pass sees later writes: %q, %v", data, err)
	}
	if _, err := fs.Stat(fsys, "b.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a running pass sees later files: %v", err)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	base := map[string]string{"a.yaml": "x", "b/c.yaml": "y"}
	_, want := mustFetch(t, write(t, base))
	if !strings.HasPrefix(want, "dir:") || len(want) != len("dir:")+shownDigits {
		t.Errorf("revision %q has another form", want)
	}
	tests := []struct {
		name  string
		files map[string]string
		same  bool
	}{
		{"same content in another place", base, true},
		{"a file that does not count",
			map[string]string{"a.yaml": "x", "b/c.yaml": "y", "d.txt": "z"}, true},
		{"other content", map[string]string{"a.yaml": "x", "b/c.yaml": "Y"}, false},
		{"other name", map[string]string{"a.yaml": "x", "b/d.yaml": "y"}, false},
		{"one file more", map[string]string{"a.yaml": "x", "b/c.yaml": "y", "e.yaml": ""}, false},
		{"contents swapped", map[string]string{"a.yaml": "y", "b/c.yaml": "x"}, false},
		{"border moved", map[string]string{"a.yaml": "", "b/c.yaml": "xy"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := mustFetch(t, write(t, tt.files))
			if (got == want) != tt.same {
				t.Errorf("revision %s beside %s: want same=%v", got, want, tt.same)
			}
		})
	}
}

func TestFetchRefusesAddresses(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"https://example.net/x.git", "ssh://git@example.net/x",
		"git@example.net:x/y.git", "file:///srv/tree"} {
		fsys, revision, err := fetchDir(t.Context(), p)
		wantError(t, fsys, revision, err, p, "it is an address")
	}
}

func TestIsURL(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]bool{
		"tree": false, "./a@b": false, "/srv/a:b": false, "a:b": false, "dir/u@h:x": false,
		"u@h:x": true, "https://h": true, "git@h:a/b": true, "@h:x": false, "": false,
	} {
		if got := IsURL(p); got != want {
			t.Errorf("IsURL(%q) = %v, want %v", p, got, want)
		}
	}
}

func TestFetchOfWhatIsNoDirectory(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": ""})
	fsys, revision, err := fetchDir(t.Context(), filepath.Join(dir, "gone"))
	wantError(t, fsys, revision, err, "cannot open directory", "gone", "no such file")
	fsys, revision, err = fetchDir(t.Context(), filepath.Join(dir, "a.yaml"))
	wantError(t, fsys, revision, err, "cannot open directory", "a.yaml", "not a directory")
}

func TestFetchFollowsLinksInside(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"..data/real.yaml": "a: 1", ".v/x.yaml": "b: 2"})
	for link, to := range map[string]string{"a.yaml": "..data/real.yaml", "b.yaml": ".v/x.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	fsys, _ := mustFetch(t, dir)
	for name, want := range map[string]string{"a.yaml": "a: 1", "b.yaml": "b: 2"} {
		if got, err := fs.ReadFile(fsys, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q (config maps are made of such links)", name, got, err, want)
		}
	}
}

func TestFetchRefusesLinks(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"secret.yaml": "password: x", "sub/x.yaml": ""})
	tests := []struct{ name, link, to, want string }{
		{"to a file outside", "a.yaml", filepath.Join(outside, "secret.yaml"), "escapes"},
		{"upwards", "a.yaml", "../../etc/passwd", "escapes"},
		{"to nothing", "a.yaml", "gone.yaml", "no such file"},
		{"to a directory outside", "more", outside, "escapes"},
		{"to a directory inside", "again", "dir", "leads to a directory"},
		{"to itself", "loop.yaml", "loop.yaml", "too many"},
		{"to a device", "null.yaml", "/dev/null", "escapes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"dir/ok.yaml": "", "z.yaml": ""})
			if err := os.Symlink(tt.to, filepath.Join(dir, tt.link)); err != nil {
				t.Fatal(err)
			}
			fsys, revision, err := fetchDir(t.Context(), dir)
			wantError(t, fsys, revision, err, tt.link+":1", tt.want)
			if strings.Contains(err.Error(), "password") {
				t.Errorf("content from outside is in the error: %v", err)
			}
		})
	}
}

func TestFetchIgnoresHarmlessLinks(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": "", "text": "x"})
	if err := os.Symlink("text", filepath.Join(dir, "README")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(dir, ".hidden")); err != nil {
		t.Fatal(err)
	}
	fsys, _ := mustFetch(t, dir)
	if entries, err := fs.ReadDir(fsys, "."); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v; want only a.yaml", entries, err)
	}
}

func TestFetchRefusesSpecialFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": "", "hole/x": ""})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "sock.yml"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := os.Symlink("pipe.yaml", filepath.Join(dir, "topipe.yaml")); err != nil {
		t.Fatal(err)
	}
	fsys, revision, err := fetchDir(t.Context(), dir)
	wantError(t, fsys, revision, err, `"pipe.yaml": it is a FIFO`, `"sock.yml": it is a socket`,
		`"topipe.yaml": it leads to a FIFO`)
	var ps spec.Problems
	if !errors.As(err, &ps) || len(ps) != 3 {
		t.Errorf("want all three problems at once, got %v", err)
	}
}

func TestFetchNamesEveryUnreadablePlace(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything: TestFetchOfABrokenSource covers it with a fake")
	}
	dir := write(t, map[string]string{"a.yaml": "", "sub/b.yaml": ""})
	for _, p := range []string{"a.yaml", "sub"} {
		if err := os.Chmod(filepath.Join(dir, p), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "sub"), 0o755) })
	fsys, revision, err := fetchDir(t.Context(), dir)
	wantError(t, fsys, revision, err, `cannot read "a.yaml": permission denied`,
		`cannot read "sub": permission denied`)
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("asked to stop")
	cancel(why)
	fsys, revision, err := fetchDir(ctx, write(t, map[string]string{"a.yaml": ""}))
	wantError(t, fsys, revision, err, "asked to stop")
	if !errors.Is(err, why) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestFetchedTreeParses(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"hosts/one.yaml": "targets.one.example.net: {web: {ip: 10.5.0.9}}",
		"two.yml":        "targets: {two.example.net: {}}",
	})
	fsys, _ := mustFetch(t, dir)
	tree, err := spec.Parse(fsys, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := tree.Hosts["one.example.net"].Containers["web"]
	if c.Position.File != "hosts/one.yaml" || len(tree.Hosts) != 2 {
		t.Errorf("got %v on %d hosts; positions must be relative to the directory", c.Position,
			len(tree.Hosts))
	}
}
