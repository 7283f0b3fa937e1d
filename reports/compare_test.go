package reports

import (
	"bytes"
	"testing"

	"brokersim/checker/result"
)

func TestCompareText(t *testing.T) {
	c := result.Compare{V: 1, Scenario: "styles", Seeds: 200, Runs: 1600,
		Columns: []result.CompareColumn{
			{Kind: "queue", Like: "RabbitMQ", Config: "default", Set: []string{"kind=queue"}, HeldTo: []string{"no-phantom", "liveness"}},
			{Kind: "queue", Like: "RabbitMQ", Config: "safe", Set: []string{"kind=queue", "queue.confirms=true", "queue.durable=true", "queue.auto-ack=false", "queue.prefetch=10", "queue.republish=true"}, HeldTo: []string{"no-acked-loss"}, Broken: 2, Unknown: 1, Repro: "bs1:x"},
			{Kind: "pubsub", Like: "Redis", Config: "default", Set: []string{"kind=pubsub"}, HeldTo: []string{"no-gap"}},
		},
		Faults: []result.CompareFault{{Name: "none", Schedule: "# nothing goes wrong"}, {Name: "consumer crash", Schedule: "2s crash a\n3s crash b"}},
		Rows: []result.CompareRow{
			{Name: "retention", Question: "how much is left", Fault: "none", Unit: "share",
				Cells:  []result.CompareCell{{Runs: 200}, {Runs: 200, Value: 12_345, Low: 400, High: 1_000_000, Total: 3, Most: 20_000, WorstSeed: "0x7", Repro: "bs1:a b"}, {}},
				Claims: []result.CompareClaim{{Kind: "queue", Says: "gone", Differs: "it was seen, in safe"}, {Kind: "pubsub", Says: "no retention"}}},
			{Name: "loss", Question: "runs that lose", Fault: "consumer crash", Unit: "runs",
				Cells:  []result.CompareCell{{Runs: 200, High: 18_845}, {Runs: 200, High: 18_845}, {Runs: 200, Value: 1_000_000, Low: 981_155, High: 1_000_000, Total: 1241, Most: 76, WorstSeed: "0xb", Repro: "bs1:y"}},
				Claims: []result.CompareClaim{{Kind: "queue", Says: "none"}, {Kind: "pubsub", Says: "at most once"}}},
			{Name: "ack p99", Question: "until it is known", Fault: "none", Unit: "us",
				Cells: []result.CompareCell{{Runs: 200, Value: 1, Low: 1, High: 1}, {Runs: 200, Value: 4191, Low: 3927, High: 12_415}, {Runs: 200, Value: 61_367, Low: 9_999, High: 73_882}}},
			{Name: "throughput", Question: "records a second", Fault: "none", Unit: "per-second",
				Cells: []result.CompareCell{{Runs: 200, Value: 120_136, Low: 118_061, High: 122_211, Most: 117_950, WorstSeed: "0x3"}, {Runs: 200}, {Runs: 200, Value: 999, Low: 1, High: 1000}}},
		},
	}
	quote := func(s string) string { return "'" + s + "'" }
	var b bytes.Buffer
	if err := CompareText(&b, c, quote); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare.txt", b.Bytes())
	c.Rows[0].Claims[0].Why, c.Rows[0].Cells[1].Differs = "<why>", true
	c.Faults[0].About = "nothing else"
	b.Reset()
	if err := CompareHTML(&b, c, quote); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare.html", b.Bytes())
	c.Stopped, c.Internal, c.Rows, c.Seeds = "interrupted", []string{"seed 3: panic: x"}, nil, 1
	b.Reset()
	if err := CompareText(&b, c, quote); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare-interrupted.txt", b.Bytes())
}
