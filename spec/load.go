package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Options is what a tree depends on besides its files.
type Options struct {
	Hostname string // name of this machine: a host of this name is local; empty: only localhost is
	FullName string // the same with its domain; may be empty

	// Decrypter opens what is encrypted. Without (nil) a tree can still be read: what is
	// encrypted is unknown then, and Tree.Locked says where it is.
	Decrypter Decrypter
}

// Documents are the YAML documents of a tree, readable and well-formed, but not yet judged.
// They are read-only: Tree may be called often and from several goroutines.
type Documents struct {
	docs     []document
	opts     Options
	vault    *vault
	warnings []Problem
}

// document is one YAML document; root is its outermost node.
type document struct {
	file   string
	root   *yaml.Node
	sealed bool // the file is encrypted as a whole
}

// Parse reads, merges, completes and validates the tree below the root of fsys. The error is of
// type Problems and names everything that is wrong with the files or, if they can be read, with
// what they say.
func Parse(fsys fs.FS, o Options) (*Tree, error) {
	docs, err := Load(fsys, o)
	if err != nil {
		return nil, err
	}
	return docs.Tree()
}

// Load reads every *.yaml and *.yml file below the root of fsys, and those that age encrypted
// (*.yaml.age, *.yml.age), except hidden files and directories, in the order of their paths. One
// file or directory that cannot be read completely makes it fail. The error is of type Problems and
// names every such file.
func Load(fsys fs.FS, o Options) (*Documents, error) {
	l := &loader{fsys: fsys, keys: o.Decrypter, vault: &vault{}}
	// The error can only be the one that visit returned: a limit, which is a problem by then.
	_ = fs.WalkDir(fsys, ".", l.visit)
	if l.files == 0 && len(l.sink.problems) == 0 {
		l.sink.fail(Problem{Text: "there is no YAML file in the tree",
			Hint: "write at least one, such as targets.yaml with targets: {HOST: {}}"})
	}
	if err := l.sink.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(l.vault.locked, comparePositions)
	return &Documents{docs: l.docs, opts: o, vault: l.vault,
		warnings: slices.Clip(l.sink.warnings)}, nil
}

// loader collects documents and problems while it walks the files.
type loader struct {
	fsys    fs.FS
	keys    Decrypter
	vault   *vault
	docs    []document
	sink    sink
	entries int
	files   int
	bytes   int64
	nodes   int
}

// visit is called for every file and directory; an error from it ends the walk.
func (l *loader) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		l.failFile(name, fmt.Sprintf("cannot read %q: %s", name, cause(err)), "")
		return nil
	}
	if l.entries++; l.entries > MaxEntries {
		return l.stop(name, fmt.Sprintf("more than %d files and directories", MaxEntries))
	}
	if name != "." && Hidden(name) {
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if d.IsDir() || !IsYAML(name) {
		return nil
	}
	if !d.Type().IsRegular() {
		l.failFile(name, "is not a regular file", "put the file itself here")
		return nil
	}
	if l.files++; l.files > MaxFiles {
		return l.stop(name, fmt.Sprintf("more than %d YAML files", MaxFiles))
	}
	return l.file(name)
}

// file reads one file; the error says that the walk must end.
func (l *loader) file(name string) error {
	data, err := l.read(name)
	if err != nil {
		l.failFile(name, err.Error(), "")
		return nil
	}
	if l.bytes += int64(len(data)); l.bytes > MaxTotalSize {
		return l.stop(name, fmt.Sprintf("the YAML files have more than %d MiB together",
			MaxTotalSize>>20))
	}
	if isSealed(name) {
		if data = l.unseal(name, data); data == nil {
			return nil
		}
	}
	if line, what := notText(data); what != "" {
		l.sink.fail(Problem{Position: Position{File: name, Line: line}, Text: what,
			Hint: "a file of the tree is UTF-8 text"})
		return nil
	}
	if l.nodes += structure(data); l.nodes > MaxNodes {
		return l.stop(name, fmt.Sprintf("the YAML files have more than %d nodes", MaxNodes))
	}
	before := len(l.sink.problems)
	docs, found := l.decode(name, data)
	if len(l.sink.problems) == before {
		l.reveal(name, docs, found)
	}
	l.docs = append(l.docs, docs...)
	return nil
}

func (l *loader) read(name string) ([]byte, error) {
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", name, cause(err))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", name, cause(err))
	}
	tooLarge := fmt.Errorf("has more than %d MiB", MaxFileSize>>20)
	if info.Size() > MaxFileSize {
		return nil, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, cause(err))
	}
	if len(data) > MaxFileSize {
		return nil, tooLarge
	}
	return data, nil
}

func (l *loader) failFile(name, text, hint string) {
	l.sink.fail(Problem{Position: Position{File: name, Line: 1}, Text: text, Hint: hint})
}

// stop records a problem that makes going on pointless.
func (l *loader) stop(name, text string) error {
	l.failFile(name, text, "is this the right directory?")
	return fs.SkipAll
}

// IsYAML reports whether a file of this name belongs to a tree: YAML, perhaps encrypted by age.
func IsYAML(name string) bool {
	ext := path.Ext(strings.TrimSuffix(name, ".age"))
	return ext == ".yaml" || ext == ".yml"
}

// Hidden reports whether a file or directory of this path is left out of a tree: its last
// element begins with a dot.
func Hidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// notText says on which line data stops being text, and why; what is empty for text.
func notText(data []byte) (line int, what string) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return 1 + bytes.Count(data[:i], []byte("\n")), "is a binary file"
	}
	if utf8.Valid(data) {
		return 0, ""
	}
	rest, line := data, 1
	for len(rest) > 0 {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		rest = rest[size:]
	}
	return line, "is not valid UTF-8"
}

// structure estimates the number of YAML nodes in data without parsing it: the parser
// cannot be stopped half-way, and needs 200 bytes for a node that takes two bytes in the file.
func structure(data []byte) int {
	count := 1
	for i, c := range data {
		switch c {
		case ',', '[', '{', '\n':
			count++
		case ':', '-', '?':
			if i+1 == len(data) || data[i+1] <= ' ' || bytes.IndexByte([]byte(`"'[{`), data[i+1]) >= 0 {
				count++
			}
		}
	}
	return count
}

// cause is the reason of an error without the path, which the problem names already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
