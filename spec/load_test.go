package spec_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

const good = "targets: {h: {}}\n"

func TestWhichFilesBelongToATree(t *testing.T) {
	t.Parallel()
	fsys := tree(`
-- a.yaml --
targets: {h: {a: {}}}
-- b.yml --
targets: {h: {b: {}}}
-- sub/deep/c.yaml --
targets: {h: {c: {}}}
-- .hidden.yaml --
: this is [ no YAML
-- .git/d.yaml --
: this is [ no YAML
-- sub/.cache/e.yaml --
: this is [ no YAML
-- README.md --
: this is [ no YAML
-- f.yaml.bak --
: this is [ no YAML
-- f.age --
: this is [ no YAML
-- f.txt.age --
: this is [ no YAML
-- f.yaml.age.age --
: this is [ no YAML
-- g.json --
: this is [ no YAML
`)
	got, err := spec.Parse(fsys, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Hosts["h"].Containers); n != 3 {
		t.Errorf("got %d containers, want those of a.yaml, b.yml and sub/deep/c.yaml", n)
	}
}

func TestADirectoryMayBeNamedLikeAFile(t *testing.T) {
	t.Parallel()
	got := parse(t, "-- x.yaml/y.yaml --\ntargets: {h: {}}")
	if got.Hosts["h"].Position.File != "x.yaml/y.yaml" {
		t.Errorf("got %v", got.Hosts["h"].Position)
	}
}

// An empty source must never be taken to mean that everything shall go.
func TestEmptyTrees(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"no file", "-- README --\nx", []string{"there is no YAML file in the tree"}},
		{"empty file", "-- a.yaml --\n", []string{"the tree declares no host"}},
		{"comment", "# targets: {h: {}}", []string{"the tree declares no host"}},
		{"null document", "---\n...", []string{"the tree declares no host"}},
		{"tilde", "~", []string{"the tree declares no host"}},
		{"other sections only", "defaults: {memory: 1G}", []string{"the tree declares no host"}},
		{"targets without hosts", "targets: {}", []string{"the tree declares no host"}},
		{"targets without a value", "targets:", []string{"the tree declares no host"}},
		{"hosts without targets", "hosts: {h: {}}", []string{"the tree declares no host"}},
		{
			"host without a value",
			"targets:\n  h:\n  # c: {}",
			[]string{`a.yaml:2: targets.h: host "h" has no value | write {}`},
		},
		{
			"dotted host without a value",
			"targets.h:",
			[]string{`a.yaml:1: targets.h: host "h" has no value`},
		},
	})
}

func TestAHostWithoutContainersIsValid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"targets: {h: {}}", "targets.h: {}",
		"makina-states.cloud.lxc.vms.h: {}"} {
		h := parse(t, text).Hosts["h"]
		if h == nil || len(h.Containers) != 0 {
			t.Errorf("%s: got %+v, want a host whose containers are all orphans", text, h)
		}
	}
}

func TestSyntaxErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"tab", "targets:\n\th: {}", []string{"a.yaml:2: is not valid YAML: "}},
		{"open bracket", "a: [1, 2\nb: 3", []string{"a.yaml:1: is not valid YAML: "}},
		{
			"unknown anchor",
			"targets:\n  h:\n    c: *nobody",
			[]string{"a.yaml:3: is not valid YAML: unknown anchor 'nobody' referenced"},
		},
		{"bad indent", "targets:\n  h:\n   a: {}\n  b: {}\n c: {}", []string{"a.yaml:"}},
		{"second document", "targets: {h: {}}\n---\nx: [", []string{"a.yaml:"}},
		{
			"two files",
			"-- a.yaml --\na: [\n-- b.yaml --\ntargets: {h: {}}\n-- c.yaml --\nb: {",
			[]string{"a.yaml:", "c.yaml:"},
		},
		{"not a mapping", "- targets", []string{"a.yaml:1: a document of the tree is a list"}},
	})
}

func TestForm(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"key twice", "targets: {h: {}}\ndefaults:\n  memory: 1G\n  autostart: true\n  memory: 2G",
			[]string{`a.yaml:5: defaults: key "memory" stands twice in one mapping ` +
				`(also at a.yaml:3); keep one of them`}},
		{"container twice", "targets:\n  h:\n    c: {}\n    d: {}\n    c: {}",
			[]string{`a.yaml:5: targets.h: key "c" stands twice in one mapping (also at a.yaml:3)`}},
		{"section twice", "targets: {h: {}}\ntargets: {i: {}}",
			[]string{`a.yaml:2: key "targets" stands twice in one mapping (also at a.yaml:1)`}},
		{"key of an ignored value twice",
			"targets:\n  h:\n    c:\n      minion: {master: a, master: b}",
			[]string{`a.yaml:4: targets.h.c.minion: key "master" stands twice`}},
		{"list as key", "targets: {h: {}}\n? [a]\n: b", []string{"a.yaml:2: a key must be a word"}},
		{"null as key", "targets: {h: {~: {}}}",
			[]string{"a.yaml:1: targets.h: a key must be a word"}},
		{"alias as key", "targets: {h: {}}\ndefaults:\n  &k memory: 1G\nprofiles:\n  p: {*k : 1G}",
			[]string{"a.yaml:5: profiles.p: a key must be a word"}},
		{"merge of a text", "targets: {h: {c: {<<: x}}}",
			[]string{"a.yaml:1: targets.h.c.<<: a merge key needs a mapping or a list of mappings"}},
		{"merge of a list of texts", "targets: {h: {c: {<<: [x]}}}",
			[]string{"a.yaml:1: targets.h.c.<<: a merge key needs"}},
		{"merge key twice", "x: &x {}\ntargets: {h: {c: {<<: *x, <<: *x}}}",
			[]string{`a.yaml:2: targets.h.c: key "<<" stands twice`}},
		{"tag", "targets: {h: {c: {password: !vault x}}}",
			[]string{"a.yaml:1: targets.h.c.password: tag !vault is not supported"}},
		{"binary tag", "targets: {h: {c: {password: !!binary eA==}}}",
			[]string{"a.yaml:1: targets.h.c.password: tag !!binary is not supported"}},
	})
}

func TestBinaryFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data string
		want string
	}{
		{"NUL", "a: 1\nb: \x00\n", "b.yaml:2: is a binary file; a file of the tree is UTF-8 text"},
		{"ELF", "\x7fELF\x02\x01\x01\x00\x00", "b.yaml:1: is a binary file"},
		{"Latin-1", "a: 1\n\nb: caf\xe9\n", "b.yaml:3: is not valid UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "b.yaml:1: is a binary file"},
		{"cut off", "a: \xe2\x82", "b.yaml:1: is not valid UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := spec.Parse(fstest.MapFS{"a.yaml": {Data: []byte(good)},
				"b.yaml": {Data: []byte(tt.data)}}, spec.Options{})
			ps, _ := err.(spec.Problems)
			check(t, tt.name, ps, []string{tt.want})
		})
	}
}

func TestByteOrderMarkIsText(t *testing.T) {
	t.Parallel()
	if _, err := spec.Parse(fstest.MapFS{"a.yaml": {Data: []byte("\ufeff" + good)}},
		spec.Options{}); err != nil {
		t.Errorf("a file of a Windows editor is refused: %v", err)
	}
}

// faulty is a file system in which some paths cannot be read.
type faulty struct {
	fstest.MapFS
	open map[string]error // cannot be opened or listed
	read map[string]error // fails after some bytes
}

func (f faulty) Open(name string) (fs.File, error) {
	if err := f.open[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.MapFS.Open(name)
	if readErr := f.read[name]; readErr != nil {
		return torn{file, readErr}, err
	}
	return file, err
}

func (f faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.open[name]; err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return f.MapFS.ReadDir(name)
}

type torn struct {
	fs.File
	err error
}

func (t torn) Read([]byte) (int, error) { return 0, t.err }

func TestUnreadableSourceTouchesNothing(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"a.yaml": {Data: []byte(good)}, "b/c.yaml": {Data: []byte("x: [")},
		"d/e.yaml": {}}
	tests := []struct {
		name       string
		open, read map[string]error
		want       []string
	}{
		{
			"directory",
			map[string]error{"d": fs.ErrPermission},
			nil,
			[]string{
				"b/c.yaml:1: is not valid YAML",
				`d:1: cannot read "d": permission denied`,
			},
		},
		{
			"file",
			map[string]error{"d/e.yaml": fs.ErrPermission},
			nil,
			[]string{
				"b/c.yaml:1:",
				`d/e.yaml:1: cannot open "d/e.yaml": permission denied`,
			},
		},
		{
			"half a file",
			nil,
			map[string]error{"a.yaml": syscall.EIO},
			[]string{
				`a.yaml:1: cannot read "a.yaml": input/output error`,
				"b/c.yaml:1:",
			},
		},
		{
			"root",
			map[string]error{".": syscall.EIO},
			nil,
			[]string{`.:1: cannot read ".": input/output error`},
		},
		{"all at once", map[string]error{"a.yaml": syscall.EIO, "d": syscall.EACCES},
			map[string]error{"b/c.yaml": errors.New("torn")}, []string{
				`a.yaml:1: cannot open "a.yaml": input/output error`,
				`b/c.yaml:1: cannot read "b/c.yaml": torn`,
				`d:1: cannot read "d": permission denied`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			docs, err := spec.Load(faulty{files, tt.open, tt.read}, spec.Options{})
			if docs != nil {
				t.Error("documents came with an error")
			}
			ps, _ := err.(spec.Problems)
			check(t, tt.name, ps, tt.want)
		})
	}
}

func TestLinksAndDevicesAreRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{fs.ModeSymlink, fs.ModeNamedPipe, fs.ModeDevice,
		fs.ModeSocket} {
		_, err := spec.Load(fstest.MapFS{"a.yaml": {Data: []byte(good)},
			"b.yaml": {Mode: mode | 0o644}}, spec.Options{})
		ps, _ := err.(spec.Problems)
		check(t, mode.String(), ps, []string{"b.yaml:1: is not a regular file"})
	}
}

// A size that the file system does not tell must not help to get past the limit.
func TestAFileThatGrowsIsRefused(t *testing.T) {
	_, err := spec.Load(growing{tree(good)}, spec.Options{})
	ps, _ := err.(spec.Problems)
	check(t, "a file without end", ps, []string{"a.yaml:1: has more than 16 MiB"})
}

type growing struct{ fstest.MapFS }

func (g growing) Open(name string) (fs.File, error) {
	f, err := g.MapFS.Open(name)
	if strings.HasSuffix(name, ".yaml") {
		return endless{f}, err
	}
	return f, err
}

type endless struct{ fs.File }

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestDocumentsCanBeBuiltOften(t *testing.T) {
	t.Parallel()
	docs, err := spec.Load(tree("targets: {h: {c: {mode: salt}}}"), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for range 4 {
		go func() {
			got, err := docs.Tree()
			if err != nil || len(got.Warnings) != 1 {
				done <- "the tree differs"
				return
			}
			if _, ok := got.Settings("h", "c"); !ok {
				done <- "no settings"
				return
			}
			done <- ""
		}()
	}
	for range 4 {
		if s := <-done; s != "" {
			t.Error(s)
		}
	}
}
