package client

import (
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
)

// choice is how partitions are chosen for the records of a topic whose keys do not
// decide it.
type choice interface {
	// partition is where the next record goes.
	partition(parts []*partMeta) int32
	// moves reports whether another partition is to be asked for the record: it would
	// begin a batch here, or even find all batches full.
	moves(begins, allFull bool, batchSize int64, parts []*partMeta) bool
	// began is told of a record whose key has decided and which begins a batch.
	began(partition int32, parts []*partMeta)
	// wrote is told of a record that was taken, by how many bytes it has made batches
	// longer, and whether no batch of its partition has room for more. Chosen says that
	// its key has not decided.
	wrote(chosen bool, bytes, batchSize int64, batchFull bool, parts []*partMeta)
}

func newChoice(class string, draw machine.Draw) choice {
	switch class {
	case config.PartitionerRoundRobin:
		return &roundRobin{}
	case config.PartitionerUniformSticky, config.PartitionerSticky:
		return &batchSticky{stick{draw: draw, at: -1}, false}
	}
	return &sticky{stick: stick{draw: draw, at: -1}}
}

// stick is a partition that is kept for a while.
type stick struct {
	draw     machine.Draw
	switches uint64
	at       int32 // -1 before the first record
}

// partition returns where the next record goes, among the partitions that have
// a leader, or among all while none has.
func (s *stick) partition(parts []*partMeta) int32 {
	if s.at < 0 || int(s.at) >= len(parts) {
		s.next(parts)
	}
	return s.at
}

func (s *stick) next(parts []*partMeta) {
	draw := s.draw.With(s.switches)
	s.switches++
	led := ledBy(parts)
	if led == 0 {
		s.at = int32(draw.N(uint64(len(parts))))
		return
	}
	s.at = nthLed(parts, draw.N(led))
}

// ledBy is how many partitions have a leader.
func ledBy(parts []*partMeta) (led uint64) {
	for _, p := range parts {
		if p.leader >= 0 {
			led++
		}
	}
	return led
}

// nthLed is the n-th of the partitions that have a leader, from 0.
func nthLed(parts []*partMeta, n uint64) int32 {
	for i, p := range parts {
		if p.leader < 0 {
			continue
		}
		if n == 0 {
			return int32(i)
		}
		n--
	}
	panic("client: fewer partitions have a leader than were counted")
}

// sticky is Kafka's built-in logic: one partition until batch.size bytes have gone
// there, then another (KIP-794 without its adaptive part, so that the choice depends
// on no broker's speed).
type sticky struct {
	stick
	bytes int64
}

func (s *sticky) moves(_, allFull bool, batchSize int64, parts []*partMeta) bool {
	if !allFull {
		return false
	}
	s.wrote(true, 0, batchSize, true, parts) // its batch may have left meanwhile
	return true
}

func (*sticky) began(int32, []*partMeta) {}

// wrote takes another partition only when no batch has room for more: a switch before
// would leave a batch half full.
func (s *sticky) wrote(chosen bool, bytes, batchSize int64, batchFull bool, parts []*partMeta) {
	if !chosen {
		return
	}
	s.bytes += bytes
	if s.bytes >= batchSize && batchFull || s.bytes >= 2*batchSize {
		s.bytes = 0
		s.next(parts)
	}
}

// batchSticky is StickyPartitionCache (KIP-480): one partition until a record would
// begin a batch there, then another one if there is any.
type batchSticky struct {
	stick
	moved bool // for a record that was not taken yet
}

func (s *batchSticky) moves(begins, _ bool, _ int64, parts []*partMeta) bool {
	if s.moved || !begins {
		return false
	}
	s.moved = true
	s.other(parts)
	return true
}

// began is onNewBatch, which is called for records with keys as well.
func (s *batchSticky) began(partition int32, parts []*partMeta) {
	if !s.moved && s.at == partition {
		s.moved = true
		s.other(parts)
	}
}

func (s *batchSticky) wrote(bool, int64, int64, bool, []*partMeta) { s.moved = false }

// other takes another partition than this one, unless no other has a leader.
func (s *batchSticky) other(parts []*partMeta) {
	led := ledBy(parts)
	if led <= 1 || parts[s.at].leader < 0 {
		s.next(parts)
		return
	}
	draw := s.draw.With(s.switches)
	s.switches++
	before := uint64(0) // among those with a leader, those before this one
	for _, p := range parts[:s.at] {
		if p.leader >= 0 {
			before++
		}
	}
	n := draw.N(led - 1)
	if n >= before {
		n++
	}
	s.at = nthLed(parts, n)
}

// roundRobin is RoundRobinPartitioner: each partition that has a leader in turn, or
// each of all while none has.
type roundRobin struct{ turn uint64 }

func (r *roundRobin) partition(parts []*partMeta) int32 {
	if led := ledBy(parts); led > 0 {
		return nthLed(parts, r.turn%led)
	}
	return int32(r.turn % uint64(len(parts)))
}

func (*roundRobin) moves(bool, bool, int64, []*partMeta) bool { return false }

func (*roundRobin) began(int32, []*partMeta) {}

func (r *roundRobin) wrote(bool, int64, int64, bool, []*partMeta) { r.turn++ }
