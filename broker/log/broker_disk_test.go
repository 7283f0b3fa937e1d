package log

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

const checkpointInterval = 5 * time.Second

// The high watermarks are written to a new file, which takes the place of the old
// one when it is durable.
func TestCheckpoint(t *testing.T) {
	l, c := newAlone(t, nil)
	n := l.brokers[0]
	produce := func() {
		t.Helper()
		ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	}
	produce()
	n.holdSyncs = true
	l.advance(checkpointInterval)
	if n.disk.Get(checkpointFile) != nil || string(n.disk.Get(newCheckpointFile)) != "0\n1\norders 0 1\n" {
		t.Fatalf("before the sync: %q, %q", n.disk.Get(checkpointFile), n.disk.Get(newCheckpointFile))
	}
	produce()
	l.advance(2 * checkpointInterval)
	if len(n.syncs) != 1 {
		t.Errorf("%d syncs at a time", len(n.syncs))
	}
	l.answerSync(n, nil)
	l.run() // the next one is due
	if string(n.disk.Get(newCheckpointFile)) != "0\n1\norders 0 2\n" || string(n.disk.Get(checkpointFile)) != "0\n1\norders 0 1\n" {
		t.Fatalf("after the sync: %q, %q", n.disk.Get(checkpointFile), n.disk.Get(newCheckpointFile))
	}
	l.sync(n, nil)
	if n.disk.Get(newCheckpointFile) != nil || string(n.disk.Get(checkpointFile)) != "0\n1\norders 0 2\n" {
		t.Errorf("after the next sync: %q, %q", n.disk.Get(checkpointFile), n.disk.Get(newCheckpointFile))
	}
	l.advance(2 * checkpointInterval)
	if len(n.syncs) > 0 {
		t.Error("what has not changed is written again")
	}

	l.crash(n)
	n.holdSyncs = false
	l.start(n)
	if r := l.broker(1).Replicas()[0]; r.HighWatermark() != 2 {
		t.Errorf("high watermark %d after a restart", r.HighWatermark())
	}
	// It is a hint: more than the log holds is not believed, nor is half a file.
	for text, want := range map[string]int64{ // unordered: independent rows
		"0\n1\norders 0 7\n": 2,
		"0\n1\norders 0 1\n": 1,
		"0\n1\norders 0 1":   0,
	} {
		l.crash(n)
		n.disk.Put(checkpointFile, []byte(text))
		l.start(n)
		if r := l.broker(1).Replicas()[0]; r.HighWatermark() != want {
			t.Errorf("%q: high watermark %d, want %d", text, r.HighWatermark(), want)
		}
	}
}

func TestCheckpointDiskError(t *testing.T) {
	l, _ := newAlone(t, nil)
	n := l.brokers[0]
	n.holdSyncs = true
	l.advance(checkpointInterval)
	l.sync(n, machine.ErrIO)
	if l.broker(1).Err() == nil || n.disk.Get(checkpointFile) != nil {
		t.Errorf("a sync that failed: error %v, file %q", l.broker(1).Err(), n.disk.Get(checkpointFile))
	}
	l, _ = newAlone(t, nil)
	l.brokers[0].disk.Err = machine.ErrNoSpace
	l.advance(checkpointInterval)
	if l.broker(1).Err() == nil || l.broker(1).Deadline() != machine.Never {
		t.Error("a full disk is no reason to give up")
	}
}

func TestParseCheckpoint(t *testing.T) {
	tp := func(topic string, n int32) wire.TP { return wire.TP{Topic: topic, Partition: n} }
	for text, want := range map[string]map[wire.TP]int64{ // unordered: independent rows
		"0\n0\n":                            {},
		"0\n2\norders 0 5\norders-1 10 0\n": {tp("orders", 0): 5, tp("orders-1", 10): 0},
		"":                                  nil,
		"0\n":                               nil,
		"1\n0\n":                            nil,
		"0\n1\n":                            nil,
		"0\n0\norders 0 5\n":                nil,
		"0\n2\norders 0 5\n":                nil,
		"0\n1\norders 0 5":                  nil,
		"0\n0\norders 0 5":                  nil,
		"0\n1\norders 0\n":                  nil,
		"0\n1\norders 0 5 6\n":              nil,
		"0\n1\norders 0  5\n":               nil,
		"0\n1\norders -1 5\n":               nil,
		"0\n1\norders 0 -5\n":               nil,
		"0\n1\norders x 5\n":                nil,
		"0\n1\norders 4294967296 5\n":       nil,
		"garbage":                           nil,
	} {
		if got := parseCheckpoint(text); !maps.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A checkpoint that is read is the one that would be written.
func FuzzCheckpoint(f *testing.F) {
	for _, s := range []string{"0\n0\n", "0\n1\norders 0 5\n", "0\n2\na 0 1\nb-c 7 9223372036854775807\n", "0\n1\norders 0", "1\n0\n", "0\n-1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		known := parseCheckpoint(text)
		if known == nil {
			return
		}
		var s strings.Builder
		fmt.Fprintf(&s, "0\n%d\n", len(known))
		for _, tp := range slices.SortedFunc(maps.Keys(known), wire.TP.Compare) {
			fmt.Fprintf(&s, "%s %d %d\n", tp.Topic, tp.Partition, known[tp])
		}
		if again := parseCheckpoint(s.String()); !maps.Equal(again, known) {
			t.Errorf("%q: %v, then %v", text, known, again)
		}
	})
}

// Of a disk a broker takes what is its own.
func TestPartitionsOn(t *testing.T) {
	d := storagetest.New()
	for _, name := range []string{
		"orders-0/00000000000000000000.log", "orders-0/00000000000000000000.index", "orders-0/00000000000000000007.log",
		"orders-10/00000000000000000000.log", "orders-2/00000000000000000000.log", "a-b-1/00000000000000000000.log",
		"no-log-0/00000000000000000000.index", "orders/0.log", "orders-/0.log", "-0/0.log", "orders-01/0.log", "orders-x/0.log",
		"orders-4294967296/0.log", "orders-0.log", checkpointFile, newCheckpointFile, "lost+found/a-0/0.log",
	} {
		d.Put(name, nil)
	}
	var got []string
	for _, tp := range partitionsOn(d) {
		got = append(got, tp.String())
	}
	if want := []string{"a-b-1", "orders-0", "orders-2", "orders-10"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	// A directory's number, however large, costs no more than another's.
	l := newLab(t)
	n := l.addBroker(1, config.DefaultBroker())
	n.disk.Put("orders-2147483647/00000000000000000000.log", nil)
	l.start(n)
	if r := l.broker(1).Replicas(); len(r) != 1 || l.broker(1).Err() != nil || l.broker(1).Replica(r[0].TP()) != r[0] {
		t.Errorf("replicas %v, error %v", r, l.broker(1).Err())
	}
}

// What a power loss has torn is cut off at the start, and counted.
func TestTornLog(t *testing.T) {
	l, c := newAlone(t, nil)
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	n := l.brokers[0]
	const file = "orders-0/00000000000000000000.log"
	whole := n.disk.Get(file)
	torn := slices.Concat(whole, whole[:len(whole)-1])
	l.crash(n)
	n.disk.Put(file, torn)
	l.start(n)
	b := l.broker(1)
	if r := b.Replicas()[0]; r.LogEnd() != 1 || !slices.Equal(n.disk.Get(file), whole) || b.cfg.Failpoints.Reached(failpoint.UncleanRestart) != 1 {
		t.Errorf("log end %d, %d bytes, %d unclean restarts", r.LogEnd(), len(n.disk.Get(file)), b.cfg.Failpoints.Reached(failpoint.UncleanRestart))
	}
	l.crash(n)
	l.start(n)
	if b := l.broker(1); b.cfg.Failpoints.Reached(failpoint.UncleanRestart) != 0 {
		t.Error("a clean restart counts as unclean")
	}
	// A disk on which the cut fails is no disk to live on.
	l.crash(n)
	n.disk.Put(file, torn)
	n.disk.Err = machine.ErrIO
	l.start(n)
	if b := l.broker(1); b.Err() == nil || b.Deadline() != machine.Never {
		t.Errorf("error %v, deadline %d", b.Err(), b.Deadline())
	}
	l.advance(time.Minute)
}

// An append that fails ends the broker, and with it every connection.
func TestProduceDiskError(t *testing.T) {
	for _, behind := range []bool{false, true} { // served at once, or after another request
		l, c := newAlone(t, nil)
		other := l.client(l.brokers[0])
		if behind {
			c.send(fetchRequest("orders", 0, 1, time.Second), 12)
		}
		l.brokers[0].disk.Err = machine.ErrNoSpace
		c.send(produceRequest("orders", 1, time.Second, batch("a"), batch("b")), 9)
		l.advance(time.Second)
		if b := l.broker(1); b.Err() == nil || c.closed == nil || other.closed == nil || b.Deadline() != machine.Never || len(c.asked) != 1 {
			t.Errorf("error %v, closed %v and %v", b.Err(), c.closed, other.closed)
		}
		l.advance(time.Minute)
	}
}

// A connection that opens when nobody wants it any more is closed.
func TestOpenedTooLate(t *testing.T) {
	l, _ := newAlone(t, nil)
	b := l.broker(1)
	opened := func(what string) {
		t.Helper()
		l.out.Reset()
		b.Step(l.now, &machine.Input{Kind: machine.Opened, Tag: 1, Conn: 99}, &l.out)
		if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoClose || l.out.List[0].Conn != 99 {
			t.Errorf("%s: %v", what, &l.out)
		}
	}
	opened("a dial that was given up on")
	b.fail(machine.ErrIO, &l.out)
	opened("a broker that has given up")
}

// With log.flush.interval.messages=1 what was recovered counts once it is synced.
func TestFlushAtStart(t *testing.T) {
	l, c := newAlone(t, func(b *config.Broker) { b.LogFlushIntervalMessages = 1 })
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	n := l.brokers[0]
	l.crash(n)
	n.holdSyncs = true
	l.start(n)
	if len(n.syncs) != 1 {
		t.Fatalf("syncs %v", n.syncs)
	}
	l.advance(20 * time.Second)
	c = l.client(n)
	c.send(fetchRequest("orders", 0, 1, time.Minute), 12)
	c.waits("what is not on the disk")
	l.sync(n, nil)
	if p := c.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0]; p.HighWatermark != 1 {
		t.Errorf("fetched %+v", p)
	}
}

// A replica that was opened before the metadata were known learns then what its
// topic is configured with.
func TestTopicConfigAfterRestart(t *testing.T) {
	l := newCluster(t, 1, nil)
	l.create("orders", map[string]string{"flush.messages": "1"}, 1)
	n := l.brokers[0]
	ask[*kmsg.ProduceResponse](l.client(n), produceRequest("orders", -1, time.Second, batch("0")), 9)
	l.crash(n)
	l.start(n)
	l.advance(20 * time.Second)
	n.holdSyncs = true
	c := l.client(n)
	c.send(produceRequest("orders", 1, time.Minute, batch("a")), 9)
	c.waits("the disk")
	l.sync(n, nil)
	c.answer()
}
