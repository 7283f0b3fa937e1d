package replica

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/storage"
)

// txWorld is two replicas in which producers have transactions, with a new leader, a crash, a
// loss of power or a flush at any time. What a log says of transactions is read from its
// records, one by one, and held against what the replica says.
type txWorld struct {
	*lab
	rt     *rapid.T
	tops   map[*Replica]int64 // the highest high watermark since all was learnt from the log
	points map[int32]int64    // recovery points that are written down
	txSituations
}

// txSituations count what the runs must have met.
type txSituations struct{ aborted, committed, refused, unstable, restarts, powerLosses, failovers, cuts, rolled, indexes int }

func newTxWorld(t *rapid.T) *txWorld {
	topic := config.Topic{MinInsyncReplicas: 1, MaxMessageBytes: 1 << 20, FlushMessages: 1, SegmentBytes: 300, SegmentMillis: math.MaxInt64,
		SegmentIndexBytes: 1 << 20, IndexIntervalBytes: 100}
	w := &txWorld{lab: newLab(t, 2, topic), rt: t, tops: map[*Replica]int64{}, points: map[int32]int64{}}
	w.elect(1, []int32{1, 2})
	for _, b := range w.nodes {
		w.tell(b)
	}
	return w
}

func (w *txWorld) leader() *node {
	if b := w.node(w.truth.Leader); b.up() && b.Leads() {
		return b
	}
	return nil
}

// settle has all that is flushed be so.
func (w *txWorld) settle() {
	for _, b := range w.nodes {
		for b.up() && w.flush(b) {
			w.synced(b)
		}
	}
}

// produce appends a batch of a producer: in its transaction, or outside of any.
func (w *txWorld) produce() {
	b := w.leader()
	if b == nil {
		return
	}
	pid := int64(7 + below(w.rt, "producer", 3))
	epoch, seq := int16(0), int32(0)
	s := b.producers.byID[pid]
	if s != nil {
		epoch, seq = s.epoch, s.lastSequence()+1
	}
	if below(w.rt, "epoch", 8) == 0 {
		epoch += int16(below(w.rt, "by", 3) - 1)
	}
	transactional := below(w.rt, "transactional", 8) > 0
	build := wire.NewBuilder(pid, epoch, seq)
	if transactional {
		build.Transactional()
	}
	for i := range 1 + below(w.rt, "records", 3) {
		build.Append(w.now.Millis()+int64(i), nil, fmt.Appendf(nil, "%d:%d", pid, b.LogEnd()+int64(i)), nil)
	}
	want := int16(0)
	switch {
	case epoch < 0 || s != nil && epoch < s.epoch:
		want = wire.InvalidProducerEpoch
	case s != nil && epoch > s.epoch && seq != 0:
		want = wire.OutOfOrderSequenceNumber
	case s != nil && s.txnFirst >= 0 && !transactional:
		want = wire.InvalidTxnState
	}
	_, code, err := b.Append(both(w.now), build.Bytes(), -1)
	if err != nil || code != want {
		w.t.Fatalf("producer %d in epoch %d: %s %v, want %s", pid, epoch, wire.ErrorName(code), err, wire.ErrorName(want))
	}
	if code != 0 {
		w.refused++
	}
}

// mark ends a transaction, if there is one.
func (w *txWorld) mark() {
	b := w.leader()
	if b == nil {
		return
	}
	pid := int64(7 + below(w.rt, "producer", 3))
	m := wire.Marker{Commit: below(w.rt, "commit", 2) == 0, CoordinatorEpoch: int32(below(w.rt, "coordinator", 3))}
	version := int16(1 + below(w.rt, "version", 2))
	epoch, want := int16(below(w.rt, "any", 2)), int16(0)
	if s := b.producers.byID[pid]; s != nil {
		if epoch = s.epoch; below(w.rt, "next", 2) == 0 {
			epoch++
		}
		switch {
		case epoch < 0 || version == 2 && s.txnFirst >= 0 && epoch == s.epoch:
			want = wire.InvalidProducerEpoch
		case m.CoordinatorEpoch < s.coordinator:
			want = wire.TransactionCoordinatorFenced
		}
	}
	_, code, err := b.AppendMarker(both(w.now), pid, epoch, m, version)
	if err != nil || code != want {
		w.t.Fatalf("marker %+v of producer %d in epoch %d: %s %v, want %s", m, pid, epoch, wire.ErrorName(code), err, wire.ErrorName(want))
	}
	switch {
	case code != 0:
		w.refused++
	case m.Commit:
		w.committed++
	default:
		w.aborted++
	}
}

// own appends what a coordinator would.
func (w *txWorld) own() {
	b := w.leader()
	if b == nil {
		return
	}
	pid := int64(7 + below(w.rt, "producer", 4)) // one of them has no sequences
	epoch := int16(0)
	if s := b.producers.byID[pid]; s != nil {
		epoch = s.epoch
	}
	build := wire.NewBuilder(pid, epoch, -1)
	build.Transactional()
	build.Append(1, []byte("k"), nil, nil)
	if pid < 10 {
		build = wire.NewBuilder(-1, -1, -1)
		build.Append(1, []byte("k"), nil, nil)
	}
	if _, code, err := b.AppendOwn(both(w.now), build.Bytes(), 0); err != nil || code != 0 {
		w.t.Fatalf("%s %v", wire.ErrorName(code), err)
	}
}

func (w *txWorld) fetchOne() {
	for _, f := range w.nodes {
		if !f.up() || !f.Follows() || !w.node(f.State().Leader).up() {
			continue
		}
		if q, ok := w.lab.fetch(f); ok {
			before := f.LogEnd()
			a := w.serve(w.node(q.to), q, []int32{1, 200, 1 << 20}[below(w.rt, "max bytes", 3)])
			var err error
			switch {
			case a.Code != 0:
			case a.Diverges:
				err = f.Diverged(a.DivergeEpoch, a.DivergeOffset)
			default:
				err = f.AppendFetched(a.Records, a.highWatermark)
			}
			if err != nil && !errors.Is(err, ErrCorrupt) { // a leader that has lost durable files may have any log
				w.t.Fatalf("%v", err)
			}
			if f.LogEnd() < before {
				w.cuts++
				w.tops[f.Replica] = f.HighWatermark()
			}
		}
	}
}

// failOver has the other replica lead. Nobody asks for the ISR here: what is lost by that is
// part of the test.
func (w *txWorld) failOver() {
	next := 3 - w.truth.Leader
	if !w.node(next).up() {
		return
	}
	w.failovers++
	w.elect(next, []int32{1, 2})
	for _, b := range w.nodes {
		if b.up() {
			before := b.LogEnd()
			w.tell(b)
			if b.LogEnd() < before {
				w.tops[b.Replica] = b.HighWatermark()
			}
		}
	}
}

func (w *txWorld) restart() {
	b := w.nodes[below(w.rt, "broker", 2)]
	highWatermark := b.HighWatermark()
	if below(w.rt, "save", 3) > 0 {
		w.points[b.id] = b.RecoveryPoint()
		b.RecoveryPointSaved(w.points[b.id])
	}
	if b.savedPoint > b.RecoveryPoint() {
		w.points[b.id] = b.RecoveryPoint() // as the node does before it goes on
	}
	clean := below(w.rt, "clean", 4) == 0
	switch {
	case clean:
		if err := b.Close(); err != nil {
			w.t.Fatalf("close: %v", err)
		}
		for w.flush(b) {
			w.synced(b)
		}
		w.points[b.id] = b.LogEnd()
	case below(w.rt, "power loss", 2) == 0:
		w.powerLosses++
		b.disk.PowerLoss(below(w.rt, "torn", 300))
	}
	w.restarts++
	r, recovery, err := Open(b.disk, Config{
		TP: wire.TP{Topic: "orders"}, Self: b.id, Topic: w.topic, LagTimeMax: w.lag, Eligible: w.eligible, Failpoints: b.points,
	}, Saved{HighWatermark: highWatermark, RecoveryPoint: w.points[b.id], Clean: clean})
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	if clean && (recovery.TornBytes > 0 || recovery.IndexesMade > 0) {
		w.t.Fatalf("after a clean end: %v", recovery)
	}
	b.Replica, b.flushing = r, nil
	w.tops[r] = r.HighWatermark()
	if w.truth.Leader == b.id { // it leads again in an epoch of its own
		w.elect(b.id, []int32{1, 2})
		for _, b := range w.nodes {
			w.tell(b)
		}
		return
	}
	w.tell(b)
}

// txScan is what a log says of transactions, read from its first record to its last.
type txScan struct {
	open    map[int64]int64 // where those begin that are open
	decided []transaction
	aborted []storage.AbortedTxn
	values  []inLog // of no transaction that was aborted or is open, below an offset
}

func (w *txWorld) scan(r *Replica, below int64) txScan {
	s := txScan{open: map[int64]int64{}}
	pending := map[int64][]inLog{}
	err := r.Each(0, func(h *wire.Batch, x *wire.Record) error {
		pid, at := h.ProducerID, h.BaseOffset+int64(x.OffsetDelta)
		first, isOpen := s.open[pid]
		switch {
		case h.IsControl() && isOpen:
			delete(s.open, pid)
			s.decided = append(s.decided, transaction{pid, first, at})
			if x.Key[3] == 0 {
				stable := at + 1
				for _, f := range s.open {
					stable = min(stable, f)
				}
				s.aborted = append(s.aborted, storage.AbortedTxn{ProducerID: pid, FirstOffset: first, LastOffset: at, LastStableOffset: stable})
			} else {
				s.values = append(s.values, pending[pid]...)
			}
			delete(pending, pid)
		case h.IsControl():
		case h.IsTransactional():
			if !isOpen {
				s.open[pid] = h.BaseOffset
			}
			pending[pid] = append(pending[pid], inLog{at, 0, string(x.Value)})
		default:
			s.values = append(s.values, inLog{at, 0, string(x.Value)})
		}
		return nil
	})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	slices.SortFunc(s.values, func(a, b inLog) int { return int(a.offset - b.offset) })
	s.values = slices.DeleteFunc(s.values, func(x inLog) bool { return x.offset >= below })
	return s
}

// consume reads as a consumer with read_committed does.
func (w *txWorld) consume(r *Replica) (values []inLog) {
	for from := int64(0); r.Available(Committed, from); {
		a := r.Read(Reader{Isolation: Committed, From: from, LastEpoch: -1, CurrentEpoch: -1}, []int32{1, 100, 250}[below(w.rt, "max bytes", 3)], true)
		if a.Code != 0 || a.Records.Len() == 0 {
			w.t.Fatalf("at %d of %d: %s, nothing", from, r.LastStable(), wire.ErrorName(a.Code))
		}
		list := slices.Clone(a.Aborted)
		slices.SortFunc(list, func(a, b storage.AbortedTxn) int { return int(a.FirstOffset - b.FirstOffset) })
		dead := map[int64]bool{}
		for h, batch := range wire.SplitBatches(a.Records) {
			for len(list) > 0 && list[0].FirstOffset <= h.LastOffset() {
				dead[list[0].ProducerID] = true
				list = list[1:]
			}
			if h.IsControl() {
				if m, ok, err := wire.ReadMarker(batch); err != nil || !ok {
					w.t.Fatalf("marker %v %v", ok, err)
				} else if !m.Commit {
					delete(dead, h.ProducerID)
				}
			} else if !h.IsTransactional() || !dead[h.ProducerID] {
				_ = wire.EachRecord(batch, func(x *wire.Record) error {
					if at := h.BaseOffset + int64(x.OffsetDelta); at >= from {
						values = append(values, inLog{at, 0, string(x.Value)})
					}
					return nil
				})
			}
			from = max(from, h.NextOffset())
		}
	}
	return values
}

func (w *txWorld) check() {
	for _, b := range w.nodes {
		r := b.Replica
		w.tops[r] = max(w.tops[r], r.HighWatermark())
		stable := r.HighWatermark()
		s := w.scan(r, math.MaxInt64)
		for _, first := range s.open {
			stable = min(stable, first)
		}
		for _, d := range s.decided {
			if d.last >= w.tops[r] {
				stable = min(stable, d.first)
			}
		}
		if got := r.LastStable(); got != stable {
			w.t.Fatalf("b%d: last stable offset %d, and the log says %d: %+v %+v", b.id, got, stable, s, r.producers.txns)
		}
		if got := r.log.Aborted(); !slices.Equal(got, s.aborted) {
			w.t.Fatalf("b%d: aborted %+v, and the log says %+v", b.id, got, s.aborted)
		}
		if err := r.CheckTransactions(); err != nil {
			w.t.Fatalf("b%d: %v", b.id, err)
		}
		if stable < r.HighWatermark() {
			w.unstable++
		}
		w.indexes += len(s.aborted)
		if len(r.log.Inactive()) > 1 {
			w.rolled++
		}
		if r.Leads() {
			if want, got := w.scan(r, stable).values, w.consume(r); !slices.Equal(want, got) {
				w.t.Fatalf("b%d: read_committed sees %v, and what is committed below %d is %v", b.id, got, stable, want)
			}
		}
	}
}

func TestTransactionsAreWhatTheLogSays(t *testing.T) {
	var met txSituations
	rapid.Check(t, func(t *rapid.T) {
		w := newTxWorld(t)
		steps := []func(){w.produce, w.produce, w.produce, w.produce, w.mark, w.mark, w.own, w.fetchOne, w.fetchOne, w.fetchOne, w.settle, w.settle, w.failOver, w.restart}
		for range 40 {
			w.now = w.now.Add(time.Millisecond)
			steps[below(t, "step", len(steps))]()
			w.check()
		}
		met.aborted += w.aborted
		met.committed += w.committed
		met.refused += w.refused
		met.unstable += w.unstable
		met.restarts += w.restarts
		met.powerLosses += w.powerLosses
		met.failovers += w.failovers
		met.cuts += w.cuts
		met.rolled += w.rolled
		met.indexes += w.indexes
	})
	t.Logf("%+v", met)
	for what, n := range map[string]int{"aborted": met.aborted, "committed": met.committed, "refused": met.refused, "unstable": met.unstable,
		"restarts": met.restarts, "power losses": met.powerLosses, "failovers": met.failovers, "cuts": met.cuts, "rolled": met.rolled, "indexes": met.indexes} {
		if n == 0 && !t.Failed() {
			t.Errorf("%s: never", what)
		}
	}
}
