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
	if len(list) != len(failpoint.Bugs()) {
		t.Errorf("%d bugs can be planted, %d have a manifest", len(failpoint.Bugs()), len(list))
	}
	for _, b := range list {
		if other, err := FindBug(b.Name()); err != nil || other.Site != b.Site {
			t.Errorf("FindBug(%q) = %v, %v", b.Name(), other.Site, err)
		}
		if b.Source == "" || b.Mechanism == "" || b.Fault == "" || b.Seeds == 0 || b.Difficulty < 1 || b.Difficulty > 5 || (b.Property == AuditProperty) != (b.Says != "") {
			t.Errorf("%v: the manifest is not whole: %+v", b.Site, b)
		}
		s, err := b.Score(0, nil)
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
		s, err := c.Score(seeds()/2, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-18s %-14s came about in %d of %d runs", s.Control, s.Scenario, s.Happened, s.Runs)
		if !s.Silent() {
			t.Errorf("%s: %s in %d of %d runs; reported: %v", s.Control, c.Sign, s.Happened, s.Runs, s.Reported)
		}
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
	s, err := b.Score(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Found || s.FoundAt != "" || s.Runs != 2 || s.Fired != 2 || len(s.Others) == 0 {
		t.Errorf("%+v", s)
	}
	b, _ = FindBug("R11-unclean-election")
	b.Set = append(b.Set, "producer.acks=1") // of which a loss is not reported, and then is
	s, err = b.Score(3, nil)
	if err != nil || s.Found || s.FoundAt != "" {
		t.Errorf("%+v, %v", s, err)
	}
	b, _ = FindBug("R24-ack-before-isr")
	b.Experiment = Experiment{Scenario: "acks1-leader-crash", Seeds: 20} // which breaks what it states without any bug
	s, err = b.Score(0, nil)
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
	if s, err := b.Score(0, func() bool { return true }); err != nil || s.Runs != 0 || s.Found {
		t.Errorf("%+v, %v", s, err)
	}
	c := Controls()[0]
	asked := 0
	if s, err := c.Score(0, func() bool { asked++; return asked > 1 }); err != nil || s.Runs != scoreChunk {
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
	if len(s.Found) != 2 || s.Found[0] != (LevelScore{1, 1, 1}) || s.Found[1] != (LevelScore{2, 1, 2}) {
		t.Errorf("%+v", s.Found)
	}
}
