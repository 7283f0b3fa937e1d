package gate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/sim"
	"brokersim/sim/scenario"
)

func comparison(t *testing.T, seeds int64, kinds ...string) Comparison {
	t.Helper()
	spec, err := Catalog("styles")
	if err != nil {
		t.Fatal(err)
	}
	return Comparison{Spec: spec, Seeds: seeds, Kinds: kinds}
}

// What a comparison comes to does not hang on how many make its runs, and the line beside
// the worst run of a cell repeats that run.
func TestCompareRepeats(t *testing.T) {
	c := comparison(t, 2, scenario.KindPubSub)
	c.Workers = 1
	one, err := Compare(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Workers = 4
	four, err := Compare(c)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(one)
	b, _ := json.Marshal(four)
	if string(a) != string(b) {
		t.Errorf("one worker:\n%s\nfour:\n%s", a, b)
	}
	if one.Runs != 2*4 || one.Exit() != result.ExitKept || len(one.Internal) > 0 {
		t.Errorf("%d runs, exit %d, %v", one.Runs, one.Exit(), one.Internal)
	}
	row := rowOf(t, &one, "loss", consumerCrash)
	if cell := row.Cells[0]; cell.Total == 0 || cell.Runs != 2 {
		t.Fatalf("nothing is lost of pub/sub when a consumer crashes: %+v", cell)
	}
	repro, err := scenario.ParseRepro(row.Cells[0].Repro)
	if err != nil {
		t.Fatal(err)
	}
	if r := scenario.Run(repro.Case(c.Spec)); r.Repro != row.Cells[0].Repro || r.Ledger.LostAcked == 0 {
		t.Errorf("%s is another run: %s", row.Cells[0].Repro, r.Repro)
	}
}

// Brokers that are offered more than they can take have as many seeds as they are allowed,
// no verdict and no repro; without machines nobody asks.
func TestCompareSaturates(t *testing.T) {
	c := comparison(t, 1, scenario.KindPubSub)
	slow := sim.Hardware{Prices: sim.Prices{Request: 10 * time.Microsecond, Record: 10 * time.Microsecond}}
	c.Machines = map[string]*scenario.Machines{scenario.KindPubSub: {Broker: scenario.Machine{Cores: 1, Hardware: slow}}}
	out, err := Compare(c)
	if err != nil {
		t.Fatal(err)
	}
	// A message is a request and goes to four: 50 us of the one core.
	cell := rowOf(t, &out, "throughput", saturation).Cells[0]
	if cell.Runs != 1 || cell.Value < 19_000_000 || cell.Value > 21_000_000 || cell.Repro != "" {
		t.Errorf("%+v", cell)
	}
	if out.Exit() != result.ExitKept || out.Runs != 5 {
		t.Errorf("exit %d after %d runs", out.Exit(), out.Runs)
	}
	p := compared{Comparison: &Comparison{Seeds: 200}, columns: columns[:2], faults: out.Faults}
	n := int64(0)
	for next := p.next(); ; n++ {
		if _, more := next(); !more {
			break
		}
	}
	if want := int64(2 * (4*200 + saturatedSeeds)); n != want || p.total() != want {
		t.Errorf("%d runs, and says %d: want %d", n, p.total(), want)
	}
}

// What a consumer's crash costs is another thing for each way to settle: records that are
// done twice where the work comes first, and lost ones where settling does.
func TestCompareCrashesBetweenWorkAndSettling(t *testing.T) {
	out, err := Compare(comparison(t, int64(longer(4, 8)), scenario.KindLog, scenario.KindQueue))
	if err != nil {
		t.Fatal(err)
	}
	lost, twice := rowOf(t, &out, "loss", consumerCrash), rowOf(t, &out, "duplicates", consumerCrash)
	for i, x := range out.Columns {
		fast := x.Config == "fast"
		if l, d := lost.Cells[i].Total, twice.Cells[i].Total; l > 0 != fast || d > 0 == fast {
			t.Errorf("%s %s: %d lost, %d twice", x.Kind, x.Config, l, d)
		}
		if lost.Cells[i].Differs != fast || twice.Cells[i].Differs || (lost.Claim(x.Kind).Why == "") {
			t.Errorf("%s %s: %+v is said to differ, or nobody says why", x.Kind, x.Config, lost.Cells[i])
		}
		if x.Broken > 0 {
			t.Errorf("%s %s breaks its promise: %s", x.Kind, x.Config, x.Repro)
		}
	}
}

func rowOf(t *testing.T, c *result.Compare, name, fault string) *result.CompareRow {
	t.Helper()
	i := slices.IndexFunc(c.Rows, func(r result.CompareRow) bool { return r.Name == name && r.Fault == fault })
	if i < 0 {
		t.Fatalf("no row %s, %s", name, fault)
	}
	return &c.Rows[i]
}

func TestCompareRefuses(t *testing.T) {
	spec, _ := Catalog("styles")
	nobody := *spec
	nobody.Readers = nil
	swarm, _ := Catalog("swarm")
	for want, c := range map[string]Comparison{
		"there is no scenario":    {Seeds: 1},
		"0 seeds: want 1 or more": {Spec: spec},
		"styles: to compare, somebody must produce and somebody read": {Spec: &nobody, Seeds: 1},
		"swarm: to compare, somebody must produce and somebody read":  {Spec: swarm, Seeds: 1},
	} {
		if _, err := Compare(c); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A load that is too short for a partition of 5 s is made longer, and the repro says so.
func TestCompareLengthens(t *testing.T) {
	spec, _ := Catalog("three-services")
	c, err := Compare(Comparison{Spec: spec, Seeds: 1, Kinds: []string{scenario.KindPubSub}})
	if err != nil {
		t.Fatal(err)
	}
	if r := rowOf(t, &c, "loss", partition5s).Cells[0]; !strings.Contains(r.Repro, "for=8s") {
		t.Errorf("%+v", r)
	}
}

func TestCompareStops(t *testing.T) {
	c := comparison(t, 50, scenario.KindPubSub)
	stop := make(chan struct{})
	close(stop)
	c.Stop = stop
	out, err := Compare(c)
	if err != nil || out.Stopped != "interrupted" || out.Runs != 0 || out.Exit() != result.ExitInterrupted {
		t.Errorf("%v, %q, %d runs, exit %d", err, out.Stopped, out.Runs, out.Exit())
	}
}

// A run that breaks its promise shows in its column and in the exit code.
func TestCompareFoldsVerdicts(t *testing.T) {
	p := &compared{Comparison: &Comparison{Spec: &scenario.Spec{Name: "x"}, Seeds: 2}, columns: columns[6:], faults: []result.CompareFault{{Name: noFault}}}
	run := func(v result.Verdict, internal string) outcome {
		return outcome{Result: result.Result{Verdict: v, Repro: "r", Promise: result.Promise{Properties: []string{"no-gap"}}}, internal: internal}
	}
	for want, runs := range map[int][]outcome{
		result.ExitKept:         {run(result.Kept, "")},
		result.ExitBroken:       {run(result.Kept, ""), run(result.Broken, ""), run(result.Unknown, "")},
		result.ExitInconclusive: {run(result.Vacuous, "")},
		result.ExitInternal:     {run(result.Kept, "panic: x")},
	} {
		p.out, p.jobs = result.Compare{}, [][][]outcome{{runs}}
		x := p.foldColumn(0)
		p.out.Columns = []result.CompareColumn{x}
		if p.out.Exit() != want || x.Broken > 0 != (x.Repro != "") {
			t.Errorf("%+v: exit %d, want %d", x, p.out.Exit(), want)
		}
	}
}

func TestIntervals(t *testing.T) {
	type three [3]int64
	of := func(v, l, h int64) three { return three{v, l, h} }
	for _, x := range []struct {
		name      string
		got, want three
	}{
		{"none of 200", of(wilson(0, 200)), three{0, 0, 18845}},
		{"all of 200", of(wilson(200, 200)), three{1000000, 981155, 1000000}},
		{"half of 200", of(wilson(100, 200)), three{500000, 431361, 568639}},
		{"1 of 1", of(wilson(1, 1)), three{1000000, 206549, 1000000}},
		{"one value", of(mean([]int64{7})), three{7, 7, 7}},
		{"mean", of(mean([]int64{1000, 3000})), three{2000, 40, 3960}},
		{"below nothing", of(mean([]int64{0, 0, 0, 10})), three{3, 0, 7}},
		{"median of one", of(median([]int64{5})), three{5, 5, 5}},
		{"median", of(median([]int64{9, 1, 5, 3, 7, 2, 8, 4, 6})), three{5, 2, 8}},
	} {
		if x.got != x.want {
			t.Errorf("%s: %v, want %v", x.name, x.got, x.want)
		}
	}
}

// life is a history for two readers that are alone, 1 and 2, and two that share, 3 and 4.
func life(words string) fates {
	x := newTallier(services{group: map[int32]int{1: 0, 2: 1, 3: 2, 4: 2}, alone: []bool{true, true, false}, n: 3})
	for i, w := range strings.Fields(words) {
		value := int64(w[1] - '0')
		e := history.Event{T: int64(i) * 1e9, ID: value, P: 1001}
		sends := []history.Sent{{Value: value, Key: 7, Offset: history.None}}
		runs := []history.Run{{Records: []history.Record{{Value: value, Key: 7, Offset: history.None}}}}
		switch w[0] {
		case 's':
			e.E, e.F, e.Sends = history.Inv, history.Send, sends
		case 'a':
			e.E, e.F, e.Sends = history.OK, history.Send, sends
		case 'l':
			e.E, e.F, e.Runs = history.OK, history.Dump, runs
		case 'p':
			e.E, e.F, e.Runs, e.P = history.OK, history.Process, runs, int32(w[2]-'0')
		}
		x.Event(&e)
	}
	return x.finish()
}

func TestFates(t *testing.T) {
	for words, want := range map[string]fates{
		"s1 s2 a1 p11 p12 p13 p23": {told: 1, everywhere: 1, finished: 2, shared: 2, any: 2, loadNS: 1e9, readers: 2},
		"s1 a1 p11 p12":            {told: 1, lost: 1, finished: 2, any: 1, readers: 2},
		"s1 a1 p11 p11 p12 p13":    {told: 1, everywhere: 1, finished: 2, twice: 1, shared: 1, any: 1, readers: 2},
		"s1 a1 p11 p12 p13 p14":    {told: 1, everywhere: 1, finished: 2, shared: 1, doubled: 1, any: 1, readers: 2},
		"s1 s2 p12 p11 p22 p21":    {finished: 4, any: 2, loadNS: 1e9, readers: 2},
		"s1 s2 p21 p11 p24 p13":    {finished: 2, inverted: 1, shared: 2, overtaken: 1, any: 2, loadNS: 1e9, readers: 2},
		"s1 a1 l1":                 {told: 1, lost: 1, readable: 1, readers: 2},
		"s1 a1 p11 l1":             {told: 1, lost: 1, readable: 1, again: 1, any: 1, finished: 1, readers: 2},
		"s1 p11 s2":                {finished: 1, inLoad: 1, any: 1, loadNS: 2e9, readers: 2},
		"p11 l2":                   {readers: 2},
	} {
		if got := life(words); got != want {
			t.Errorf("%s: %+v, want %+v", words, got, want)
		}
	}
}

// A cell names the run that is worst, and a claim differs where it does.
func TestCells(t *testing.T) {
	runs := []outcome{{Result: result.Result{Seed: "0x1"}}, {Result: result.Result{Seed: "0x2"}}, {Result: result.Result{Seed: "0x3"}}, {internal: "panic"}}
	for i := range runs {
		runs[i].fates = fates{lost: int64(i % 3 * 5), told: 10, readable: int64(10 - i%3)}
	}
	q := question{unit: unitRuns, part: func(o *outcome) int64 { return o.fates.lost }}
	if c := q.cell(runs); c.Runs != 3 || c.Value != 666666 || c.Total != 15 || c.Most != 10 || c.WorstSeed != "0x3" {
		t.Errorf("%+v", c)
	}
	q = question{unit: unitShare, least: true, part: func(o *outcome) int64 { return o.fates.readable }, whole: func(o *outcome) int64 { return o.fates.told }}
	c := q.cell(runs)
	if c.Runs != 3 || c.Value != 900000 || c.Most != 800000 || c.WorstSeed != "0x3" {
		t.Errorf("%+v", c)
	}
	p := &compared{columns: columns[6:]}
	row := &result.CompareRow{Cells: []result.CompareCell{c}}
	for e, want := range map[expectation]string{anything: "", all: "not all, in default", none: "it was seen, in default", some: ""} {
		if got := p.differs(row, scenario.KindPubSub, e); got != want {
			t.Errorf("expectation %d: %q, want %q", e, got, want)
		}
	}
	row.Cells[0] = result.CompareCell{Runs: 3}
	for e, want := range map[expectation]string{all: "not all, in default", none: "", some: "never seen in 3 runs"} {
		if got := p.differs(row, scenario.KindPubSub, e); got != want {
			t.Errorf("expectation %d: %q, want %q", e, got, want)
		}
	}
}

// What asks more of a queue than its case does is tried one by one, and then together.
func TestStricterQueue(t *testing.T) {
	for set, want := range map[string]string{
		"queue.auto-ack=true":                    "queue.auto-ack=false|queue.confirms=true|queue.durable=true|queue.auto-ack=false queue.confirms=true queue.durable=true",
		"queue.confirms=true":                    "queue.durable=true",
		"queue.confirms=true queue.durable=true": "",
		"kind=pubsub":                            "",
	} {
		spec, err := Catalog("styles")
		if err != nil {
			t.Fatal(err)
		}
		c, err := scenario.Case{Spec: spec}.With("--set", append([]string{"kind=queue"}, strings.Fields(set)...)...)
		if err != nil {
			t.Fatal(err)
		}
		settings, err := scenario.Settings(c)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range stricter(c, settings) {
			got = append(got, strings.Join(x, " "))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %q, want %q", set, got, want)
		}
	}
}
