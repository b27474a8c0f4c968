package remote

import (
	"encoding/json"
	"fmt"

	"reconciler/spec"
	"reconciler/spec/source/memfs"
)

// windowsOf reads windows by their canonical texts.
func windowsOf(texts []string) ([]spec.Window, error) {
	var windows []spec.Window
	for _, text := range texts {
		w, err := windowOf(text)
		if err != nil {
			return nil, err
		}
		windows = append(windows, w)
	}
	return windows, nil
}

// windowOf reads one window. Package spec reads windows as settings of a tree only, so this is the
// smallest tree that has one.
func windowOf(text string) (spec.Window, error) {
	if text == "" {
		return spec.Window{}, nil
	}
	quoted, err := json.Marshal(text) // what is quoted in JSON is so in YAML
	if err != nil {
		return spec.Window{}, err
	}
	files := memfs.New()
	files.Add("tree.yaml", fmt.Appendf(nil, "targets: {h: {c: {windows: [%s]}}}", quoted))
	tree, err := spec.Parse(files, spec.Options{})
	if err == nil {
		read := tree.Hosts["h"].Containers["c"].Windows
		if len(read) == 1 && read[0].String() == text {
			return read[0], nil
		}
	}
	return spec.Window{}, fmt.Errorf("%q is not a window", text)
}
