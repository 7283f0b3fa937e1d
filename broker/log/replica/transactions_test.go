package replica

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// txAlone is a partition with one replica, on which transactions are verified.
type txAlone struct {
	*lab
	*node
}

func newTxAlone(t tester) *txAlone {
	topic := config.Topic{MinInsyncReplicas: 1, MaxMessageBytes: 1 << 20, FlushMessages: math.MaxInt64, SegmentBytes: 1 << 20, SegmentMillis: math.MaxInt64,
		SegmentIndexBytes: 1 << 20, IndexIntervalBytes: 4096}
	l := newLab(t, 1, topic)
	l.elect(1, []int32{1})
	w := &txAlone{l, l.nodes[0]}
	l.tell(w.node)
	w.Replica.cfg.VerifyTransactions = true
	return w
}

// send appends a record of a transaction with a guard.
func (w *txAlone) send(pid int64, epoch int16, seq int32, g Guard) string {
	b := wire.NewBuilder(pid, epoch, seq)
	b.Transactional()
	b.Append(1, []byte("k"), []byte("v"), nil)
	at, code, err := w.AppendVerified(both(w.now), b.Bytes(), -1, g)
	return said(at, code, err)
}

func said(at Appended, code int16, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case code != 0:
		return wire.ErrorName(code)
	}
	return fmt.Sprint("offset ", at.Base)
}

// verify begins a verification, which answers at once.
func (w *txAlone) verify(pid int64, epoch int16, seq int32, bumps bool) (g Guard) {
	g, _, _ = w.Verify(both(w.now), pid, epoch, seq, bumps)
	return g
}

func (w *txAlone) begin(pid int64, epoch int16, seq int32) string {
	return w.send(pid, epoch, seq, w.verify(pid, epoch, seq, false))
}

func (w *txAlone) end(pid int64, epoch int16, commit bool, coordinator int32, version int16) string {
	return said(w.AppendMarker(both(w.now), pid, epoch, wire.Marker{Commit: commit, CoordinatorEpoch: coordinator}, version))
}

// reads is what somebody with read_committed is given from an offset on.
func (w *txAlone) reads(from int64, maxBytes int32) string {
	r := w.Read(Reader{Isolation: Committed, From: from, LastEpoch: -1, CurrentEpoch: -1}, maxBytes, true)
	n := 0
	for h := range wire.SplitBatches(r.Records) {
		n += int(h.Count)
	}
	return fmt.Sprint(n, " records, ", len(r.Aborted), " aborted")
}

// What a verification is good for (KIP-890).
func TestVerification(t *testing.T) {
	w := newTxAlone(t)
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check("without a guard", w.send(7, 0, 0, 0), "INVALID_TXN_STATE")
	g := w.verify(7, 0, 0, false)
	check("with another", w.send(7, 0, 0, g+1), "INVALID_TXN_STATE")
	check("of another producer", w.send(8, 0, 0, g), "INVALID_TXN_STATE")
	check("with the guard", w.send(7, 0, 0, g), "offset 0")
	if _, needed, code := w.Verify(both(w.now), 7, 0, 1, false); needed || code != 0 {
		t.Errorf("an open transaction needs to be verified: %t, %d", needed, code)
	}
	check("in the transaction", w.send(7, 0, 1, 0), "offset 1")
	check("marker", w.end(7, 0, true, 0, 1), "offset 2")
	check("late", w.send(7, 0, 2, 0), "INVALID_TXN_STATE")
	check("with the guard of before", w.send(7, 0, 2, g), "INVALID_TXN_STATE")

	g = w.verify(7, 0, 2, false)
	check("marker while the coordinator is asked", w.end(7, 0, false, 0, 1), "offset 3")
	check("its word, too late", w.send(7, 0, 2, g), "INVALID_TXN_STATE")

	g = w.verify(7, 0, 2, false)
	if again := w.verify(7, 0, 3, false); again != g {
		t.Errorf("a second batch has guard %d, the first %d", again, g)
	}
	check("one that overtakes another", w.send(7, 0, 3, g), "OUT_OF_ORDER_SEQUENCE_NUMBER")
	check("the first", w.send(7, 0, 2, g), "offset 4")
	check("the second", w.send(7, 0, 3, 0), "offset 5")
	check("what is of no transaction", said(w.Append(both(w.now), batch(7, 0, 4, 1, "x"), -1)), "INVALID_TXN_STATE")
	check("of another epoch, which does not know of it", w.send(7, 1, 0, 0), "INVALID_TXN_STATE")

	g = w.verify(9, 0, 0, false)
	w.ExpireProducers(w.now.Add(time.Hour).Millis(), time.Hour.Milliseconds())
	check("a guard that has expired", w.send(9, 0, 0, g), "INVALID_TXN_STATE")

	check("marker", w.end(7, 1, true, 0, 2), "offset 6")
	g = w.verify(7, 1, 3, true)
	check("an epoch that begins behind 0", w.send(7, 1, 3, g), "OUT_OF_ORDER_SEQUENCE_NUMBER")
	g = w.verify(7, 1, 0, true)
	check("an epoch that begins", w.send(7, 1, 0, g), "offset 7")
	check("the marker of the transaction before, late", w.end(7, 1, true, 0, 2), "INVALID_PRODUCER_EPOCH")
	check("its own", w.end(7, 2, true, 0, 2), "offset 8")
	check("its own again", w.end(7, 2, true, 0, 2), "offset 9")

	w.Replica.cfg.VerifyTransactions = false
	if _, needed, _ := w.Verify(both(w.now), 7, 2, 0, false); needed {
		t.Error("what need not be verified is to be")
	}
	if _, needed, _ := w.Verify(both(w.now), 7, 2, 0, true); !needed {
		t.Error("what adds a partition need not ask")
	}
	check("a late batch where nothing is verified", w.send(7, 2, 0, 0), "offset 10")
}

// What a coordinator of this broker appends.
func TestAppendOwn(t *testing.T) {
	w := newTxAlone(t)
	own := func(pid int64, epoch int16, g Guard, values ...string) string {
		b := wire.NewBuilder(pid, epoch, -1)
		if pid >= 0 {
			b.Transactional()
		}
		for _, v := range values {
			var value []byte
			if v != "" {
				value = []byte(v)
			}
			b.Append(1, []byte("k"), value, nil)
		}
		return said(w.AppendOwn(both(w.now), b.Bytes(), g))
	}
	for _, c := range []struct{ what, got, want string }{
		{"records and a tombstone", own(-1, -1, 0, "a", ""), "offset 0"},
		{"offsets of a transaction nobody knows of", own(7, 0, 0, "a"), "INVALID_TXN_STATE"},
		{"of one that was verified", own(7, 0, w.verify(7, 0, -1, false), "a"), "offset 2"},
		{"more of it", own(7, 0, 0, "a"), "offset 3"},
		{"of an epoch before", own(7, -1, 0, "a"), "INVALID_TXN_STATE"},
		{"the end", w.end(7, 1, false, 3, 1), "offset 4"},
		{"of an epoch that is over", own(7, 0, w.verify(7, 0, -1, false), "a"), "INVALID_PRODUCER_EPOCH"},
		{"too much", own(-1, -1, 0, strings.Repeat("x", 1<<20)), "MESSAGE_TOO_LARGE"},
		{"no records", said(w.AppendOwn(both(w.now), machine.Bytes{}, 0)), "INVALID_RECORD"},
		{"a control batch", said(w.AppendOwn(both(w.now), wire.Marker{}.Batch(1, 7, 1), 0)), "INVALID_RECORD"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	w.setISR([]int32{})
	w.topic.MinInsyncReplicas = 1
	w.lab.tell(w.node)
	if got := own(-1, -1, 0, "a"); got != "NOT_ENOUGH_REPLICAS" {
		t.Errorf("without enough in sync: %s", got)
	}
	w.elect(NoLeader, []int32{1})
	w.lab.tell(w.node)
	if got := own(-1, -1, 0, "a"); got != "NOT_LEADER_OR_FOLLOWER" {
		t.Errorf("without leading: %s", got)
	}
	if got := w.end(7, 1, true, 3, 1); got != "NOT_LEADER_OR_FOLLOWER" {
		t.Errorf("a marker without leading: %s", got)
	}
}

// Each planted bug bites: what is seen without it is what is promised, and something else
// with it.
func TestPlantedTransactionBugsBite(t *testing.T) {
	for _, c := range []struct {
		bug          failpoint.Site
		see          func(w *txAlone) string
		kept, broken string
	}{
		{failpoint.T09SkipVerification, func(w *txAlone) string {
			w.begin(7, 0, 0)
			w.end(7, 0, false, 0, 1)
			return fmt.Sprint(w.send(7, 0, 1, 0), ", stable up to ", w.LastStable(), " of ", w.LogEnd())
		}, "INVALID_TXN_STATE, stable up to 2 of 2", "offset 2, stable up to 2 of 3"},
		{failpoint.T10ReadUnstable, func(w *txAlone) string {
			w.begin(7, 0, 0)
			offset, _ := w.Latest(Committed)
			return fmt.Sprint(w.reads(0, 1<<20), ", latest ", offset)
		}, "0 records, 0 aborted, latest 0", "1 records, 0 aborted, latest 1"},
		{failpoint.T11SearchShort, func(w *txAlone) string {
			w.begin(8, 0, 0)
			w.end(8, 0, true, 0, 1)
			w.begin(7, 0, 0)
			w.end(7, 0, false, 0, 1)
			return w.reads(2, 1)
		}, "1 records, 1 aborted", "1 records, 0 aborted"},
		{failpoint.T14OldCoordinator, func(w *txAlone) string {
			w.begin(7, 0, 0)
			w.end(7, 0, true, 5, 1)
			w.begin(7, 0, 1)
			return w.end(7, 0, false, 4, 1)
		}, "TRANSACTION_COORDINATOR_FENCED", "offset 3"},
		{failpoint.T06OldEpoch, func(w *txAlone) string {
			w.begin(7, 0, 0)
			w.end(7, 1, false, 0, 1)
			w.begin(7, 1, 0) // the successor
			return w.send(7, 0, 1, 0)
		}, "INVALID_TXN_STATE", "offset 3"},
		{failpoint.S12CleanUnstable, func(w *txAlone) string {
			w.begin(7, 0, 0)
			if err := w.log.RollEmpty(false); err != nil {
				return err.Error()
			}
			c := w.Cleanable(0, 0)
			return fmt.Sprint(c.Until)
		}, "0", "1"},
	} {
		for _, planted := range []bool{false, true} {
			w := newTxAlone(t)
			want := c.kept
			if planted {
				w.plant(c.bug.String())
				want = c.broken
			}
			if got := c.see(w); got != want {
				t.Errorf("%s, planted %t: %s, want %s", c.bug, planted, got, want)
			}
		}
	}
}

// Audits see what is wrong with the transactions of a log, and with what a replica says of them.
func TestTransactionAuditsSee(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(w *txAlone)
		want string // in what is reported; empty: nothing is
	}{
		{"nothing", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.end(7, 1, false, 0, 2)
			w.begin(8, 0, 0)
		}, ""},
		{"a marker that comes late", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.end(7, 1, true, 0, 1)
			w.begin(7, 1, 0)
			w.end(7, 1, true, 0, 1)
		}, "the marker at offset 3 of producer 7, epoch 1, ends a transaction of that epoch, which began at offset 2"},
		{"T14", func(w *txAlone) {
			w.plant("T14-old-coordinator")
			w.begin(7, 0, 0)
			w.end(7, 1, true, 5, 2)
			w.end(7, 2, false, 4, 2)
		}, "the marker at offset 2 of producer 7 is of coordinator epoch 4, after 5"},
		{"T06", func(w *txAlone) {
			w.plant("T06-old-epoch")
			w.begin(7, 0, 0)
			w.end(7, 1, false, 0, 2)
			w.begin(7, 1, 0)
			w.send(7, 0, 1, 0)
		}, "offset 3 of producer 7 is of epoch 0, after 1"},
		{"an open transaction that is forgotten", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.producers.txns.open = nil
		}, "the transaction of producer 7 that begins at offset 0 has no marker, and is not said to be open"},
		{"one that is made up", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.end(7, 1, true, 0, 2)
			w.producers.txns.begin(7, 0)
		}, "the transaction of producer 7 that begins at offset 0 is said to be open, and the log does not say so"},
		{"an abort that no index tells of", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.end(7, 1, false, 0, 2)
			w.log.DoubtAborted(new(storage.Recovery))
			if err := w.log.PutAborted(nil, new(storage.Recovery)); err != nil {
				w.lab.t.Fatalf("%v", err)
			}
		}, "the transaction of producer 7 from offset 0 to 1 was aborted, and no index says so"},
		{"a commit that an index takes for an abort", func(w *txAlone) {
			w.begin(7, 0, 0)
			w.end(7, 1, true, 0, 2)
			if err := w.log.AppendAborted(storage.AbortedTxn{ProducerID: 7, LastOffset: 1, LastStableOffset: 2}); err != nil {
				w.lab.t.Fatalf("%v", err)
			}
		}, "an index says that the transaction of producer 7 from offset 0 to 1 was aborted, and it was committed"},
	} {
		w := newTxAlone(t)
		c.do(w)
		if err := w.CheckMarkers(true); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
}
