package report

import "math"

// section is a part of a page that can be told in several levels of detail.
type section struct {
	n      int           // how much it has to tell; 0: it is left out
	levels []func(*page) // from the most detailed
	keep   int           // below this level only if nothing else helps; 0: any level will do
	floor  int           // the best level that is tried
	level  int           // the one chosen
	texts  map[int]text  // the levels written so far
}

// text is a section at one level.
type text struct {
	b    []byte
	over bool // it alone is above the budget
}

// compose returns the page with as much detail as the budget allows, and whether it fits at all.
func compose(sections []*section, budget int) ([]byte, bool) {
	for !squeeze(sections, budget) {
		s := longest(sections, func(s *section) bool {
			return s.keep > 0 && s.keep < len(s.levels)-1
		})
		if s == nil {
			return nil, false
		}
		s.keep++
		s.floor = s.keep
	}
	var all []byte
	for _, s := range sections {
		all = append(all, s.texts[s.level].b...)
	}
	return all, true
}

// squeeze takes detail from the longest section until all fit, and reports whether they do.
func squeeze(sections []*section, budget int) bool {
	for _, s := range sections {
		s.level = s.floor
	}
	for total(sections, budget) > budget {
		s := longest(sections, func(s *section) bool { return s.level < s.least() })
		if s == nil {
			return false
		}
		s.level++
	}
	return true
}

func (s *section) least() int {
	if s.keep > 0 {
		return s.keep
	}
	return len(s.levels) - 1
}

// total writes what is not written yet and returns the bytes of the page.
func total(sections []*section, budget int) int {
	sum := 0
	for _, s := range sections {
		sum += s.weight(budget)
	}
	return sum
}

// weight returns the bytes of the section at its level, more than the budget if it is over.
func (s *section) weight(budget int) int {
	t, written := s.texts[s.level]
	if !written {
		p := page{limit: budget}
		s.levels[s.level](&p)
		t = text{p.b, p.over}
		if s.texts == nil {
			s.texts = map[int]text{}
		}
		s.texts[s.level] = t
	}
	if t.over {
		return budget + 1
	}
	return len(t.b)
}

// longest returns the longest of the sections that can lose detail, nil for none.
func longest(sections []*section, can func(*section) bool) *section {
	var worst *section
	size := func(s *section) int {
		if t := s.texts[s.level]; !t.over {
			return len(t.b)
		}
		return math.MaxInt
	}
	for _, s := range sections {
		if can(s) && (worst == nil || size(s) > size(worst)) {
			worst = s
		}
	}
	return worst
}
