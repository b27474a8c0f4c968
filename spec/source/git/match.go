package git

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

// maxEdits is how many lines may have come or gone for the quick way to find what is the same.
const maxEdits = 200

// maxPairs is how many pairs of equal lines are weighed up. Beyond, the lines that are repeated
// most are matched with what is left.
const maxPairs = 1 << 20

// match finds the lines that two versions have in common, in order, and as many as possible. It
// returns for each line of the later one its number in the earlier one, or -1.
func match(then, now []string) []int {
	to := make([]int, len(now))
	for i := range to {
		to[i] = -1
	}
	head, tail := 0, 0
	for head < min(len(then), len(now)) && then[head] == now[head] {
		to[head] = head
		head++
	}
	for tail < min(len(then), len(now))-head &&
		then[len(then)-1-tail] == now[len(now)-1-tail] {
		tail++
		to[len(now)-tail] = len(then) - tail
	}
	m := matcher{then: then[head : len(then)-tail], now: now[head : len(now)-tail]}
	pairs, found := m.trail()
	if !found {
		pairs = m.chain()
	}
	for _, p := range pairs {
		to[head+p.now] = head + p.then
	}
	if m.spared {
		fill(then, now, to)
	}
	return to
}

// matcher compares what is between the lines that are the same at both ends.
type matcher struct {
	then, now []string
	spared    bool // not all pairs of equal lines were weighed up
}

// pair is a line that both versions have.
type pair struct{ then, now int }

// trail finds the longest chain of pairs where few lines differ (Myers 1986, "An O(ND) difference
// algorithm", section 2).
func (m *matcher) trail() (out []pair, found bool) {
	var rows []furthest
	for edits := range maxEdits {
		row := make(furthest, 2*edits+1)
		for k := -edits; k <= edits; k += 2 {
			at := 0
			if edits > 0 {
				at, _ = rows[edits-1].next(k)
			}
			for at < len(m.then) && at-k < len(m.now) && m.then[at] == m.now[at-k] {
				at++
			}
			row[k+edits] = at
			if at >= len(m.then) && at-k >= len(m.now) {
				return retrace(append(rows, row), k), true
			}
		}
		rows = append(rows, row)
	}
	return nil, false
}

// furthest is how many lines of then can be behind us after a number of edits, if k more of them
// have gone than lines have come. With n edits, k of -n is the first.
type furthest []int

// next goes on with one edit more, to k: one line has gone, or one has come.
func (f furthest) next(k int) (at, from int) {
	edits := len(f) / 2
	if k < -edits || k <= edits && f[k-1+edits] < f[k+1+edits] {
		return f[k+1+edits], k + 1
	}
	return f[k-1+edits] + 1, k - 1
}

// retrace goes back to the beginning and lists the pairs on the way.
func retrace(rows []furthest, k int) (out []pair) {
	for edits := len(rows) - 1; edits >= 0; edits-- {
		start, from := 0, 0
		if edits > 0 {
			start, from = rows[edits-1].next(k)
		}
		for at := rows[edits][k+edits] - 1; at >= start; at-- {
			out = append(out, pair{at, at - k})
		}
		k = from
	}
	return out
}

// chain finds the longest chain of pairs that grows in both versions (Hunt and Szymanski 1977, "A
// fast algorithm for computing longest common subsequences").
func (m *matcher) chain() []pair {
	type link struct {
		pair
		before int // index of the link, -1 for none
	}
	var links []link
	var ends []int // ends[n]: the link that ends a chain of n+1 pairs earliest in then
	places := m.places()
	for i, line := range m.now {
		// Backwards, so that no chain uses this line twice.
		for _, at := range slices.Backward(places[line]) {
			n := sort.Search(len(ends), func(n int) bool { return links[ends[n]].then >= at })
			if n < len(ends) && links[ends[n]].then == at {
				continue
			}
			before := -1
			if n > 0 {
				before = ends[n-1]
			}
			if n == len(ends) {
				ends = append(ends, 0)
			}
			ends[n] = len(links)
			links = append(links, link{pair{at, i}, before})
		}
	}
	out := make([]pair, 0, len(ends))
	if len(ends) > 0 {
		for at := ends[len(ends)-1]; at >= 0; at = links[at].before {
			out = append(out, links[at].pair)
		}
	}
	return out
}

// places says where the lines that shall be weighed up stand in the earlier version.
func (m *matcher) places() map[string][]int {
	in, count := map[string][]int{}, map[string]int{}
	for _, line := range m.now {
		count[line]++
	}
	for i, line := range m.then {
		if count[line] > 0 {
			in[line] = append(in[line], i)
		}
	}
	pairs := func(line string) int { return len(in[line]) * count[line] }
	lines := slices.SortedFunc(maps.Keys(in), func(a, b string) int {
		return cmp.Or(cmp.Compare(pairs(a), pairs(b)), cmp.Compare(a, b))
	})
	total := 0
	for _, line := range lines {
		if total += pairs(line); total > maxPairs {
			m.spared = true
			delete(in, line)
		}
	}
	return in
}

// fill matches what was spared, between the lines that are matched, each with the next equal one.
func fill(then, now []string, to []int) {
	places := map[string][]int{}
	for i, line := range then {
		places[line] = append(places[line], i)
	}
	ends := make([]int, len(to)) // the next line of then that is taken
	for i, end := len(to)-1, len(then); i >= 0; i-- {
		if to[i] >= 0 {
			end = to[i]
		}
		ends[i] = end
	}
	next := 0
	for i, line := range now {
		if to[i] < 0 {
			at := places[line]
			n, _ := slices.BinarySearch(at, next)
			if n == len(at) || at[n] >= ends[i] {
				continue
			}
			to[i] = at[n]
		}
		next = to[i] + 1
	}
}

// splitLines cuts a text into lines, each with what ends it.
func splitLines(data []byte) []string {
	out := make([]string, 0, bytes.Count(data, []byte("\n"))+1)
	for line := range strings.Lines(string(data)) {
		out = append(out, line)
	}
	return out
}
