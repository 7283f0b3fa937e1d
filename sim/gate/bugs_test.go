package gate

import (
	"slices"
	"testing"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
)

// Each planted bug has one manifest, whose case can be run, and is found by the
// property of its manifest within its budget, or within that of a short test.
func TestBugsAreFound(t *testing.T) {
	list := Bugs()
	planted := 0
	scorer := &Scorer{First: true}
	for i := range list {
		if list[i].Native == "" {
			planted++
		}
	}
	if n := len(failpoint.Bugs()) + len(failpoint.StyleBugs()); planted != n {
		t.Errorf("%d bugs can be planted, %d have a manifest", n, planted)
	}
	for _, b := range list {
		if other, err := FindBug(b.Name()); err != nil || other.Name() != b.Name() {
			t.Errorf("FindBug(%q) = %v, %v", b.Name(), other.Name(), err)
		}
		if b.Source == "" || b.Mechanism == "" || b.Fault == "" || b.Seeds == 0 || b.Difficulty < 1 || b.Difficulty > 5 || (b.Property == AuditProperty) != (b.Says != "") {
			t.Errorf("%s: the manifest is not whole: %+v", b.Name(), b)
		}
		s, err := scorer.Bug(&b)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-31s %d  %-14s %-14s seed %-6s %d runs, of which the bug fired in %d; others: %v", s.Bug, s.Difficulty, s.Scenario, s.Property, s.FoundAt, s.Runs, s.Fired, s.Others)
		if !s.Found {
			t.Errorf("%s was not found: %+v", s.Bug, s)
		}
	}
}

// What Kafka allows is not reported, and did come about.
func TestControlsAreSilent(t *testing.T) {
	for _, c := range Controls() {
		t.Run(c.Name, func(t *testing.T) {
			s, err := (&Scorer{Seeds: seeds()}).Control(&c)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s came about in %d of %d runs of %s", c.Sign, s.Happened, s.Runs, s.Scenario)
			if !s.Silent() {
				t.Errorf("%s in %d of %d runs; reported: %v", c.Sign, s.Happened, s.Runs, s.Reported)
			}
		})
	}
}

// A bug that something else has found is not found, and neither is one that is
// reported without it.
func TestBugIsFoundByItsOwnProperty(t *testing.T) {
	b, err := FindBug("R24-ack-before-isr")
	if err != nil {
		t.Fatal(err)
	}
	b.Property = "no-duplicate"
	s, err := (&Scorer{Seeds: 2, First: true}).Bug(&b)
	if err != nil {
		t.Fatal(err)
	}
	if s.Found || s.FoundAt != "" || s.Runs != 2 || s.Fired != 2 || len(s.Others) == 0 {
		t.Errorf("%+v", s)
	}
	b, _ = FindBug("R11-unclean-election")
	b.Set = append(b.Set, "producer.acks=1") // of which a loss is not reported, and then is
	s, err = (&Scorer{Seeds: 3, First: true}).Bug(&b)
	if err != nil || s.Found || s.FoundAt != "" {
		t.Errorf("%+v, %v", s, err)
	}
	b, _ = FindBug("R24-ack-before-isr")
	b.Experiment = Experiment{Scenario: "acks1-leader-crash", Seeds: 20} // which breaks what it states without any bug
	s, err = (&Scorer{First: true}).Bug(&b)
	if err != nil || s.Found || s.FoundAt == "" || !slices.Equal(s.Without, []string{"no-acked-loss"}) {
		t.Errorf("%+v, %v", s, err)
	}
}

// Stopped, a score has what there is.
func TestScoreStops(t *testing.T) {
	b, err := FindBug("R24-ack-before-isr")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := (&Scorer{Stop: func() bool { return true }}).Bug(&b); err != nil || s.Runs != 0 || s.Found {
		t.Errorf("%+v, %v", s, err)
	}
	c := Controls()[0]
	asked := 0
	if s, err := (&Scorer{Stop: func() bool { asked++; return asked > 1 }}).Control(&c); err != nil || s.Runs != scoreChunk {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAuditNamesABug(t *testing.T) {
	b, err := FindBug("R12-ignore-min-isr")
	if err != nil {
		t.Fatal(err)
	}
	for sentence, want := range map[string]bool{
		"2.504s orders-0: leader 1 (epoch 0) moved its high watermark while 1 of min.insync.replicas=2 were in sync": true,
		"2.504s orders-0: broker 2 is in sync with leader 1 (epoch 0) and differs from offset 3 on":                  false,
	} {
		if got := b.NamedBy(&result.Result{Audits: []string{sentence}}); got != want {
			t.Errorf("NamedBy(%q) = %v", sentence, got)
		}
	}
}

func TestScoresJudge(t *testing.T) {
	bug := func(difficulty int, found bool) BugScore { return BugScore{Difficulty: difficulty, Found: found} }
	silent := ControlScore{Happened: 3}
	ten := func(found int) (list []BugScore) {
		for i := range 10 {
			list = append(list, bug(3, i < found))
		}
		return list
	}
	for name, row := range map[string]struct {
		s    Scores
		exit int
	}{
		"nothing":                  {Scores{}, 0},
		"all":                      {Scores{Bugs: []BugScore{bug(1, true), bug(2, true)}, Controls: []ControlScore{silent}}, 0},
		"an easy one is not found": {Scores{Bugs: []BugScore{bug(1, true), bug(2, true), bug(2, false)}}, 1},
		"nine in ten":              {Scores{Bugs: ten(9)}, 0},
		"eight in ten":             {Scores{Bugs: ten(8)}, 1},
		"a hard one is not found":  {Scores{Bugs: []BugScore{bug(4, false)}}, 0},
		"a control is reported":    {Scores{Controls: []ControlScore{{Happened: 3, Reported: []string{"0x1 no-acked-loss"}}}}, 1},
		"a control shows nothing":  {Scores{Controls: []ControlScore{{}}}, 1},
	} {
		if row.s.Judge(); row.s.Exit != row.exit {
			t.Errorf("%s: exit %d, want %d", name, row.s.Exit, row.exit)
		}
	}
	s := Scores{Bugs: []BugScore{bug(2, true), bug(1, true), bug(2, false)}}
	s.Judge()
	if len(s.Found) != 2 || s.Found[0] != (LevelScore{1, 1, 0, 1}) || s.Found[1] != (LevelScore{2, 1, 0, 2}) {
		t.Errorf("%+v", s.Found)
	}
}

// How long it takes to a find depends on where one begins, and a seed with which
// there is no more to come counts as one that takes for ever.
func TestMedianRuns(t *testing.T) {
	for _, row := range []struct {
		found []uint64
		n     uint64
		want  uint64
	}{
		{nil, 10, 0},
		{[]uint64{1, 2, 3, 4, 5}, 5, 1},
		{[]uint64{5}, 5, 3},       // 5 4 3 2 1
		{[]uint64{2, 8}, 8, 3},    // 2 1 6 5 4 3 2 1
		{[]uint64{1}, 9, 0},       // found at once, and never again
		{[]uint64{3, 4}, 8, 0},    // four of eight find none
		{[]uint64{3, 4, 5}, 8, 3}, // three of eight do not
	} {
		if got := medianRuns(row.found, row.n); got != row.want {
			t.Errorf("medianRuns(%d, %d) = %d, want %d", row.found, row.n, got, row.want)
		}
	}
}

// The whole budget is spent when the first find is not enough, and the find that is
// made small still is the bug's, and only the bug's.
func TestScoreOfAWholeBudget(t *testing.T) {
	for _, name := range []string{"R24-ack-before-isr", "R12-ignore-min-isr"} { // a property, and an audit
		b, err := FindBug(name)
		if err != nil {
			t.Fatal(err)
		}
		var told []uint64
		s, err := (&Scorer{Seeds: 4, Shrink: 25, Progress: func(runs, of uint64) { told = append(told, runs, of) }}).Bug(&b)
		if err != nil || !s.Found || s.Runs != 4 || s.Named == 0 || s.Any < s.Named || s.MedianRuns == 0 || s.Shrunk == nil {
			t.Fatalf("%+v, %v", s, err)
		}
		if !slices.Equal(told, []uint64{2, 4, 4, 4}) {
			t.Errorf("progress: %d", told)
		}
		x := s.Shrunk
		if x.Replays > 25 || x.Final.Events >= x.Original.Events || x.Final.Faults > x.Original.Faults {
			t.Errorf("%+v", x)
		}
		r, different, err := Replay(x.Repro, nil)
		if err != nil || len(different) > 0 || !b.NamedBy(&r) {
			t.Errorf("%s: %v, %v, %s", x.Repro, err, different, Sentence(r))
		}
	}
}

// In another scenario a bug has neither its settings nor its faults.
func TestScoreInAnotherScenario(t *testing.T) {
	b, err := FindBug("R05-shrink-before-answer")
	if err != nil {
		t.Fatal(err)
	}
	s, err := (&Scorer{Seeds: 3, In: "healthy"}).Bug(&b)
	if err != nil || s.Scenario != "healthy" || s.Runs != 3 || s.Found || s.Any != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := (&Scorer{In: "helthy"}).Bug(&b); err == nil {
		t.Error("a scenario that there is not")
	}
}

// A scenario that was not made for a bug may miss it, but reports nothing by itself.
func TestScoresMeasure(t *testing.T) {
	missed := BugScore{Difficulty: 1}
	for exit, c := range map[int]ControlScore{0: {Happened: 1}, 1: {Happened: 1, Reported: []string{"0x1 no-acked-loss"}}} {
		s := Scores{Bugs: []BugScore{missed}, Controls: []ControlScore{c}}
		if s.Measure(); s.Exit != exit {
			t.Errorf("%+v: exit %d, want %d", c, s.Exit, exit)
		}
	}
	small := func(faults, replays int) BugScore {
		return BugScore{Any: 1, Shrunk: &BugShrunk{Final: BugSize{Faults: faults}, Replays: replays}}
	}
	s := Scores{Bugs: []BugScore{small(1, 60), missed, small(5, 20), small(2, 40)}}
	if s.Measure(); s.Shrinks != (ShrinkScore{Of: 3, Faults: 2, Replays: 40}) || s.Found[0].Any != 3 {
		t.Errorf("%+v, %+v", s.Shrinks, s.Found)
	}
}
