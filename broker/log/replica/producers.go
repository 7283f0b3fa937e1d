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

// producers is what the log says about idempotent producers.
type producers struct {
	byID map[int64]*producer
}

// producer is Kafka's ProducerStateEntry.
type producer struct {
	epoch int16
	first int64 // ms: the largest timestamp of its first batch, whatever the epoch
	last  int64 // and of its newest
	seen  int   // of recent: how many are filled
	next  int   // where the next one goes
	// recent are its last batches of this epoch.
	recent [window]produced
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
		b := s.newest()
		list = append(list, storage.ProducerEntry{
			ProducerID: id, Epoch: s.epoch, LastSequence: b.lastSeq, LastOffset: b.end - 1, OffsetDelta: int32(b.end - b.base - 1),
			Timestamp: s.last, CoordinatorEpoch: -1, TxnFirstOffset: -1,
		})
	}
	return list
}

// restore knows what a snapshot says, and nothing else.
func (p *producers) restore(list []storage.ProducerEntry) {
	clear(p.byID)
	for i := range list {
		e := &list[i]
		if p.byID == nil {
			p.byID = make(map[int64]*producer)
		}
		s := &producer{epoch: e.Epoch, first: e.Timestamp, last: e.Timestamp, seen: 1, next: 1}
		s.recent[0] = produced{int32((int64(e.LastSequence) - int64(e.OffsetDelta)) & math.MaxInt32), e.LastSequence, e.LastOffset - int64(e.OffsetDelta), e.LastOffset + 1, e.Timestamp}
		p.byID[e.ProducerID] = s
	}
}

// newest is the last batch of a producer's epoch; nil if it has none.
func (p *producer) newest() *produced {
	if p.seen == 0 {
		return nil
	}
	return &p.recent[(p.next+window-1)%window]
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

// check is Kafka's error for a batch that does not continue what its producer
// has in the log (ProducerAppendInfo.checkProducerEpoch, checkSequence).
func (p *producers) check(h *wire.Batch) int16 {
	s := p.byID[h.ProducerID]
	switch {
	case s == nil:
		// Nothing is known of it, perhaps because retention has removed all that
		// it has written: any sequence is right.
		if h.ProducerEpoch < 0 {
			return wire.InvalidProducerEpoch
		}
		return 0
	case h.ProducerEpoch < s.epoch:
		return wire.InvalidProducerEpoch
	case h.ProducerEpoch > s.epoch:
		if h.BaseSequence != 0 {
			return wire.OutOfOrderSequenceNumber
		}
		return 0
	}
	last := s.newest().lastSeq
	if last == math.MaxInt32 && h.BaseSequence == 0 || last != math.MaxInt32 && h.BaseSequence == last+1 {
		return 0
	}
	return wire.OutOfOrderSequenceNumber
}

// behind reports whether a batch is numbered below the newest of its producer's epoch,
// as if sequences never began again at 0.
func (p *producers) behind(h *wire.Batch) bool {
	s := p.byID[h.ProducerID]
	return s != nil && s.epoch == h.ProducerEpoch && h.BaseSequence <= s.newest().lastSeq
}

// appended notes a batch that is in the log.
func (p *producers) appended(h *wire.Batch) {
	if h.ProducerID < 0 || h.BaseSequence < 0 {
		return
	}
	if p.byID == nil {
		p.byID = make(map[int64]*producer)
	}
	s := p.byID[h.ProducerID]
	if s == nil {
		s = &producer{epoch: h.ProducerEpoch, first: h.MaxTimestamp}
		p.byID[h.ProducerID] = s
	}
	if s.epoch != h.ProducerEpoch {
		*s = producer{epoch: h.ProducerEpoch, first: s.first}
	}
	s.recent[s.next] = produced{h.BaseSequence, h.LastSequence(), h.BaseOffset, h.NextOffset(), h.MaxTimestamp}
	s.next = (s.next + 1) % window
	s.seen = min(s.seen+1, window)
	s.last = h.MaxTimestamp
}

// ExpireProducers forgets producers whose newest batch is at least age old, by
// the wall clock: producer.id.expiration.ms. Times are in ms.
func (r *Replica) ExpireProducers(wall, age int64) {
	for id, s := range r.producers.byID { // unordered: each is judged by itself
		since := s.last
		if r.cfg.Failpoints.On(failpoint.T23ExpireByFirst, uint64(id)) {
			since = s.first
		}
		if wall-since >= age {
			delete(r.producers.byID, id)
		}
	}
}
