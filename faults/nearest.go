package faults

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// longestTypo bounds the words that a suggestion is looked for, which takes time
// in the square of their length.
const longestTypo = 64

// nearest ends a message about an unknown word with the known word that it
// resembles most, or with all of them when they are few and it resembles none.
func nearest(typed string, known []string) string {
	if len(typed) > longestTypo {
		return ""
	}
	best, distance := "", max(2, len(typed)/3)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(typed), strings.ToLower(k)); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return "; did you mean \"" + best + "\"?"
	case len(known) > 0 && len(known) <= 20:
		return "; there are " + strings.Join(known, ", ")
	}
	return ""
}

func nearestKey(typed string, known map[string]uint16) string {
	return nearest(typed, slices.Sorted(maps.Keys(known)))
}
