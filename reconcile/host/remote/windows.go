package remote

import (
	"fmt"

	"reconciler/spec"
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

// windowOf reads one window; without a text it is the one that is never open.
func windowOf(text string) (spec.Window, error) {
	if text == "" {
		return spec.Window{}, nil
	}
	w, err := spec.ParseWindow(text)
	if err != nil {
		return spec.Window{}, err
	}
	if w.String() != text {
		return spec.Window{}, fmt.Errorf("window %q is not written as %q", text, w)
	}
	return w, nil
}
