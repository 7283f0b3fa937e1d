package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/checker/result"
	"brokersim/workloads"
)

const small = `about: one of each
for: 2s
brokers: 3
profile: short
topics:
  orders: {partitions: 2, replication: 3, set: {min.insync.replicas: 2}}
producers:
  shop: {topic: orders, rate_per_second: 1_000, arrivals: poisson, keys: 10, size_bytes: 100}
readers:
  audit: {topics: [orders], work: 2ms}
set:
  producer.acks: all
promise: [no-acked-loss]
faults: |
  1s crash leader
`

func TestParse(t *testing.T) {
	s, err := Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "small" || s.For != 2*time.Second || s.Settle != 40*time.Second || s.Profile != "short" {
		t.Errorf("%+v", s)
	}
	if p := s.Producers[0]; !reflect.DeepEqual(p, Producer{Name: "shop", Topic: "orders", RatePerSecond: 1000, Arrivals: workloads.Arrivals{Process: workloads.Poisson},
		Keys: workloads.UniformKeys(10), Sizes: workloads.Sizes{Bytes: 100}}) {
		t.Errorf("%+v", p)
	}
	if tp := s.Topics[0]; tp.Partitions != 2 || tp.Set[0] != (config.Entry{Key: "min.insync.replicas", Value: "2", Line: 6}) {
		t.Errorf("%+v", tp)
	}
	if s.Readers[0].Work != 2*time.Millisecond || s.Promise[0] != "no-acked-loss" || !strings.Contains(s.Faults, "crash leader") || s.FaultsLine != 14 {
		t.Errorf("%+v", s)
	}
}

// Each row changes one thing in the small scenario; the error is one line with
// its place and, where a name is near, that name.
func TestParseRefuses(t *testing.T) {
	for _, row := range []struct{ old, new, want string }{
		{"brokers: 3", "borkers: 3", `small.yaml:3: unknown field borkers of the scenario; did you mean "brokers"?`},
		{"poisson", "mmpp", `small.yaml:8: mmpp wants more than its name, such as {process: mmpp, burst: 4, on: 50ms, off: 200ms}`},
		{"poisson", "{process: mmp}", `small.yaml:8: arrivals: "mmp": want one of constant, poisson, mmpp, diurnal, trace, closed; did you mean "mmpp"?`},
		{"poisson", "{process: poisson, burst: 2}", `small.yaml:8: unknown field burst of arrivals of process poisson; there are batch, phases, process`},
		{"poisson", "{process: mmpp, burst: 2, on: 1s}", `small.yaml:8: process mmpp: want burst, on and off`},
		{"poisson", "{process: mmpp, burst: 2.5, on: 1s, off: 1s}", `small.yaml:8: process mmpp: bursts alone would be more than the mean: burst is at most (on+off)/on, here 2s/1s`},
		{"poisson", "{process: diurnal, period: 2s, peak: 3.001}", `small.yaml:8: peak: "3.001": want a number from 1 to 3, to three places`},
		{"poisson", "{process: diurnal, period: 2s, peak: 2.5001}", `small.yaml:8: peak: "2.5001": want a number from 1 to 3, to three places`},
		{"poisson", "{phases: [{from: 1s, factr: 5}]}", `small.yaml:8: unknown field factr of a phase; did you mean "factor"?`},
		{"poisson", "{phases: [{from: 1s, to: 5}]}", `small.yaml:8: a phase with to is a ramp: for is missing`},
		{"poisson", "{batch: {most: 5}}", `small.yaml:8: batch: every is missing`},
		{"poisson", "{process: closed, outstanding: 4}", `small.yaml:8: producer shop: rate_per_second is nothing to arrivals that have no rate`},
		{"poisson", "{process: trace}", `small.yaml:8: process trace: want trace`},
		{"keys: 10", "keys: {dist: zip}", `small.yaml:8: dist: "zip": want one of none, uniform, zipf, hotspot, sequential, lifecycle; did you mean "zipf"?`},
		{"keys: 10", "keys: {dist: zipf, cardinality: 10}", `small.yaml:8: keys: dist zipf wants theta`},
		{"keys: 10", "keys: {dist: uniform, cardinality: 10, theta: 0.9}", `small.yaml:8: keys: theta is nothing to dist uniform`},
		{"keys: 10", "keys: {stages: 3}", `small.yaml:8: keys: dist lifecycle wants open`},
		{"size_bytes: 100", "sizes: {median: 100}", `small.yaml:8: sizes: want a median and a p99 that is no smaller`},
		{"size_bytes: 100", "sizes: {dist: lognormal, bytes: 100}", `small.yaml:8: sizes: want bytes for fixed, median and p99 for lognormal, or points for empirical`},
		{"size_bytes: 100", "sizes: {points: [{bytes: 100}]}", `small.yaml:8: a point: want bytes and weight`},
		{"size_bytes: 100", "size_bytes: 100, sizes: {bytes: 100}", `small.yaml:8: producer shop: want size_bytes or sizes`},
		{"partitions: 2", "partition: 2", `small.yaml:6: unknown field partition of topic orders; did you mean "partitions"?`},
		{"partitions: 2", "partitions: -2", `small.yaml:6: partitions: "-2": want a whole number from 1 to 1000`},
		{"partitions: 2", "partitions: 2.5", `small.yaml:6: partitions: "2.5": want a whole number from 1 to 1000`},
		{"partitions: 2", "partitions: 99999999999999999999", `small.yaml:6: partitions: "99999999999999999999": want a whole number from 1 to 1000`},
		{"rate_per_second: 1_000", "rate_per_second: 0", `small.yaml:8: rate_per_second: "0": want a whole number from 1 to 1000000`},
		{"rate_per_second: 1_000, ", "", `small.yaml:8: producer shop: rate_per_second is missing`},
		{"keys: 10", "first_sequence: 2_147_483_648", `small.yaml:8: first_sequence: "2_147_483_648": want a whole number from 0 to 2147483647`},
		{"for: 2s", "for: 2", `small.yaml:2: for: "2": want a duration with its unit, such as 500ms or 5s`},
		{"for: 2s", "for: -2s", `small.yaml:2: for: -2s: want a duration from 1ms to 1h0m0s`},
		{"for: 2s", "for: [2s]", `small.yaml:2: for: want one value, not a list or fields`},
		{"for: 2s", "for: 2s\nfor: 3s", `small.yaml:3:`},
		{"profile: short", "profile: shrot", `small.yaml:4: profile: "shrot": want one of short; did you mean "short"?`},
		{"poisson", "poison", `small.yaml:8: arrivals: "poison": want one of constant, poisson, mmpp, diurnal, trace, closed; did you mean "poisson"?`},
		{"replication: 3", "replication: 4", `small.yaml:6: topic orders: replication 4 is above the 3 brokers`},
		{"replication: 3", "replication: 3, recreate: 2s", `small.yaml:6: topic orders: recreate: want a log, and a time more than 2s before the end of the load`},
		{"replication: 3", "replication: 3, delete-records: 2s", `small.yaml:6: topic orders: delete-records: want a log, and a time before the end of the load`},
		{"{topic: orders,", "{topic: oders,", `small.yaml:8: producer shop: unknown topic "oders"; did you mean "orders"?`},
		{"{topic: orders,", "{", `small.yaml:8: producer shop: topic is missing`},
		{"topics: [orders]", "topics: [oders]", `small.yaml:10: reader audit: unknown topic "oders"; did you mean "orders"?`},
		{"topics: [orders]", "topics: [bills]", `small.yaml:10: reader audit: unknown topic "bills"; there are orders`},
		{"[no-acked-loss]", "[no-loss]", `small.yaml:13: promise: unknown property "no-loss"; did you mean "no-acked-loss"?`},
		{"[no-acked-loss]", "\n- no-skip\n- safety", `small.yaml:15: promise: unknown property "safety"`},
		{"topics: [orders]", "topics: orders", `small.yaml:10: topics: want a list, such as [a, b]`},
		{"topics: [orders], ", "", `small.yaml:10: reader audit: topics are missing`},
		{"  audit:", "  shop:", `small.yaml:10: shop is both a producer and a reader: faults could not tell them apart`},
		{"  shop:", "  sh op:", `small.yaml:8: name "sh op": want letters, digits, '.', '_' and '-'`},
		{"faults: |", "faults: x", `small.yaml:`},
		{small, "", `small.yaml:1: want one document with the scenario's fields`},
		{small, "{", `small.yaml:1:`},
		{small, "topics: {a: {}}\n", `small.yaml:1: producers are missing: a scenario needs at least one`},
		{small, "- a\n", `small.yaml:1: the scenario: want fields, one a line`},
	} {
		_, err := Parse("small.yaml", []byte(strings.Replace(small, row.old, row.new, 1)))
		switch {
		case err == nil:
			t.Errorf("%q for %q: no error, want %s", row.new, row.old, row.want)
		case strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), row.want):
			t.Errorf("%q for %q:\n got %s\nwant %s", row.new, row.old, err, row.want)
		}
	}
}

// A load has its processes, keys and sizes as its file says, and a trace in it has
// its own lines.
func TestParseLoads(t *testing.T) {
	const src = `topics: {orders: {}}
producers:
  bursty:
    topic: orders
    rate_per_second: 1000
    arrivals: {process: mmpp, burst: 4, on: 50ms, off: 200ms, phases: [{from: 1s, for: 500ms, factor: 10}], batch: {every: 500ms, most: 2048}}
    keys: {dist: zipf, cardinality: 1_000_000, theta: 0.99, keyless: 0.25}
    sizes: {dist: lognormal, median: 200, p99: 2000}
  recorded:
    topic: orders
    arrivals:
      process: trace
      trace: |
        counts 1s
        12
        -5
  calling:
    topic: orders
    arrivals: {process: closed, outstanding: 16, think: 5ms, think_dist: exponential}
`
	if _, err := Parse("f.yaml", []byte(src)); err == nil || err.Error() != `f.yaml:16: "-5": want how many records, from 0 to 1000000000` {
		t.Error(err)
	}
	s, err := Parse("f.yaml", []byte(strings.Replace(src, "-5", "5", 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Producer{
		{Name: "bursty", Topic: "orders", RatePerSecond: 1000,
			Arrivals: workloads.Arrivals{Process: workloads.Bursty, Bursts: workloads.Bursts{Factor: 4000, On: 50 * time.Millisecond, Off: 200 * time.Millisecond},
				Envelope: []workloads.Phase{{From: time.Second, For: 500 * time.Millisecond, Factor: 10_000}}, Batch: workloads.Batch{Every: 500 * time.Millisecond, Most: 2048}},
			Keys:  workloads.Keys{Dist: workloads.Zipf, Cardinality: 1_000_000, Theta: 990, Keyless: 250},
			Sizes: workloads.Sizes{Dist: workloads.Lognormal, Median: 200, P99: 2000, Most: maxSize}},
		{Name: "recorded", Topic: "orders", Sizes: workloads.Sizes{Bytes: 256},
			Arrivals: workloads.Arrivals{Process: workloads.Traced, Trace: &workloads.Trace{Every: time.Second, Counts: []int64{12, 5}}}},
		{Name: "calling", Topic: "orders", Sizes: workloads.Sizes{Bytes: 256},
			Arrivals: workloads.Arrivals{Process: workloads.Closed, Loop: workloads.Loop{Outstanding: 16, Think: 5 * time.Millisecond, Exponential: true}}},
	}
	if !reflect.DeepEqual(s.Producers, want) {
		t.Errorf("\n got %+v\nwant %+v", s.Producers, want)
	}
	s.For = time.Second
	res := Run(Case{Spec: s, Seed: 1})
	// 1000 a second in bursts, 17 as recorded of which a second sees 12, and of 16
	// callers each some tens of calls.
	if res.Verdict != result.Kept || res.Ledger.Sent < 1000 || res.Ledger.Acked != res.Ledger.Sent {
		t.Errorf("%s: %+v", res.Verdict, res.Ledger)
	}
}

// In a file of one field a line, the line is that of the field or name to change.
func TestParseRefusesAtTheLine(t *testing.T) {
	const head = "brokers: 2\nreaders:\n  audit:\n    work: 1ms\n    topics:\n      - orders\n      - bills\n"
	const tail = "producers:\n  shop:\n    rate_per_second: 1\n    topic: orders\n"
	for _, row := range []struct{ src, want string }{
		{head + "topics:\n  orders:\n    partitions: 2\n    replication: 2\n" + tail, `f.yaml:7: reader audit: unknown topic "bills"; there are orders`},
		{head + "topics:\n  bills: {replication: 2}\n  orders:\n    partitions: 2\n    replication: 3\n" + tail, `f.yaml:12: topic orders: replication 3 is above the 2 brokers`},
		{head + "topics:\n  bills: {replication: 2}\n  orders:\n    partitions: 2\n" + tail, `f.yaml:10: topic orders: replication 3, the default, is above the 2 brokers`},
		{head + "topics:\n  bills: {replication: 2}\n" + tail, `f.yaml:6: reader audit: unknown topic "orders"; there are bills`},
		{"topics: {t: {}}\n" + tail, `f.yaml:5: producer shop: unknown topic "orders"; there are t`},
		{"topics: {orders: {}}\nproducers:\n  shop:\n    topic: orders\n", `f.yaml:3: producer shop: rate_per_second is missing`},
		{"readers:\n  shop:\n    topics: [orders]\n" + tail + "topics: {orders: {}}\n", `f.yaml:2: shop is both a producer and a reader: faults could not tell them apart`},
	} {
		if _, err := Parse("f.yaml", []byte(row.src)); err == nil || err.Error() != row.want {
			t.Errorf("%s\n got %v\nwant %s", row.src, err, row.want)
		}
	}
}

// A schedule must be able to name every client.
func TestReservedNames(t *testing.T) {
	for _, name := range []string{"leader", "follower", "follower2", "controller", "none", "all", "after-accept", "b1", "p1001", "k1002", "c101", "b99999"} {
		for _, row := range []struct{ old, line string }{{"  shop:", "8"}, {"  audit:", "10"}} {
			want := "small.yaml:" + row.line + ": " + name + " cannot be the name of a client: in a schedule of faults it means something else"
			_, err := Parse("small.yaml", []byte(strings.Replace(small, row.old, "  "+name+":", 1)))
			if err == nil || err.Error() != want {
				t.Errorf("\n got %v\nwant %s", err, want)
			}
		}
	}
	for _, name := range []string{"b", "p", "leader2", "followers", "B1", "k-1", "x1001", "p10o1", "for", "crash", "any"} {
		src := strings.Replace(small, "  shop:", "  "+name+":", 1)
		s, err := Parse("small.yaml", []byte(strings.Replace(src, "crash leader", "crash "+name, 1)))
		if err == nil {
			_, err = Check(Case{Spec: s})
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func TestCatalogParses(t *testing.T) {
	for _, name := range Names() {
		src, _ := Source(name)
		s, err := Parse(name+".yaml", src)
		if err != nil {
			t.Error(err)
		} else if s.About == "" {
			t.Errorf("%s says nothing about itself", name)
		}
	}
	if _, ok := Source("no-such"); ok {
		t.Error("a scenario that does not exist has a source")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("topics: {a: [}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if _, err := Parse("fuzz.yaml", src); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	})
}
