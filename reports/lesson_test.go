package reports

import (
	"bytes"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// lessonPart is a step of a lesson with all that it may have: prose, a run with its chain
// and its reasons, and both tables.
func lessonPartOf(t *testing.T) *result.LessonPart {
	t.Helper()
	e := explained(t)["testdata/why/no-acked-loss"]
	e.Why = []string{strings.Repeat("one reason with many words ", 12), "and another"}
	return &result.LessonPart{
		Title: "Watch", Text: []string{strings.Repeat("A paragraph of prose. ", 20)}, Story: e,
		Measured: []result.Distribution{
			{Of: "acks=all, and all three lose power at once", Name: "lost acked", Runs: 12, Share: "100.0 %", P5: "234", P50: "399", P95: "810", Max: "810"},
			{Of: "acks=1", Name: "unavailable", Runs: 12, Share: "100.0 %", P5: "732.6 ms", P50: "1.003 s", P95: "1.047 s", Max: "1.047 s"},
		},
		Prices: []result.Price{{Name: "ack p50", Before: "546 us", After: "35.0 ms", Difference: "+34.4 ms"}},
	}
}

// A lesson is no wider than the terminal, but for the command that repeats a run, and says
// the same at every width.
func TestALessonFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{60, 80, 120} {
		var b bytes.Buffer
		if err := LessonPart(&b, lessonPartOf(t), Style{Columns: columns}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns && !strings.Contains(line, "brokersim repro") {
				t.Errorf("%d columns: %d are taken by %q", columns, n, line)
			}
		}
		text := strings.Join(strings.Fields(b.String()), " ")
		for _, want := range []string{"acks=all, and all three lose power at once", "399", "1.047 s", "+34.4 ms", "and another", "Why"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d columns: there is no %q", columns, want)
			}
		}
	}
}

// Nothing is painted that has no text.
func TestNoEmptyPaint(t *testing.T) {
	var b bytes.Buffer
	if err := LessonPart(&b, lessonPartOf(t), Style{Color: true, Columns: 80}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "m\x1b[0m") {
		t.Errorf("%q", b.String())
	}
}
