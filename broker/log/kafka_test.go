package log

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/kafkatest"
	"brokersim/broker/log/wire"
)

// writtenByBrokers are the disks of two brokers that have led and followed, rolled and been
// shut down in good order, and that of their controller.
func writtenByBrokers(t *testing.T) []*labNode {
	l := newCluster(t, 2, func(b *config.Broker) {
		b.LogSegmentBytes, b.LogCleanerBackoff, b.LogMessageTimestampAfterMax = 60_000, time.Second, math.MaxInt64
	})
	l.create("orders", map[string]string{"min.insync.replicas": "1"}, 1, 2)
	l.create("table", map[string]string{"min.insync.replicas": "1", "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "30000"}, 1, 2)
	sequence := int32(0)
	produce := func(to *labNode, n int) {
		c := l.client(to)
		for range n {
			b := wire.NewBuilder(5, 0, sequence)
			for i := range int64(1 + sequence%3) {
				// Timestamps that rise on the whole, and not from batch to batch.
				at := 1_700_000_000_000 + 1000*int64(sequence) - 7000*int64(sequence%5) + i
				b.Append(at, []byte("key"), []byte(strings.Repeat("v", 100+int(sequence*37)%900)), nil)
			}
			sequence += int32(b.Count())
			ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, b.Bytes().Contiguous()), 9)
			ask[*kmsg.ProduceResponse](c, produceRequest("table", 1, time.Second, row(t, sequence)), 9)
		}
		l.advance(time.Second)
		c.hangUp()
	}
	produce(l.brokers[0], 200)
	l.crash(l.brokers[0])
	l.advance(20 * time.Second)
	produce(l.brokers[1], 100)
	l.start(l.brokers[0])
	l.advance(time.Minute)
	for i, n := range l.brokers {
		l.stop(n)
		if b := l.broker(int32(i + 1)); !b.Stopped() || len(b.Found()) > 0 {
			t.Fatalf("%s: stopped %t, found %q", n.name, b.Stopped(), b.Found())
		}
	}
	return append(l.brokers, l.controller)
}

// row is a batch of changes of rows, some of them tombstones, in one codec or another.
func row(t *testing.T, n int32) []byte {
	b := wire.NewBuilder(-1, -1, -1)
	for i := range n % 3 {
		var value []byte
		if (n+i)%10 != 0 {
			value = []byte(strings.Repeat("v", 300+int(n*37)%900))
		}
		b.Append(1_700_000_000_000+1000*int64(n), []byte{'k', byte(n*7+i) % 20}, value, nil)
	}
	b.Append(1_700_000_000_000+1000*int64(n), []byte{'k', byte(n*3) % 20}, []byte("last"), []wire.Header{{Key: "n", Value: []byte{1}}})
	if n < 40 {
		b.Append(1_700_000_000_000+1000*int64(n), []byte{'t', byte(n)}, nil, nil) // it stays
	}
	out, err := wire.Compress(b.Bytes(), int8(n%5))
	if err != nil {
		t.Fatal(err)
	}
	return out.Contiguous()
}

// export writes a disk to a directory.
func export(t *testing.T, n *labNode, dir string) (names []string) {
	t.Helper()
	for _, name := range n.disk.List() {
		to := filepath.Join(dir, n.name, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(to), 0o777)
		if err == nil {
			err = os.WriteFile(to, n.disk.Get(name), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, to)
	}
	return names
}

// complaints is how Kafka says that something is wrong with a file.
var complaints = regexp.MustCompile(`(?i).*(mismatch|corrupt|exception|isvalid: false|out of order|non-consecutive|not found|error|ignoring unknown).*`)

// holes is what Kafka says of the offsets that compaction has left.
var holes = regexp.MustCompile(`(?m)^Non-consecutive offsets in \S+/table-0/\S+$`)

// Apache Kafka's own tool finds nothing wrong with what brokers have written: every record
// of every batch, the entries of the indexes, the snapshots of producers.
func TestKafkaReadsOurFiles(t *testing.T) {
	jars := kafkatest.Jars(t, "3.9.1")
	dir := t.TempDir()
	records := 0
	for _, n := range writtenByBrokers(t) {
		var all, indexes []string
		for _, name := range export(t, n, dir) {
			switch filepath.Ext(name) {
			case ".index", ".timeindex":
				indexes = append(indexes, name)
				all = append(all, name)
			case ".log", ".snapshot":
				all = append(all, name)
			}
		}
		deep := dumpLogSegments(t, jars, all, "--deep-iteration")
		deep = holes.ReplaceAllString(deep, "")
		if !strings.Contains(deep, "deleteHorizonMs: OptionalLong[") && n.name != "c101" {
			t.Errorf("%s: no tombstone has been kept by the cleaner", n.name)
		}
		complain(t, n.name, deep, all)
		records += strings.Count(deep, "| offset: ")
		out := dumpLogSegments(t, jars, indexes, "--index-sanity-check")
		complain(t, n.name, out, indexes)
		if strings.Count(out, "passed sanity check")+strings.Count(out, "is empty.") != len(indexes) {
			t.Errorf("%s: not all of %d indexes pass:\n%s", n.name, len(indexes), out)
		}
		t.Logf("%s: %d files, %d of them indexes, %d records so far", n.name, len(all), len(indexes), records)
		if os.Getenv(kafkatest.Variable) == "show" {
			t.Log(deep)
		}
	}
	if records < 900 || records > 1300 { // 1,800 and more were sent: one of two topics is compacted
		t.Errorf("%d records were read", records)
	}
	// That it finds nothing says something only if it would.
	broken := filepath.Join(dir, "b1", "orders-0", "00000000000000000000.index")
	b, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	b[15]++
	if err := os.WriteFile(broken, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if out := dumpLogSegments(t, jars, []string{broken}); !complaints.MatchString(out) {
		t.Errorf("a wrong position passes:\n%s", out)
	}
}

// writtenInTransactions are the disks of three brokers on which transactions were committed,
// aborted and left open, on a topic that is compacted, too, and who were shut down in good order.
func writtenInTransactions(t *testing.T) []*labNode {
	l := newTransacted(t, 2, func(b *config.Broker) {
		b.LogSegmentBytes, b.LogCleanerBackoff, b.LogMessageTimestampAfterMax = 2_000, time.Second, math.MaxInt64
	})
	l.create("ledger", map[string]string{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "20000"}, 1, 2, 3)
	p, q := l.producer("p", 2), l.producer("q", 2)
	for i := range 60 {
		p.key, q.key = []byte{'k', byte(i % 5)}, []byte{'k', byte(i % 7)}
		for _, topic := range []string{"b1", "ledger"} {
			wantCode(t, "produce", p.produce(topic, fmt.Sprint("v", i), "w"), 0)
			wantCode(t, "produce", q.produce(topic, fmt.Sprint("x", i)), 0)
		}
		wantCode(t, "end", p.end(i%3 > 0), 0)
		if i%4 == 3 {
			wantCode(t, "end", q.end(i%8 == 3), 0)
		}
	}
	l.advance(time.Minute)
	wantCode(t, "produce", p.produce("b1", "open"), 0)
	for i, n := range l.brokers {
		l.stop(n)
		if b := l.broker(int32(i + 1)); !b.Stopped() || len(b.Found()) > 0 {
			t.Fatalf("%s: stopped %t, found %q", n.name, b.Stopped(), b.Found())
		}
	}
	return l.brokers
}

// Apache Kafka's own tool reads transactional logs: markers, the indexes of aborted
// transactions, snapshots that tell of open ones, and the log of the coordinator.
func TestKafkaReadsOurTransactions(t *testing.T) {
	jars := kafkatest.Jars(t, "3.9.1")
	dir := t.TempDir()
	holes := regexp.MustCompile(`(?m)^Non-consecutive offsets in \S+/(ledger|__transaction_state|__consumer_offsets)-\d+/\S+$`)
	// A batch of which compaction has left the header keeps its timestamp, in Kafka as well.
	headers := regexp.MustCompile(`(?m)^Found timestamp mismatch in :\S+\n(  Index timestamp: \d+, log timestamp: -1\n)+`)
	for _, n := range writtenInTransactions(t) {
		var all, state []string
		aborted := 0
		for _, name := range export(t, n, dir) {
			switch ext := filepath.Ext(name); {
			case ext == ".log" && strings.Contains(name, "/__transaction_state-"):
				state = append(state, name)
			case ext == ".txnindex":
				aborted++
				all = append(all, name)
			case ext == ".log", ext == ".index", ext == ".timeindex", ext == ".snapshot":
				all = append(all, name)
			}
		}
		deep := headers.ReplaceAllString(holes.ReplaceAllString(dumpLogSegments(t, jars, all, "--deep-iteration"), ""), "")
		complain(t, n.name, deep, all)
		for what, least := range map[string]int{"endTxnMarker: COMMIT": 60, "endTxnMarker: ABORT": 20, "isTransactional: true": 100, "currentTxnFirstOffset: OptionalLong[": 10, "lastStableOffset": 10} {
			if got := strings.Count(deep, what); got < least {
				t.Errorf("%s: %q is said %d times, and %d at least are there", n.name, what, got, least)
			}
		}
		decoded := holes.ReplaceAllString(dumpLogSegments(t, jars, state, "--transaction-log-decoder"), "")
		complain(t, n.name, decoded, state)
		if !strings.Contains(decoded, "transaction_metadata::transactionalId=p") && !strings.Contains(decoded, "CompleteAbort") {
			t.Errorf("%s: the log of the coordinator is\n%s", n.name, decoded)
		}
		t.Logf("%s: %d files, %d of them indexes of aborted transactions, %d of the coordinator", n.name, len(all), aborted, len(state))
		if os.Getenv(kafkatest.Variable) == "show" {
			t.Log(deep, decoded)
		}
	}
}

func dumpLogSegments(t *testing.T, jars string, files []string, flags ...string) string {
	t.Helper()
	args := append([]string{"-Xmx256m", "-cp", jars, "kafka.tools.DumpLogSegments", "--files", strings.Join(files, ",")}, flags...)
	out, err := exec.Command("java", args...).CombinedOutput()
	if err != nil {
		t.Logf("%v", err) // what it has found is in its output
	}
	return string(out)
}

// complain fails the test for what Kafka says against some files, and for those of which it
// says nothing at all.
func complain(t *testing.T, node, out string, files []string) {
	t.Helper()
	for _, line := range complaints.FindAllString(out, 10) {
		t.Errorf("%s: %s", node, line)
	}
	for _, name := range files {
		if !strings.Contains(out, name) {
			t.Errorf("%s: nothing is said of %s", node, name)
		}
	}
}
