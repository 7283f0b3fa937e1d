package scenario

import (
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/config"
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
	if p := s.Producers[0]; p != (Producer{Name: "shop", Topic: "orders", RatePerSecond: 1000, Poisson: true, Keys: 10, SizeBytes: 100}) {
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
		{"partitions: 2", "partition: 2", `small.yaml:6: unknown field partition of topic orders; did you mean "partitions"?`},
		{"partitions: 2", "partitions: -2", `small.yaml:6: "-2": want a whole number from 1 to 1000`},
		{"partitions: 2", "partitions: 2.5", `small.yaml:6: "2.5": want a whole number from 1 to 1000`},
		{"partitions: 2", "partitions: 99999999999999999999", `small.yaml:6: "99999999999999999999": want a whole number from 1 to 1000`},
		{"rate_per_second: 1_000", "rate_per_second: 0", `small.yaml:8: "0": want a whole number from 1 to 1000000`},
		{"rate_per_second: 1_000, ", "", `small.yaml:8: producer shop: rate_per_second is missing`},
		{"keys: 10", "first_sequence: 2_147_483_648", `small.yaml:8: "2_147_483_648": want a whole number from 0 to 2147483647`},
		{"for: 2s", "for: 2", `small.yaml:2: "2": want a duration with its unit, such as 500ms or 5s`},
		{"for: 2s", "for: -2s", `small.yaml:2: -2s: want a duration from 1ms to 1h0m0s`},
		{"for: 2s", "for: [2s]", `small.yaml:2: want one value, not a list or fields`},
		{"for: 2s", "for: 2s\nfor: 3s", `small.yaml:3:`},
		{"profile: short", "profile: shrot", `small.yaml:4: "shrot": want one of short; did you mean "short"?`},
		{"poisson", "poison", `small.yaml:8: "poison": want one of constant, poisson; did you mean "poisson"?`},
		{"replication: 3", "replication: 4", `small.yaml:6: topic orders: replication 4 is above the 3 brokers`},
		{"{topic: orders,", "{topic: oders,", `small.yaml:8: producer shop: unknown topic "oders"; did you mean "orders"?`},
		{"{topic: orders,", "{", `small.yaml:8: producer shop: topic is missing`},
		{"topics: [orders]", "topics: [oders]", `small.yaml:10: reader audit: unknown topic "oders"; did you mean "orders"?`},
		{"topics: [orders]", "topics: [bills]", `small.yaml:10: reader audit: unknown topic "bills"; there are orders`},
		{"[no-acked-loss]", "[no-loss]", `small.yaml:13: promise: unknown property "no-loss"; did you mean "no-acked-loss"?`},
		{"[no-acked-loss]", "\n- no-skip\n- safety", `small.yaml:15: promise: unknown property "safety"; there are `},
		{"topics: [orders]", "topics: orders", `small.yaml:10: want a list, such as [a, b]`},
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
