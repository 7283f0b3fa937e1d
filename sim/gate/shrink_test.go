package gate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/checker/result"
	"brokersim/faults"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"

	"pgregory.net/rapid"
)

// failing returns a planted bug in its scenario, under the first seed from
// seed on that shows it.
func failing(t *testing.T, bug failpoint.Site, seed uint64) (c scenario.Case, property string) {
	t.Helper()
	for _, row := range planted {
		if row.bug != bug {
			continue
		}
		c = scenario.Case{Spec: load(t, row.scenario), Plant: []string{bug.String()}}
		for c.Seed = seed; c.Seed < seed+20; c.Seed++ {
			if Shows(scenario.Run(c), row.property) {
				return c, row.property
			}
		}
	}
	t.Fatalf("%v is not found from seed %d on", bug, seed)
	return c, ""
}

// The bugs of the catalog's scenarios shrink to stories of a few faults, which
// show the bug again, in whichever way their numbers of workers are run.
func TestShrinkPlantedBugs(t *testing.T) {
	for _, row := range planted {
		c, property := failing(t, row.bug, 1)
		o := &Shrinker{Budget: 100}
		got, err := o.Shrink(c, property)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %v\n%snot needed: %v %v\n%v\n%s", row.bug, &got, got.Schedule, got.Removed, got.NotNeeded, got.Result.Audits, got.Result.Repro)
		again := scenario.Run(got.Case)
		if again.TraceHash != got.Result.TraceHash || !Shows(again, property) {
			t.Errorf("%v: the small case comes to %s %s, was %s", row.bug, again.TraceHash, again.Verdict, got.Result.TraceHash)
		}
		if got.Final.Faults > 3 || got.Final.Events*2 > got.Original.Events || got.Replays > 100 {
			t.Errorf("%v: still large: %v", row.bug, &got)
		}
		if row.bug != failpoint.R01TruncateToHighWatermark {
			continue
		}
		one := &Shrinker{Budget: 100, Workers: 1}
		if alone, err := one.Shrink(c, property); err != nil || alone.Result.Repro != got.Result.Repro || alone.Replays != got.Replays {
			t.Errorf("%v: with one worker it is %v %s, %v", row.bug, &alone, alone.Result.Repro, err)
		}
	}
}

// randomFaults is a schedule of n faults of all kinds, each undone after a while.
func randomFaults(seed uint64, n int) string {
	nodes := []string{"leader", "follower", "follower2", "b1", "b2", "b3", "order-service", "inventory"}
	classes := []string{"produce", "produce-response", "fetch", "fetch-response"}
	var b strings.Builder
	for i := range uint64(n) {
		d := machine.NewDraw(seed, "many-faults").With(i)
		upTo := func(what string, n uint64) uint64 { return d.Of(what).N(n) }
		k := upTo("node", uint64(len(nodes)))
		node, other := nodes[k], nodes[(k+1+upTo("other", uint64(len(nodes)-1)))%uint64(len(nodes))]
		when := fmt.Sprintf("%dms", 300+upTo("at", 4500))
		during := fmt.Sprintf("%s for %dms", when, 1+upTo("for", 200))
		switch upTo("kind", 6) {
		case 0:
			fmt.Fprintf(&b, "%s cut %s %s\n", during, node, other)
		case 1:
			fmt.Fprintf(&b, "%s slow %s %s %dms\n", during, node, other, 1+upTo("by", 100))
		case 2:
			fmt.Fprintf(&b, "%s drop %s %s %s %d\n", when, classes[upTo("class", 4)], node, other, 1+upTo("frames", 3))
		case 3:
			fmt.Fprintf(&b, "%s reset %s %s\n", when, node, other)
		case 4:
			fmt.Fprintf(&b, "%s crash %s\n", during, node)
		case 5:
			fmt.Fprintf(&b, "%s pause %s\n", during, node)
		}
	}
	return b.String()
}

// Of 200 random faults there are few that it takes.
func TestShrinkManyFaults(t *testing.T) {
	runs := 3
	switch {
	case *whole:
		runs = 25
	case testing.Short():
		runs = 1
	}
	var replays, left []int
	spec := load(t, "followers-cut")
	for seed := uint64(1); len(replays) < runs && seed < 500; seed++ {
		text := randomFaults(seed, 200)
		c := scenario.Case{Spec: spec, Seed: seed, Plant: []string{failpoint.R24AckBeforeISR.String()}, Faults: &text}
		got, err := (&Shrinker{Budget: 200}).Shrink(c, "no-acked-loss")
		if errors.Is(err, ErrNoFinding) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %v\n%s%v", seed, &got, got.Schedule, got.NotNeeded)
		replays, left = append(replays, got.Replays), append(left, got.Final.Faults)
	}
	slices.Sort(replays)
	slices.Sort(left)
	t.Logf("replays %v, faults left %v", replays, left)
	if m := len(replays) / 2; len(replays) < runs || left[m] > 3 || replays[m] > 60 {
		t.Errorf("the medians are %d faults and %d replays, in %d runs", left[m], replays[m], len(replays))
	}
}

// A budget is kept, Stop stops, and what is not there is not shrunk.
func TestShrinkBounds(t *testing.T) {
	c, property := failing(t, failpoint.R24AckBeforeISR, 1)
	whole, err := (&Shrinker{Workers: 1}).Shrink(c, "")
	if err != nil || whole.Finding != property || whole.Exhausted {
		t.Fatalf("%+v, %v", whole, err)
	}
	for _, budget := range []int{1, 2, 7} {
		asked := 0
		got, err := (&Shrinker{Budget: budget, Workers: 8, Progress: func(n int) { asked = n }}).Shrink(c, property)
		if err != nil || got.Replays > budget || !got.Exhausted || !Shows(got.Result, property) || asked > budget {
			t.Errorf("budget %d: %v, %v", budget, &got, err)
		}
	}
	calls := 0
	stop := &Shrinker{Stop: func() bool { calls++; return calls > 3 }}
	if got, err := stop.Shrink(c, property); err != nil || !got.Stopped || got.Replays >= whole.Replays || !Shows(got.Result, property) {
		t.Errorf("stopped: %v, %v", &got, err)
	}
	never := &Shrinker{Accept: func(scenario.Case) bool { return false }}
	if got, err := never.Shrink(c, property); err != nil || got.Case.Faults != nil || got.Final != got.Original {
		t.Errorf("nothing is accepted: %v, %v", &got, err)
	}
	if _, err := (&Shrinker{}).Shrink(c, "no-phantom"); !errors.Is(err, ErrNoFinding) {
		t.Errorf("another finding: %v", err)
	}
	sound := c
	sound.Plant = nil
	if _, err := (&Shrinker{}).Shrink(sound, ""); !errors.Is(err, ErrNoFinding) {
		t.Errorf("nothing is broken: %v", err)
	}
	if got := Shrink(sound, "no-acked-loss", 5); !reflect.DeepEqual(got, sound) {
		t.Error("a case that shows nothing has changed")
	}
	sound.Plant = []string{"R99"}
	if _, err := (&Shrinker{}).Shrink(sound, ""); err == nil || errors.Is(err, ErrNoFinding) {
		t.Errorf("a bad case: %v", err)
	}
}

func TestFindings(t *testing.T) {
	broken := func(property string) result.Finding {
		return result.Finding{Property: property, Outcome: result.Broken}
	}
	crash := "1.5s panic: b2, told Received c7 produce: high watermark 7 above 6"
	for _, row := range []struct {
		r    result.Result
		want string
	}{
		{result.Result{}, ""},
		{result.Result{Findings: []result.Finding{{Property: "no-skip", Outcome: result.Kept}}}, ""},
		{result.Result{Findings: []result.Finding{broken("liveness"), broken("no-skip")}}, "no-skip"},
		{result.Result{Findings: []result.Finding{broken("no-skip"), broken("no-phantom"), broken("liveness")}}, "no-skip"},
		{result.Result{Findings: []result.Finding{broken("liveness")}, Audits: []string{"1.0s x"}}, "liveness"},
		{result.Result{Audits: []string{"1.234s b1: orders-0 holds 12 below b22"}}, "b#: orders-# holds # below b#"},
		{result.Result{Findings: []result.Finding{broken("no-skip")}, Audits: []string{"1.0s x", crash}}, "panic: high watermark # above #"},
	} {
		if got := FindingOf(row.r); got != row.want || Shows(row.r, row.want) != (row.want != "") || Shows(row.r, "other") {
			t.Errorf("%+v: %q, want %q", row.r, got, row.want)
		}
	}
}

// Joining what belongs together does not change what happens when.
func TestPaired(t *testing.T) {
	v := faults.Vocabulary{Nodes: []string{"b1", "b2"}, Roles: []string{"leader"}}
	parse := func(text string) faults.Schedule {
		s, err := faults.Parse(text, v)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := paired(parse("1s cut b1 b2\n1s cut b2 b1\n2s heal b1 b2\n2s crash leader(b1)\n3s restart leader(b1)\n3s restart *\n4s slow b1 b2 5ms\n5s slow b1 b2 0s\n6s skew b1 +1s\n7s skew b1 -1s\n8s reset b1 b2\n9s cut b1 b2\n9s heal b1 b2\n"))
	want := "1s for 1s cut b1 b2\n1s cut b2 b1\n2s for 1s crash leader(b1)\n3s restart *\n4s for 1s slow b1 b2 5ms\n6s for 1s skew b1 +1s\n8s reset b1 b2\n9s cut b1 b2\n9s heal b1 b2\n"
	if got.String() != want || wrongs(got) != 7 {
		t.Errorf("%d faults:\n%swant\n%s", wrongs(got), got, want)
	}
	got = paired(parse("1s io-error b1\n1s io-error b1 *.log\n2s io-error b1 off\n3s io-error b2\n4s mend b2\n5s throttle b1 b2 1000/s\n6s throttle b1 b2 0/s\n7s disk-slow b1 9\n8s disk-slow b1 1\n8s fsync-lies b1\n9s fsync-lies b1 off\n10s drift b1 +5\n11s drift b1 -7\n12s drift b1 -5\n"))
	want = "1s for 1s io-error b1\n1s io-error b1 *.log\n3s io-error b2\n4s mend b2\n5s for 1s throttle b1 b2 1000/s\n7s for 1s disk-slow b1 9\n8s for 1s fsync-lies b1\n10s for 2s drift b1 +5\n11s drift b1 -7\n"
	if got.String() != want || wrongs(got) != 8 {
		t.Errorf("%d faults:\n%swant\n%s", wrongs(got), got, want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		at := time.Duration(0)
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			at += time.Duration(1+rapid.IntRange(0, 3).Draw(rt, "gap")) * time.Millisecond
			fmt.Fprintf(&b, "%v %s\n", at, rapid.SampledFrom([]string{"cut b1 b2", "heal b1 b2", "cut b2 b1", "heal b2 b1", "crash b1", "restart b1", "restart b2", "pause b1", "resume b1", "slow b1 b2 5ms", "slow b1 b2 0s", "skew b1 +1s", "skew b1 -1s",
				"io-error b1", "io-error b1 off", "disk-slow b1 9", "disk-slow b1 1", "throttle b1 b2 9/s", "throttle b1 b2 0/s", "drift b1 +5", "drift b1 -5"}).Draw(rt, "step"))
		}
		plain := parse(b.String())
		if got, want := instants(paired(plain)), instants(plain); !slices.Equal(got, want) {
			rt.Fatalf("%s\nbecame\n%s\n%v\n%v", plain, paired(plain), got, want)
		}
	})
}

// A disk's trouble and its end have one verb, and a drift or a limit has its number:
// what makes something go wrong is not taken for what ends it.
func TestFaultsOfOneVerb(t *testing.T) {
	text := "1s sync-error b1\n2s sync-error b1 off\n3s sync-error b1\n4s disk-slow b1 3\n5s disk-slow b1 1\n6s throttle b1 b2 1000/s\n7s drift b1 +100\n8s io-error b1 a\n9s io-error b1 b off\n"
	schedule, err := faults.Parse(text, faults.Vocabulary{Nodes: []string{"b1", "b2"}})
	if err != nil {
		t.Fatal(err)
	}
	got, want := paired(schedule), "1s for 1s sync-error b1\n3s sync-error b1\n4s for 1s disk-slow b1 3\n6s throttle b1 b2 1000/s\n7s drift b1 +100\n8s io-error b1 a\n9s io-error b1 b off\n"
	if got.String() != want || wrongs(got) != 6 {
		t.Errorf("%d faults:\n%swant\n%s", wrongs(got), got, want)
	}
}

// instants is what happens when, in no matter which words.
func instants(s faults.Schedule) (list []string) {
	for _, at := range s.Plan(1) {
		step := at.Step
		step.From, step.To, step.For = time.Duration(at.Time), time.Duration(at.Time), 0
		list = append(list, step.String())
	}
	return list
}

// model is a make-believe of runs: which faults, how many records a second and how
// long a load it takes for the finding.
type model struct {
	either [2][]string   // one of these sets of steps
	never  [2]string     // not the first without the second
	rate   int64         // at least
	load   time.Duration // at least
}

func (m *model) run(c scenario.Case) result.Result {
	spec, err := c.Scenario()
	if err != nil {
		panic(err)
	}
	steps := strings.Split(strings.TrimSuffix(*c.Faults, "\n"), "\n")
	has := func(step string) bool { return slices.Contains(steps, step) }
	shows := func(set []string) bool { return !slices.ContainsFunc(set, func(s string) bool { return !has(s) }) }
	r := result.Result{Faults: steps, TraceHash: "0123456789abcdef", Findings: []result.Finding{{Property: "no-skip", Outcome: result.Kept}}}
	if (shows(m.either[0]) || shows(m.either[1])) && (!has(m.never[0]) || has(m.never[1])) && spec.Producers[0].RatePerSecond >= m.rate && spec.For >= m.load {
		r.Findings[0].Outcome = result.Broken
	}
	return r
}

// Whatever it takes for a finding: no fault of those that are left could be left
// out too, no budget is overdrawn, and workers change nothing.
func TestShrinkModel(t *testing.T) {
	spec := load(t, "followers-cut")
	rapid.Check(t, func(rt *rapid.T) {
		var all faults.Schedule
		for i := range rapid.IntRange(1, 60).Draw(rt, "faults") {
			at := time.Duration(i+1) * 10 * time.Millisecond
			all = append(all, faults.Step{From: at, To: at, Verb: faults.Crash, A: faults.Target{Nodes: []string{"b1"}}})
		}
		steps := strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
		some := func(what string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(steps), 0, min(3, len(steps)), rapid.ID).Draw(rt, what)
		}
		m := &model{rate: rapid.Int64Range(1, 500).Draw(rt, "rate"), load: time.Duration(rapid.IntRange(1, 50).Draw(rt, "load")) * 100 * time.Millisecond}
		m.either = [2][]string{some("either"), some("or")}
		if rapid.Bool().Draw(rt, "hindered") {
			m.never = [2]string{rapid.SampledFrom(steps).Draw(rt, "hinders"), rapid.SampledFrom(steps).Draw(rt, "unless")}
		}
		text := all.String()
		c := scenario.Case{Spec: spec, Faults: &text}
		got, err := (&Shrinker{Budget: 10_000, Workers: 3, run: m.run}).Shrink(c, "no-skip")
		if err != nil {
			rt.Fatal(err)
		}
		left := got.Case
		if !Shows(m.run(left), "no-skip") || got.Exhausted {
			rt.Fatalf("%v does not show it", got.Schedule)
		}
		small, err := scenario.Schedule(left)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range small {
			less := slices.Delete(slices.Clone(small), i, i+1).String()
			if left.Faults = &less; Shows(m.run(left), "no-skip") {
				rt.Fatalf("of\n%s%s is not needed", small, small[i].String())
			}
		}
		if m.never[0] == "" && (len(small) > 3 || got.Replays > 60) {
			rt.Fatalf("%d faults where 3 are enough, in %d replays", len(small), got.Replays)
		}
		lean, err := got.Case.Scenario()
		if err != nil {
			rt.Fatal(err)
		}
		if rate := lean.Producers[0].RatePerSecond; rate >= 2*max(m.rate, 250) || rate >= 10 && m.rate <= 5 {
			rt.Fatalf("%d records a second where %d do", rate, m.rate)
		}
		if len(lean.Readers) > 0 || lean.Topics[0].Partitions != 1 {
			rt.Fatalf("%+v", lean)
		}
		if len(got.Removed)+len(small) != len(all) || got.Original.Faults != len(all) || got.Final.Faults != len(small) {
			rt.Fatalf("%d faults, of which %d are left and %d removed: %v", len(all), len(small), len(got.Removed), &got)
		}
		budget := rapid.IntRange(1, 60).Draw(rt, "budget")
		for _, workers := range []int{1, 8} {
			part, err := (&Shrinker{Budget: budget, Workers: workers, run: m.run}).Shrink(c, "no-skip")
			if err != nil || part.Replays > budget || part.Exhausted != (part.Replays == budget) || !Shows(m.run(part.Case), "no-skip") || got.Replays < budget && part.Schedule != got.Schedule {
				rt.Fatalf("budget %d, %d workers: %v, %v", budget, workers, &part, err)
			}
		}
	})
}
