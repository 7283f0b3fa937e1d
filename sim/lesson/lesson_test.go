package lesson

import (
	"flag"
	"os"
	"strings"
	"testing"

	"brokersim/sim/scenario"
)

func lessons(t *testing.T) []*Lesson {
	t.Helper()
	list, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var whole = flag.Bool("sweep", false, "measure a tenth of the runs of each trial, instead of a few")

// someSeeds is how many seeds of a trial are measured here: a part of what its lesson says,
// since a trial of few has long runs, within bounds.
func someSeeds(t *Trial) int {
	if testing.Short() {
		return 3
	}
	if *whole {
		return min(max(t.Seeds/10, 5), 25)
	}
	return min(max(t.Seeds/20, 4), 8)
}

// Every lesson measures what it claims, if only over a few seeds here: learn verify
// takes them all.
func TestVerify(t *testing.T) {
	for _, l := range lessons(t) {
		measured := make(map[string]Measured)
		for i := range l.Trials {
			m, err := l.Trials[i].Measure(someSeeds(&l.Trials[i]), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			measured[l.Trials[i].Name] = m
		}
		for _, m := range l.Verify(measured) {
			// A share of few runs, or the most of them, says little.
			if m.Left && !strings.HasSuffix(m.Name, "prob_gt0") && !strings.HasSuffix(m.Name, ".max") && !strings.HasSuffix(m.Name, ".min") {
				t.Error(&m)
			}
		}
	}
}

// A default that is broken by hand leaves the interval, and is named with its line.
func TestVerifyIsRed(t *testing.T) {
	l, err := Find(lessons(t), "2")
	if err != nil {
		t.Fatal(err)
	}
	run, err := l.Trial(TrialRun)
	if err != nil {
		t.Fatal(err)
	}
	m, err := run.Measure(3, []string{"producer.acks=all"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved := l.Verify(map[string]Measured{TrialRun: m})
	if len(moved) == 0 || !moved[0].Left || !strings.HasPrefix(moved[0].String(), "02-acks0.md:14: run.lost_unacked.p50 is 0, outside 300 .. 3000") {
		t.Errorf("%v", moved)
	}
}

// What the program comes with was measured of these lessons, and of all their numbers:
// a page can be made of it, and its numbers lie within their intervals.
func TestStored(t *testing.T) {
	for _, l := range lessons(t) {
		for i := range l.Trials {
			for _, e := range l.Trials[i].Expect {
				if got := l.stored[l.Trials[i].Name][e.Metric]; got.Runs != l.Trials[i].Seeds {
					t.Errorf("%s: %s.%s was measured over %d runs, not %d: brokersim learn verify %d --write sim/lesson/lessons/measured.json", l.File, l.Trials[i].Name, e.Metric, got.Runs, l.Trials[i].Seeds, l.Number)
				}
			}
		}
		for _, m := range l.Verify(l.stored) {
			t.Error(&m)
		}
		if _, err := l.Page(l.stored, nil); err != nil {
			t.Error(err)
		}
	}
}

// Each lesson has a run that shows what it is about, told with rows and strips.
func TestWatch(t *testing.T) {
	for _, l := range lessons(t) {
		e, err := l.Watch()
		if err != nil {
			t.Error(err)
			continue
		}
		if len(e.Story.Rows) < 4 && l.watch.About != aboutLedger || len(e.Why) == 0 || e.Sentence == "" {
			t.Errorf("%s: %d rows, %q, %q", l.File, len(e.Story.Rows), e.Sentence, e.Why)
		}
	}
}

// Every scenario of a lesson belongs to one.
func TestScenariosAreUsed(t *testing.T) {
	used := make(map[string]bool)
	for _, l := range lessons(t) {
		for i := range l.Trials {
			used[l.Trials[i].Scenario] = true
		}
	}
	for _, name := range scenario.LessonNames() {
		if !used[name] {
			t.Errorf("no lesson has the scenario %s", name)
		}
	}
}

var show = flag.String("show", "", "print the prose of a lesson with what is stored of it")

func TestShow(t *testing.T) {
	if *show == "" {
		t.Skip("no -show")
	}
	l, err := Find(lessons(t), *show)
	if err != nil {
		t.Fatal(err)
	}
	page, err := l.Page(l.stored, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range page.Parts {
		_, _ = os.Stdout.WriteString(p.Title + "\n" + strings.Join(p.Text, "\n") + "\n")
	}
}
