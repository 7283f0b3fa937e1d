package differential

import (
	"fmt"
	"regexp"
	"strings"
)

// ofVersion is what the script adds to a name for each version.
var ofVersion = regexp.MustCompile(`-v?[0-9]+\b`)

// Summary is one line for all differences that are one but for the version.
func Summary(list []Difference) (lines []string) {
	type group struct {
		d        Difference
		versions []int16
	}
	var groups []*group
	byText := make(map[string]*group)
	for _, d := range list {
		key := ofVersion.ReplaceAllString(fmt.Sprintf("%s|%s|%s|%s", d.step(), d.Field, d.Ours, d.Kafka), "")
		g := byText[key]
		if g == nil {
			g = &group{d: d}
			byText[key] = g
			groups = append(groups, g)
		}
		g.versions = append(g.versions, d.Version)
	}
	for _, g := range groups {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s: ours %s, Kafka %s", g.d.Asked, ranges(g.versions), g.d.Name, g.d.Field, cut(g.d.Ours), cut(g.d.Kafka)))
	}
	return lines
}

func cut(s string) string {
	if len(s) > 400 {
		return s[:400] + "..."
	}
	return s
}

// ranges is versions that rise, as v3-5,7.
func ranges(list []int16) string {
	var b strings.Builder
	b.WriteByte('v')
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] <= list[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, list[i])
		if list[j] > list[i] {
			fmt.Fprint(&b, "-", list[j])
		}
		i = j + 1
	}
	return b.String()
}
