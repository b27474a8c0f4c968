package spec

import "slices"

// Nearest returns the candidate that word most probably meant, or "" if none is close: at most
// one edit in three letters, and not all of them.
func Nearest(word string, candidates []string) string {
	best, distance := "", len(word)/3+1
	if len(word) > 64 {
		return ""
	}
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := edits(word, c)
		if d < len(word) && (d < distance || d == distance && best == "") {
			best, distance = c, d
		}
	}
	return best
}

// didYouMean is a hint with the nearest candidate, or the given hint if there is none.
func didYouMean(word string, candidates []string, otherwise string) string {
	if c := Nearest(word, candidates); c != "" {
		return "did you mean \"" + c + "\"?"
	}
	return otherwise
}

// edits is the number of letters to insert, delete, replace or swap with the next one to turn a
// into b (optimal string alignment distance).
func edits(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
