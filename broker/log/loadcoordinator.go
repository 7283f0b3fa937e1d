package log

import (
	"fmt"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/group"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// loadSlice is how many bytes are read in one step at most, as by the cleaner: others are
// served meanwhile. Kafka, which reads in a thread of its own, has a buffer of ten times as
// much (offsets.load.buffer.size).
const loadSlice = 512 << 10

// load goes on reading what a coordinator is to know, and says how much it was
// (CoordinatorLoaderImpl).
func (b *Broker) load(now machine.Now, s *shard, out *machine.Effects) (n int64) {
	p := s.p
	if from := max(s.next, p.LogStart()); from < p.LogEnd() {
		got := p.Read(replica.Reader{Isolation: replica.ToLogEnd, From: from, LastEpoch: -1, CurrentEpoch: -1}, b.loadSlice(s.kind), true)
		n = got.Records.Len()
		out.Work(machine.Work{Bytes: n})
		switch {
		case got.Code != 0:
			b.breakShard(s, fmt.Errorf("it cannot be read from offset %d on: %s", from, wire.ErrorName(got.Code)))
			return n
		case n == 0: // of the last records compaction has left nothing
			s.next = p.LogEnd()
		}
		for h, batch := range wire.SplitBatches(got.Records) {
			if err := replayInto(s.machine, &h, batch); err != nil {
				b.breakShard(s, fmt.Errorf("offset %d: %w", h.BaseOffset, err))
				return n
			}
			s.read = true
			s.cleaned = s.cleaned || h.BaseOffset > s.next || int64(h.Count) < h.NextOffset()-h.BaseOffset
			s.next = h.NextOffset()
			if b.cfg.Failpoints.On(failpoint.G05LoadedEarly, uint64(s.epoch)) {
				s.next = p.LogEnd()
				break
			}
		}
	}
	b.maybeServe(now, s, out)
	return n
}

func (b *Broker) loadSlice(k *kind) int32 {
	buffer := b.cfg.Settings.OffsetsLoadBufferSize
	if k == &b.coordinators.transactions {
		buffer = b.cfg.Settings.TransactionLogLoadBufferSize
	}
	if k == &b.coordinators.shares {
		buffer = b.cfg.Settings.ShareStateLoadBufferSize
	}
	return int32(min(buffer, loadSlice))
}

// replayInto has a machine replay a batch of the log.
func replayInto(m coordinator.Machine, h *wire.Batch, batch machine.Bytes) error {
	if _, err := wire.CheckStored(batch); err != nil { // compaction may have left a part of it
		return err
	}
	if h.IsControl() {
		end, ok, err := wire.ReadMarker(batch)
		if ok && err == nil {
			m.Marker(h.ProducerID, h.ProducerEpoch, end.Commit)
		}
		return err
	}
	at := coordinator.Position{ProducerID: -1, Epoch: -1}
	if h.IsTransactional() {
		at.ProducerID, at.Epoch = h.ProducerID, h.ProducerEpoch
	}
	return wire.EachRecord(batch, func(r *wire.Record) error {
		at.Offset, at.Timestamp = h.BaseOffset+int64(r.OffsetDelta), h.BaseTimestamp+r.TimestampDelta
		return m.Replay(at, r.Key, r.Value)
	})
}

// maybeServe has a coordinator serve that has read everything, if all of it is committed: what
// another leader has committed may lie above the high watermark, and what is above that may be
// cut off again.
func (b *Broker) maybeServe(now machine.Now, s *shard, out *machine.Effects) {
	s.schedule(now.Mono)
	b.coordinators.earliest = min(b.coordinators.earliest, s.due)
	if s.next < s.p.LogEnd() || !s.p.Settled() {
		return
	}
	s.stage = serves
	b.coordinators.served++
	if s.kind == &b.coordinators.groups && s.read {
		b.cfg.Failpoints.Hit(failpoint.OffsetsLoaded)
		if s.cleaned {
			b.cfg.Failpoints.Hit(failpoint.OffsetsCompacted)
		}
	}
	b.carryOut(now, s, s.machine.Loaded(now), out)
	if len(s.gone) > 0 {
		b.tell(now, s, share.TopicsDeleted{IDs: s.gone}, out)
		s.gone = nil
	}
	if len(s.deleted) > 0 {
		b.tell(now, s, group.MetadataChanged{Deleted: s.deleted}, out)
		s.deleted = nil
	}
}

// breakShard has a coordinator not serve, because what it was to know cannot be read. Others
// are not concerned, and the next leader may be able to (CoordinatorState.FAILED).
func (b *Broker) breakShard(s *shard, why error) {
	s.stage, s.due = broken, machine.Never
	s.machine = nil
	b.note(fmt.Errorf("%v: there is no coordinator here in leader epoch %d: %w", s.p.TP(), s.epoch, why))
}
