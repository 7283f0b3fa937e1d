package client

import (
	"testing"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// What a batch says of its size is the size of its bytes, and no record takes more
// than its upper bound.
func TestBatchKnowsItsSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 200))
		b := &batch{part: &accumulated{transactional: rapid.Bool().Draw(t, "transactional")}, pid: 1, size: wire.BatchHeaderSize}
		for range rapid.IntRange(1, 80).Draw(t, "records") {
			r := Record{Key: bytes.Draw(t, "key"), Value: bytes.Draw(t, "value"), Time: rapid.Int64Range(0, 1<<40).Draw(t, "time")}
			before := b.size
			b.add(&r)
			if b.size-before > r.sizeAtMost() {
				t.Fatalf("a record takes %d bytes, at most %d", b.size-before, r.sizeAtMost())
			}
		}
		if got := b.encode(new(wire.Builder)).Len(); got != b.size {
			t.Fatalf("%d bytes, expected %d", got, b.size)
		}
	})
}

// Sequences go from the largest int32 to 0 (DefaultRecordBatchTest.testIncrementSequence).
func TestSequencesWrap(t *testing.T) {
	const most = 1<<31 - 1
	for _, c := range []struct{ a, n, want int32 }{
		{0, 1, 1}, {0, 0, 0}, {most, 1, 0}, {most - 4, 10, 5}, {most - 10, 10, most}, {5, most, 4}, {most, 0, most},
	} {
		if got := addSeq(c.a, c.n); got != c.want {
			t.Errorf("addSeq(%d, %d) = %d, want %d", c.a, c.n, got, c.want)
		}
		if c.n > 0 && c.n < 1<<30 && (!seqBefore(c.a, c.want) || seqBefore(c.want, c.a)) {
			t.Errorf("%d must come before %d", c.a, c.want)
		}
	}
	if seqBefore(7, 7) {
		t.Error("7 comes before itself")
	}
	s := sequences{acked: most}
	if !s.follows(0) || s.follows(1) {
		t.Error("0 follows the largest sequence")
	}
	s.acked = -1
	if !s.follows(0) || s.follows(1) {
		t.Error("0 is the first sequence")
	}
}

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		base, limit time.Duration
		attempts    uint32
		least, most time.Duration
	}{
		{100 * ms, 1000 * ms, 0, 80 * ms, 120 * ms},
		{100 * ms, 1000 * ms, 1, 160 * ms, 240 * ms},
		{100 * ms, 1000 * ms, 3, 640 * ms, 960 * ms},
		{100 * ms, 1000 * ms, 4, 800 * ms, 1000 * ms},
		{100 * ms, 1000 * ms, 1 << 31, 800 * ms, 1000 * ms},
		{1, 1 << 62, 61, 1 << 60, 1 << 62},
		{1<<63 - 2, 1<<63 - 1, 7, 1 << 62, 1<<63 - 1},
		{100 * ms, 100 * ms, 5, 100 * ms, 100 * ms}, // static: not even jittered
		{200 * ms, 100 * ms, 0, 100 * ms, 100 * ms},
		{0, 1000 * ms, 9, 0, 0},
		{100 * ms, 0, 9, 0, 0},
		{-1, -1, 0, 0, 0},
	} {
		low, high := c.most, c.least
		for i := range uint64(1000) {
			d := backoff(c.base, c.limit, c.attempts, machine.NewDraw(i, "test"))
			low, high = min(low, d), max(high, d)
			if d < c.least || d > c.most {
				t.Fatalf("backoff(%v, %v, %d) = %v, want %v to %v", c.base, c.limit, c.attempts, d, c.least, c.most)
			}
		}
		if c.least < c.most && high-low < (c.most-c.least)*9/10 {
			t.Errorf("backoff(%v, %v, %d) is only ever between %v and %v, want %v to %v", c.base, c.limit, c.attempts, low, high, c.least, c.most)
		}
	}
}

// A full request leaves the partitions behind it to the next one, which begins
// elsewhere: none starves.
func TestNoPartitionStarves(t *testing.T) {
	d := newDouble(t, 2)
	d.topic("t", 4)
	for i, l := range d.topics["t"] { // neighbours on one broker: the order of partitions must not fall in step with that of brokers
		l.leader = int32(1 + i/2)
	}
	s := settings(t, "producer", [][2]string{{"linger.ms", "0"}, {"batch.size", "100"}, {"max.request.size", "150"}, {"acks", "1"},
		{"max.in.flight.requests.per.connection", "1"}}).Producer("")
	p := NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: d.addrs(), Settings: s})
	d.client = p
	p.Watch("t")
	d.run()
	acked := map[int32]int{}
	keys := map[int32][]byte{}
	for k := byte(0); len(keys) < 4; k++ {
		keys[KeyPartition([]byte{k}, 4)] = []byte{k}
	}
	for range 40 {
		for n := range int32(4) { // every partition always has something
			for p.parts == nil || len(p.parts) <= int(n) || len(p.accumulated(p.topics[0], n).queue) < 2 {
				p.Send(machine.Now{}, "t", Record{Key: keys[n], Value: make([]byte, 20)})
			}
		}
		d.run()
		for _, b := range []string{"b1", "b2"} {
			if a := d.oldest(d.broker(b)); a != nil {
				d.judge(a, func(int, wire.TP, wire.Records) verdict { return verdict{base: 0} })
			}
		}
		d.settle()
		for _, r := range p.Results() {
			acked[r.TP.Partition]++
		}
		p.Forget()
	}
	for n := range int32(4) {
		if acked[n] != 20 {
			t.Errorf("batches acknowledged by partition: %v, want 20 each", acked)
		}
	}
}

// What a partition's first record follows is nothing, wherever its sequences begin.
func TestFirstSequenceFollows(t *testing.T) {
	s := sequences{first: 1<<31 - 1, acked: -1}
	if !s.follows(1<<31-1) || s.follows(0) {
		t.Errorf("%+v: %t, %t", s, s.follows(1<<31-1), s.follows(0))
	}
	if s.acked = 1<<31 - 1; !s.follows(0) || s.follows(1) {
		t.Errorf("%+v: %t, %t", s, s.follows(0), s.follows(1))
	}
}
