package client

import "brokersim/broker/machine"

// sticky chooses partitions for records without a key: one partition until
// batch.size bytes have gone there, then another (KIP-480, KIP-794 without its
// adaptive part, so that the choice depends on no broker's speed).
type sticky struct {
	draw     machine.Draw
	switches uint64
	at       int32 // -1 before the first record
	bytes    int64
}

// partition returns where the next record goes, among the partitions that have
// a leader, or among all while none has.
func (s *sticky) partition(parts []*partMeta) int32 {
	if s.at < 0 || int(s.at) >= len(parts) {
		s.next(parts)
	}
	return s.at
}

// wrote counts the bytes of a record, 0 before one is sent. batchFull says that
// no batch of the partition has room for more, and only then is another partition
// taken: a switch before would leave a batch half full.
func (s *sticky) wrote(bytes, batchSize int64, batchFull bool, parts []*partMeta) {
	s.bytes += bytes
	if s.bytes >= batchSize && batchFull || s.bytes >= 2*batchSize {
		s.next(parts)
	}
}

func (s *sticky) next(parts []*partMeta) {
	draw := s.draw.With(s.switches)
	s.switches++
	s.bytes = 0
	led := uint64(0)
	for _, p := range parts {
		if p.leader >= 0 {
			led++
		}
	}
	if led == 0 {
		s.at = int32(draw.N(uint64(len(parts))))
		return
	}
	k := draw.N(led)
	for i, p := range parts {
		if p.leader < 0 {
			continue
		}
		if k == 0 {
			s.at = int32(i)
			return
		}
		k--
	}
}
