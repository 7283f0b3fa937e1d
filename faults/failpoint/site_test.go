package failpoint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSitesAreNamed(t *testing.T) {
	seen := make(map[string]Site)
	all := slices.Concat(Bugs(), Unshown(), Situations(), Quirks(), Steps(), StyleBugs())
	if len(all) != int(numSites) {
		t.Fatalf("%d sites, want %d", len(all), numSites)
	}
	for _, s := range all {
		if s.String() == "" {
			t.Errorf("site %d has no name", s)
		}
		if other, twice := seen[s.String()]; twice {
			t.Errorf("sites %d and %d are both called %s", other, s, s)
		}
		seen[s.String()] = s
		isBug := s < firstSituation || s >= firstStyleBug
		if got, err := ParseBug(s.String()); isBug != (err == nil) || isBug && got != s {
			t.Errorf("ParseBug(%q) = %v, %v", s, got, err)
		}
		isSituation := s >= firstSituation && s < firstQuirk
		if got, err := ParseSituation(s.String()); isSituation != (err == nil) || isSituation && got != s {
			t.Errorf("ParseSituation(%q) = %v, %v", s, got, err)
		}
		isStep := s >= firstStep && s < firstStyleBug
		if got, err := ParseStep(s.String()); isStep != (err == nil) || isStep && got != s {
			t.Errorf("ParseStep(%q) = %v, %v", s, got, err)
		}
	}
	if got := numSites.String(); got != fmt.Sprintf("site(%d)", numSites) {
		t.Errorf("a site that does not exist is called %q", got)
	}
}

func TestParseBugSuggests(t *testing.T) {
	for typed, want := range map[string]string{
		"R24-ack-befor-isr":  `unknown planted bug "R24-ack-befor-isr"; did you mean "R24-ack-before-isr"?`,
		"r24-ACK-before-isr": `did you mean "R24-ack-before-isr"?`,
		"R01":                `did you mean "R01-truncate-to-high-watermark"?`,
		"forget-sequence":    `did you mean "T01-forget-sequence"?`,
		"isr-shrink":         `there are R24-ack-before-isr, T01-forget-sequence, R01-truncate-to-high-watermark`,
		"":                   `there are R24-ack-before-isr`,
		"R":                  `there are R24-ack-before-isr`,
	} {
		_, err := ParseBug(typed)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseBug(%q) = %v, want %q", typed, err, want)
		}
	}
}
