package replica

import (
	"maps"
	"math"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// window is how many of a producer's last batches are remembered, and so how
// many requests an idempotent producer may have in flight (KIP-98).
const window = 5

// producers is what the log says about idempotent and transactional producers (Kafka's
// ProducerStateManager).
type producers struct {
	byID      map[int64]*producer
	txns      transactions
	verifying map[int64]*verification
	guards    Guard // the last that was given
}

// producer is Kafka's ProducerStateEntry.
type producer struct {
	epoch int16
	first int64 // ms: the largest timestamp of its first batch, whatever the epoch
	last  int64 // and of its newest, or of its last marker
	seen  int   // of recent: how many are filled
	next  int   // where the next one goes
	// recent are its last batches of this epoch.
	recent [window]produced

	coordinator int32 // the coordinator epoch of its last marker; -1: it has none
	txnFirst    int64 // where its open transaction begins; -1: it has none
}

// produced is one batch of a producer.
type produced struct {
	firstSeq, lastSeq int32
	base, end         int64
	time              int64 // the largest of its timestamps, in ms
}

// sequence names a batch of an idempotent producer, for failpoints.
func sequence(h *wire.Batch) uint64 { return uint64(h.ProducerID)<<32 | uint64(uint32(h.BaseSequence)) }

// entries are what a snapshot says: of each producer its newest batch, by producer id.
func (p *producers) entries() []storage.ProducerEntry {
	list := make([]storage.ProducerEntry, 0, len(p.byID))
	for _, id := range slices.Sorted(maps.Keys(p.byID)) {
		s := p.byID[id]
		e := storage.ProducerEntry{
			ProducerID: id, Epoch: s.epoch, LastSequence: -1, LastOffset: -1,
			Timestamp: s.last, CoordinatorEpoch: s.coordinator, TxnFirstOffset: s.txnFirst,
		}
		if b := s.newest(); b != nil {
			e.LastSequence, e.LastOffset, e.OffsetDelta = b.lastSeq, b.end-1, int32(b.end-b.base-1)
		}
		list = append(list, e)
	}
	return list
}

// restore knows what a snapshot says, and nothing else.
func (p *producers) restore(list []storage.ProducerEntry) {
	clear(p.byID)
	p.txns.restore(list)
	for i := range list {
		e := &list[i]
		s := p.producer(e.ProducerID)
		*s = producer{epoch: e.Epoch, first: e.Timestamp, last: e.Timestamp, coordinator: e.CoordinatorEpoch, txnFirst: e.TxnFirstOffset}
		if e.LastOffset < 0 {
			continue
		}
		first := int32(-1)
		if e.LastSequence >= 0 {
			first = int32((int64(e.LastSequence) - int64(e.OffsetDelta)) & math.MaxInt32)
		}
		s.recent[0] = produced{first, e.LastSequence, e.LastOffset - int64(e.OffsetDelta), e.LastOffset + 1, e.Timestamp}
		s.seen, s.next = 1, 1
	}
}

// producer is what is known of a producer; of one that is new, nothing.
func (p *producers) producer(id int64) *producer {
	s := p.byID[id]
	if s == nil {
		if p.byID == nil {
			p.byID = make(map[int64]*producer)
		}
		s = &producer{epoch: -1, coordinator: -1, txnFirst: -1}
		p.byID[id] = s
	}
	return s
}

// newest is the last batch of a producer's epoch; nil if it has none.
func (p *producer) newest() *produced {
	if p.seen == 0 {
		return nil
	}
	return &p.recent[(p.next+window-1)%window]
}

// lastSequence is that of its newest batch; -1 if it has none, or that has none.
func (p *producer) lastSequence() int32 {
	if b := p.newest(); b != nil {
		return b.lastSeq
	}
	return -1
}

// moveTo has the producer be in an epoch: in a new one it has no batches.
func (p *producer) moveTo(epoch int16) {
	if p.epoch != epoch {
		p.epoch, p.seen, p.next = epoch, 0, 0
	}
}

// duplicate finds a batch that is in the log already: one of the last five of
// its producer's epoch with the same sequences. remembered is at most five.
func (p *producers) duplicate(h *wire.Batch, remembered int) (Appended, bool) {
	s := p.byID[h.ProducerID]
	if s == nil || s.epoch != h.ProducerEpoch {
		return Appended{}, false
	}
	for i := range min(s.seen, remembered) {
		if b := &s.recent[(s.next+window-1-i)%window]; b.firstSeq == h.BaseSequence && b.lastSeq == h.LastSequence() {
			return Appended{Base: b.base, End: b.end, Duplicate: true, AppendTime: b.time}, true
		}
	}
	return Appended{}, false
}

// checkEpoch is Kafka's error for a batch of an epoch that its producer has left behind
// (ProducerAppendInfo.checkProducerEpoch).
func (p *producers) checkEpoch(h *wire.Batch) int16 {
	if s := p.byID[h.ProducerID]; h.ProducerEpoch < 0 || s != nil && h.ProducerEpoch < s.epoch {
		return wire.InvalidProducerEpoch
	}
	return 0
}

// checkSequence is Kafka's error for a client's batch that does not continue what its
// producer has in the log (ProducerAppendInfo.checkSequence).
func (p *producers) checkSequence(h *wire.Batch) int16 {
	s := p.byID[h.ProducerID]
	if v := p.verifying[h.ProducerID]; v != nil {
		// An epoch that begins with each transaction begins with sequence 0 (KIP-890). One
		// that overtakes another which waits for its verification would shut that out.
		if v.bumps && h.BaseSequence != 0 && (s == nil || s.seen == 0) || h.BaseSequence > v.lowest {
			return wire.OutOfOrderSequenceNumber
		}
	}
	switch {
	case s == nil:
		// Nothing is known of it, perhaps because retention has removed all that
		// it has written: any sequence is right.
		return 0
	case h.ProducerEpoch > s.epoch:
		if h.BaseSequence != 0 {
			return wire.OutOfOrderSequenceNumber
		}
		return 0
	}
	last := s.lastSequence()
	if last == math.MaxInt32 && h.BaseSequence == 0 || last != math.MaxInt32 && h.BaseSequence == last+1 {
		return 0
	}
	return wire.OutOfOrderSequenceNumber
}

// checkTransaction is Kafka's error for a batch that is not part of its producer's open
// transaction.
func (p *producers) checkTransaction(h *wire.Batch) int16 {
	if s := p.byID[h.ProducerID]; s != nil && s.txnFirst >= 0 && !h.IsTransactional() {
		return wire.InvalidTxnState
	}
	return 0
}

// behind reports whether a batch is numbered below the newest of its producer's epoch,
// as if sequences never began again at 0.
func (p *producers) behind(h *wire.Batch) bool {
	s := p.byID[h.ProducerID]
	return s != nil && s.seen > 0 && s.epoch == h.ProducerEpoch && h.BaseSequence <= s.lastSequence()
}

// appended notes a batch of data that is in the log.
func (p *producers) appended(h *wire.Batch) {
	if h.ProducerID < 0 {
		return
	}
	s := p.producer(h.ProducerID)
	if s.epoch < 0 {
		s.first = h.MaxTimestamp
	}
	s.moveTo(h.ProducerEpoch)
	last := int32(-1)
	if h.BaseSequence >= 0 {
		last = h.LastSequence()
	}
	s.recent[s.next] = produced{h.BaseSequence, last, h.BaseOffset, h.NextOffset(), h.MaxTimestamp}
	s.next = (s.next + 1) % window
	s.seen = min(s.seen+1, window)
	s.last = h.MaxTimestamp
	if !h.IsTransactional() {
		return
	}
	delete(p.verifying, h.ProducerID)
	if s.txnFirst < 0 {
		s.txnFirst = h.BaseOffset
		p.txns.begin(h.ProducerID, h.BaseOffset)
	}
}

// marked notes the end of a transaction that is in the log, and returns it: ok is false if
// none was open.
func (p *producers) marked(h *wire.Batch, m wire.Marker) (t transaction, ok bool) {
	s := p.producer(h.ProducerID)
	if s.epoch < 0 {
		s.first = h.MaxTimestamp
	}
	s.moveTo(h.ProducerEpoch)
	s.coordinator, s.last, s.txnFirst = m.CoordinatorEpoch, h.MaxTimestamp, -1
	delete(p.verifying, h.ProducerID)
	return p.txns.end(h.ProducerID, h.BaseOffset)
}

// ExpireProducers forgets producers whose newest batch is at least age old, by
// the wall clock: producer.id.expiration.ms. Times are in ms. One that has an open
// transaction is not forgotten; a verification that has not been asked about for so long is.
func (r *Replica) ExpireProducers(wall, age int64) {
	for id, s := range r.producers.byID { // unordered: each is judged by itself
		since := s.last
		if r.cfg.Failpoints.On(failpoint.T23ExpireByFirst, uint64(id)) {
			since = s.first
		}
		if wall-since >= age && s.txnFirst < 0 {
			delete(r.producers.byID, id)
		}
	}
	for id, v := range r.producers.verifying { // unordered: each is judged by itself
		if wall-v.began >= age {
			delete(r.producers.verifying, id)
		}
	}
}
