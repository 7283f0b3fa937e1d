package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
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
	if err := l.broker(1).Err(); err != nil || l.brokers[0].disk.Get(checkpointFile) != nil {
		t.Errorf("a full disk: error %v", err)
	}
	l.brokers[0].disk.Err = nil
	l.advance(checkpointInterval)
	if l.brokers[0].disk.Get(checkpointFile) == nil {
		t.Error("nothing is written when there is room again")
	}
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

// An append that fails is answered with KAFKA_STORAGE_ERROR, and takes the only log
// directory offline: that ends the broker, and with it every connection.
func TestProduceDiskError(t *testing.T) {
	for _, behind := range []bool{false, true} { // served at once, or after another request
		l, c := newAlone(t, nil)
		other := l.client(l.brokers[0])
		if behind {
			c.send(fetchRequest("orders", 0, 1, time.Second), 12)
		}
		l.brokers[0].disk.Err = machine.ErrIO
		c.send(produceRequest("orders", 1, time.Second, batch("a"), batch("b")), 9)
		l.advance(time.Second)
		if b := l.broker(1); b.Err() == nil || c.closed == nil || other.closed == nil || b.Deadline() != machine.Never || len(c.asked) > 0 {
			t.Errorf("error %v, closed %v and %v, %d not answered", b.Err(), c.closed, other.closed, len(c.asked))
		}
		if behind {
			c.answer()
		}
		for _, p := range c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions {
			if p.ErrorCode != wire.KafkaStorageError {
				t.Errorf("partition %d is answered with error %d", p.Partition, p.ErrorCode)
			}
		}
		l.advance(time.Minute)
	}
}

// What waits for replication when the disk fails is not acknowledged with what did not: a
// batch that was sent again beside another, whose append takes the broker down.
func TestRetryBesideDiskError(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	leader := l.brokers[0]
	c := l.client(leader)
	l.pause(l.brokers[1])
	retried := batchOf(7, 0, 0, "a")
	c.send(produceRequest("orders", -1, 10*time.Second, retried), 9)
	l.advance(10 * time.Millisecond)
	again := l.client(leader)
	leader.disk.Err = machine.ErrIO
	again.send(produceRequest("orders", -1, 10*time.Second, retried, batch("b")), 9)
	l.advance(10 * time.Millisecond)
	for i, p := range again.answer().(*kmsg.ProduceResponse).Topics[0].Partitions {
		if p.ErrorCode != wire.KafkaStorageError || p.BaseOffset != -1 {
			t.Errorf("batch %d: error %d, offset %d", i, p.ErrorCode, p.BaseOffset)
		}
	}
}

// A full disk refuses, and takes again when there is room.
func TestProduceFullDisk(t *testing.T) {
	l, c := newAlone(t, nil)
	b := l.broker(1)
	for i, err := range []error{machine.ErrNoSpace, nil, machine.ErrNoSpace, nil} {
		l.brokers[0].disk.Err = err
		want, end := int16(0), int64(i/2+1)
		if err != nil {
			want, end = wire.KafkaStorageError, int64(i/2)
		}
		got := ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9).Topics[0].Partitions[0].ErrorCode
		if got != want || b.Err() != nil || b.Replicas()[0].LogEnd() != end {
			t.Errorf("%v: answered %d, error %v, log end %d", err, got, b.Err(), b.Replicas()[0].LogEnd())
		}
	}
	if n := b.cfg.Failpoints.Reached(failpoint.DiskFull); n != 2 {
		t.Errorf("a full disk is counted %d times", n)
	}
}

// A broker that was shut down in good order does not read its logs again, and says at its
// next start that a crash is one.
func TestCleanShutdown(t *testing.T) {
	l, c := newAlone(t, nil)
	n := l.brokers[0]
	for range 3 {
		ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	}
	l.stop(n)
	b := l.broker(1)
	if !b.Stopped() || b.Err() != nil || c.closed == nil {
		t.Fatalf("stopped %v, error %v, closed %v", b.Stopped(), b.Err(), c.closed)
	}
	n.disk.PowerLoss(0)
	for name, want := range map[string]string{ // unordered: independent rows
		storage.CleanShutdownFile: fmt.Sprintf(`{"version":0,"brokerEpoch":%d}`, b.Epoch()),
		storage.RecoveryPointFile: "0\n1\norders 0 3\n",
		storage.HighWatermarkFile: "0\n1\norders 0 3\n",
	} {
		if got := string(n.disk.Get(name)); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	const log = "orders-0/00000000000000000000.log"
	garbled := n.disk.Get(log)
	garbled[len(garbled)-1]++
	n.disk.Put(log, garbled)

	l.crash(n)
	n.holdSyncs = true
	l.start(n)
	if b = l.broker(1); b.Replicas()[0].LogEnd() != 3 || len(b.Found()) > 0 || b.Replicas()[0].Durable() != 3 {
		t.Errorf("the log was read again: it ends at %d, durable to %d, %q", b.Replicas()[0].LogEnd(), b.Replicas()[0].Durable(), b.Found())
	}
	l.advance(30 * time.Second)
	if b.Epoch() >= 0 || n.disk.Get(storage.CleanShutdownFile) != nil {
		t.Errorf("registered with epoch %d while the marker may come back", b.Epoch())
	}
	l.sync(n, nil)
	n.holdSyncs = false
	l.advance(20 * time.Second)
	if b.Epoch() < 0 {
		t.Error("not registered when the marker is gone")
	}
	l.crash(n)
	l.start(n)
	if b = l.broker(1); b.Replicas()[0].LogEnd() != 2 || len(b.Found()) != 2 || !strings.Contains(b.Found()[0], "orders-0: cut ") || !strings.Contains(b.Found()[1], "below its recovery point 3") {
		t.Errorf("after a crash the log ends at %d, %q", b.Replicas()[0].LogEnd(), b.Found())
	}
}

// What is wrong with a file beside the logs is said, and the file is passed over.
func TestFoundAtStart(t *testing.T) {
	l, c := newAlone(t, nil)
	n := l.brokers[0]
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	l.crash(n)
	n.disk.Put(storage.HighWatermarkFile, []byte("0\n1\norders 0\n"))
	n.disk.Put(storage.RecoveryPointFile, []byte("1\n0\n"))
	n.disk.Put(storage.LogStartFile, []byte("0\n1\n"))
	n.disk.Put(storage.CleanShutdownFile, []byte("{"))
	n.disk.Put("orders-0/00000000000000000000.index", []byte{1})
	n.disk.Put("orders-0/partition.metadata", []byte("version: 0\n"))
	l.start(n)
	want := []string{
		"replication-offset-checkpoint is passed over: line 3: 2 fields, not 3",
		`recovery-point-offset-checkpoint is passed over: line 1: version "1", not 0`,
		`log-start-offset-checkpoint is passed over: line 2: "1" entries, and there are 0`,
		".kafka_cleanshutdown is passed over: unexpected end of JSON input",
		"orders-0: orders-0/00000000000000000000.index made again: of its 1 bytes 0 are right, and 0 there should be; made again: orders-0/partition.metadata: no topic_id in \"version: 0\"",
	}
	if b := l.broker(1); !slices.Equal(b.Found(), want) || b.Err() != nil || b.Replicas()[0].LogEnd() != 1 {
		t.Errorf("error %v, found %q", b.Err(), b.Found())
	}
	// A log that is not there leaves nothing to read that could be wrong.
	l.crash(n)
	n.disk.Put(storage.RecoveryPointFile, []byte("0\n1\norders 0 1\n"))
	n.disk.Put("orders-0/00000000000000000000.log", nil)
	l.start(n)
	last := "orders-0: it ends at offset 0, below its recovery point 1: records that were durable are not there"
	if b := l.broker(1); len(b.Found()) == 0 || b.Found()[len(b.Found())-1] != last {
		t.Errorf("without its log: %q", b.Found())
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
	if len(n.syncs) == 0 {
		t.Fatal("no syncs")
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
