package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Drift says what becomes of drift: differences that no change of the tree explains.
type Drift uint8

// The values of Drift.
const (
	DriftCorrect Drift = iota // made as declared
	DriftReport               // listed and left as it is
	DriftIgnore               // left as it is
)

// String returns the word of the tree.
func (d Drift) String() string { return driftNames()[d] }

func driftNames() []string { return []string{"correct", "report", "ignore"} }

func setDrift(c *cursor, n *yaml.Node) {
	s, ok := c.text(n)
	if !ok {
		return
	}
	i := slices.Index(driftNames(), s)
	if i < 0 {
		c.fail(n, c.quote(s)+" is not a value of drift", didYouMean(s, driftNames(),
			"write one of "+strings.Join(driftNames(), ", ")))
		return
	}
	c.d.Drift = Drift(i)
	c.set(n)
}

// setWindows reads a list whose order means nothing.
func setWindows(c *cursor, n *yaml.Node) {
	var windows []Window
	_, ok := c.texts(n, func(s string) (text, wrong, hint string) {
		w, wrong, hint := parseWindow(s)
		if wrong == "" {
			windows = append(windows, w)
		}
		return s, wrong, hint
	})
	if !ok {
		return
	}
	slices.SortFunc(windows, func(a, b Window) int { return strings.Compare(a.String(), b.String()) })
	c.d.Windows = slices.CompactFunc(windows, Window.Equal)
	c.set(n)
}

func windowsText(windows []Window) string {
	texts := make([]string, len(windows))
	for i, w := range windows {
		texts[i] = w.String()
	}
	return strings.Join(texts, "; ")
}
