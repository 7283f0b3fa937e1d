// Package near finds the known words that a mistyped one was meant to be: one rule
// for settings, scenarios, schedules of faults and the command line.
package near

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// What a suggestion may cost and how long it may get.
const (
	longestTypo = 64 // bytes; the distance takes time in the square of them
	mostMeant   = 3
	mostListed  = 20
)

// Words returns the known words that a typed one was most likely meant to be, at
// most three, sorted; more would be guessing. These are, whatever the case, the
// words that begin with it, that have all its parts in order ("no-loss" in
// "no-acked-loss"), or otherwise those that are the fewest edits away, which may
// be no more than half of it.
func Words(typed string, known []string) []string {
	if len(typed) > longestTypo {
		return nil
	}
	typed = strings.ToLower(typed)
	best := min(len(typed)/2, max(2, len(typed)/3))
	var meant []string
	for _, k := range slices.Compact(slices.Sorted(slices.Values(known))) {
		d := distance(typed, strings.ToLower(k))
		if d < best {
			best, meant = d, nil
		}
		if d == best && d < len(k) {
			meant = append(meant, k)
		}
	}
	if len(meant) > mostMeant {
		return nil
	}
	return meant
}

// distance counts edits; what was only not finished is one edit away.
func distance(typed, known string) int {
	if len(typed) >= 2 && strings.HasPrefix(known, typed) {
		return min(1, len(known)-len(typed))
	}
	if typed != "" && hasParts(parts(known), parts(typed)) {
		return 1
	}
	return levenshtein.ComputeDistance(typed, known)
}

func parts(word string) []string {
	return strings.FieldsFunc(word, func(r rune) bool { return r == '-' || r == '.' || r == '_' })
}

// hasParts reports whether all of some are among the parts, in their order.
func hasParts(all, some []string) bool {
	for _, part := range all {
		if len(some) > 0 && len(part) > 1 && part == some[0] {
			some = some[1:]
		}
	}
	return len(some) == 0
}

// DidYouMean ends an error about an unknown word with what it was most likely
// meant to be; it is empty when nothing is near.
func DidYouMean(typed string, known []string) string {
	meant := Words(typed, known)
	if len(meant) == 0 {
		return ""
	}
	for i, m := range meant {
		meant[i] = fmt.Sprintf("%q", m)
	}
	last := len(meant) - 1
	if last == 0 {
		return "; did you mean " + meant[0] + "?"
	}
	return "; did you mean " + strings.Join(meant[:last], ", ") + " or " + meant[last] + "?"
}

// Suggest is [DidYouMean] or, when nothing is near, all known words if they are
// few.
func Suggest(typed string, known []string) string {
	if clause := DidYouMean(typed, known); clause != "" || len(known) == 0 || len(known) > mostListed {
		return clause
	}
	return "; there are " + strings.Join(known, ", ")
}
