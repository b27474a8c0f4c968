package spec

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// sink collects problems and warnings. One cause is kept once, however many containers it hits.
type sink struct {
	problems []Problem
	warnings []Problem
	seen     map[seenKey]struct{}
}

type seenKey struct {
	at   Position
	text string
}

func (s *sink) fail(p Problem) { s.problems = s.add(s.problems, p, MaxProblems, "problems") }

func (s *sink) warn(p Problem) { s.warnings = s.add(s.warnings, p, MaxWarnings, "warnings") }

// add returns the list with p, unless it is there already or the list has the most that it may
// have.
func (s *sink) add(list []Problem, p Problem, most int, what string) []Problem {
	switch {
	case len(list) > most:
		return list
	case len(list) == most:
		return append(list, Problem{
			Text: fmt.Sprintf("there are more than %d %s; these are some of them", most, what)})
	case s.first(p):
		return append(list, p)
	}
	return list
}

func (s *sink) first(p Problem) bool {
	k := seenKey{p.Position, p.Text}
	if _, ok := s.seen[k]; ok {
		return false
	}
	if s.seen == nil {
		s.seen = map[seenKey]struct{}{}
	}
	s.seen[k] = struct{}{}
	return true
}

// err returns the problems in file order, or nil.
func (s *sink) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	return Problems(inFileOrder(s.problems))
}

func inFileOrder(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(comparePositions(a.Position, b.Position),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
	return ps
}

func comparePositions(a, b Position) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column))
}

// shorten keeps an error readable when the value it quotes is not.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
