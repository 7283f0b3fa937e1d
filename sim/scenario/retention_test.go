package scenario

import (
	"slices"
	"testing"
	"time"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

const expiring = `for: 6m
settle: 3m
topics:
  orders: {partitions: 1, replication: 3, set: {min.insync.replicas: 2, retention.ms: 20000, segment.ms: 5000}}
producers:
  order-service: {topic: orders, rate_per_second: 10, keys: 40, size_bytes: 256}
readers:
  slow: {topics: [orders], work: 150ms}
  fast: {topics: [orders]}
set:
  producer.acks: all
  broker.log.retention.check.interval.ms: 5000
  consumer.auto.offset.reset: earliest
  consumer.max.poll.records: 10
  consumer.request.timeout.ms: 1000
`

func expiringSpec(t *testing.T) *Spec {
	t.Helper()
	spec, err := Parse("expiring.yaml", []byte(expiring))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// starts takes down where the log was said to start, and who passed over what.
type starts struct {
	last    int64
	skipped []int32
}

func (s *starts) Event(e *history.Event) {
	for i := range e.At {
		s.last = max(s.last, e.At[i].Start)
	}
	if e.F == history.Skipped && !slices.Contains(s.skipped, e.P) {
		s.skipped = append(s.skipped, e.P)
	}
}

// A log forgets what is older than its retention: whole segments, on all replicas, and
// whoever is too slow passes over them. None of it is a loss, whatever happens to the
// brokers: one that comes back when the leader has forgotten what it needs begins anew.
func TestRetention(t *testing.T) {
	for _, schedule := range []string{
		"",
		"1m for 2m crash follower",
		"1m for 2m power-loss follower",
		"1m for 10s crash leader\n2m for 10s power-loss leader",
		"1m crash follower\n1m1s wipe follower\n2m restart *",
		"2m for 5s power-loss b1\n130s for 5s power-loss b2\n140s for 5s power-loss b3",
	} {
		var seen starts
		r := Run(Case{Spec: expiringSpec(t), Seed: 1, Faults: &schedule, History: func(*history.Header) history.Sink { return &seen }})
		l := &r.Ledger
		// What is left is what the last 20 s and two segments hold, and what came while
		// nobody looked; nothing, if the slow reader takes longer than that to the end.
		if r.Verdict != result.Kept || l.Acked < 3000 || l.InLog > 600 || l.LostAcked+l.LostAllowed != 0 {
			t.Errorf("%q: %v, %+v\n%v", schedule, r.Verdict, l, r.Findings)
		}
		if l.Skipped < 100 || !slices.Equal(seen.skipped, []int32{1002}) {
			t.Errorf("%q: skipped %d, by %v", schedule, l.Skipped, seen.skipped)
		}
		if seen.last < l.Acked-600 {
			t.Errorf("%q: the log starts at %d of %d", schedule, seen.last, l.Acked)
		}
	}
}

// A log that does not expire is not looked at.
func TestNoRetention(t *testing.T) {
	spec := expiringSpec(t)
	spec.Topics[0].Set, spec.Set, spec.For = nil, nil, time.Minute
	run := func(set ...string) result.Result {
		c, err := Case{Spec: spec, Seed: 1}.With("--set", set...)
		if err != nil {
			t.Fatal(err)
		}
		return Run(c)
	}
	a := run("broker.log.retention.ms=-1")
	if b := run("broker.log.retention.check.interval.ms=1000", "broker.log.retention.ms=-1"); a.TraceHash != b.TraceHash || a.Ledger.InLog < 500 {
		t.Errorf("another run: %s and %s", a.TraceHash, b.TraceHash)
	}
	// The active segment is rolled when all of it has expired.
	if c := run("broker.log.retention.check.interval.ms=1000", "broker.log.retention.ms=100", "topic.segment.ms=100000"); c.Ledger.InLog > 10 || c.Verdict != result.Kept {
		t.Errorf("of %d records %d are there", c.Ledger.Acked, c.Ledger.InLog)
	}
}
