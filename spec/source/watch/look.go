package watch

import (
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"

	"reconciler/spec"
)

// look walks the tree, makes sure that all its directories and those on the way to it are watched,
// and reports whether the tree differs from the last look.
//
// Every directory is watched before it is read. So what appears in it is either seen or told.
func (w *Watcher) look() bool {
	w.align()
	l := &walk{w: w, view: newView(), watched: map[string]bool{}}
	l.hash.SetSeed(w.seed)
	volume := filepath.VolumeName(w.path) + string(filepath.Separator)
	if root := l.follow(volume, w.path[len(volume):], volume); root != "" {
		l.root = root
		l.directory(root)
	}
	for dir := range w.watched {
		if !l.watched[dir] && w.kernel != nil {
			w.drop(dir)
		}
	}
	w.publish(l.view)
	before := w.digest
	w.digest = l.hash.Sum64()
	return w.digest != before
}

// publish lets events be judged by a view.
func (w *Watcher) publish(v *view) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.view = v
}

// walk is one look.
type walk struct {
	w       *Watcher
	root    string // absolute, without links; empty while the way to it is walked
	view    *view
	hash    maphash.Hash
	watched map[string]bool
	entries int
}

// fact is what of one entry shows that it was changed.
type fact struct {
	path    string
	mode    fs.FileMode
	id      identity
	size    int64
	changed int64 // unix nanoseconds
	text    string
}

func (l *walk) note(f fact) { maphash.WriteComparable(&l.hash, f) }

// noteFile takes a file, also what a link stands for.
func (l *walk) noteFile(path string, info fs.FileInfo) {
	l.note(fact{path: path, mode: info.Mode(), id: identityOf(info), size: info.Size(),
		changed: info.ModTime().UnixNano()})
}

// noteDirectory leaves size and time out: what is in it may not concern the tree.
func (l *walk) noteDirectory(path string, info fs.FileInfo) {
	l.note(fact{path: path, mode: info.Mode(), id: identityOf(info)})
}

func (l *walk) noteError(path string, err error) { l.note(fact{path: path, text: err.Error()}) }

// watch watches a directory, if there is one.
func (l *walk) watch(dir string) {
	if l.watched[dir] || l.w.kernel == nil {
		return
	}
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		l.watched[dir] = true
		l.w.keep(dir, identityOf(info))
	}
}

// directory walks a directory of the tree. One that holds more than a tree may is not walked to
// its end, since it will be refused.
func (l *walk) directory(dir string) {
	l.view.tree[dir] = true
	l.watch(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.noteError(dir, err)
	}
	for _, e := range entries {
		if l.entries++; l.entries > spec.MaxEntries || l.w.isClosed() {
			return
		}
		l.entry(filepath.Join(dir, e.Name()), e)
	}
}

func (l *walk) entry(path string, e fs.DirEntry) {
	name, link := e.Name(), isLink(e.Type())
	if spec.Hidden(name) && (name != dataLink || !link) || !e.IsDir() && !link && !isFile(name) {
		return
	}
	info, err := e.Info()
	switch {
	case err != nil:
		l.noteError(path, err)
	case info.IsDir():
		l.noteDirectory(path, info)
		l.directory(path)
	case isLink(info.Mode()):
		l.link(path)
	default:
		l.noteFile(path, info)
	}
}

// link takes a link in the tree, with the file that it stands for.
func (l *walk) link(path string) {
	l.follow(filepath.Dir(path), filepath.Base(path), l.root)
	if info, err := os.Stat(path); err != nil {
		l.noteError(path, err)
	} else if !info.IsDir() {
		l.noteFile(path, info)
	}
}
