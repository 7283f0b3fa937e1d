package workloads

import (
	"encoding/binary"

	"brokersim/broker/machine"
)

// Load is what a producing service wants to send in one life. It is drawn from the
// service's own identity, and so is the same whatever takes it: a log, a queue, a channel.
type Load struct {
	ID   int32  // the service's process in the history: 1001 for p1001
	Name string // of the node; names the draws
	// Life is how often the node has been started before. A later life is another
	// process, ID + 10000 for each, as Jepsen has it: what the one before had under way
	// stays unknown.
	Life uint32
	Seed uint64

	Arrivals Arrivals
	Keys     Keys
	Sizes    Sizes // of values; what is below MinValue is as large as that
	From     machine.Instant
	Until    machine.Instant // nothing is due from then on
	// ForkAt, if it is not 0, has what is due after a record that was due then or
	// later drawn from ForkSeed: another future of the same past.
	ForkAt   machine.Instant
	ForkSeed uint64
}

// source yields a load: what is due waits until somebody takes it, in order.
type source struct {
	load     Load
	process  int32
	arrivals *Due // nil before the start
	keys     *KeyDraw
	sizes    *SizeDraw
	waiting  waiting
	counter  uint32 // records so far, waiting ones not counted

	arena []byte // zeros for the next values
}

func newSource(l Load) source {
	s := source{load: l, process: l.ID + lifeStep*int32(l.Life)}
	s.keys = NewKeyDraw(l.Keys, s.draw(l.Seed, "keys"))
	s.sizes = NewSizeDraw(l.Sizes, s.draw(l.Seed, "sizes"))
	return s
}

// draw begins the draws of this life for a purpose.
func (s *source) draw(seed uint64, purpose string) machine.Draw {
	return machine.NewDraw(seed, purpose).Of(s.load.Name).With(uint64(s.load.Life))
}

func (s *source) start(now machine.Instant) {
	s.arrivals = s.load.Arrivals.Start(max(s.load.From, now), s.draw(s.load.Seed, "arrivals"))
	s.arrivals.Fork(s.load.ForkAt, s.draw(s.load.ForkSeed, "arrivals"))
}

// next is when the next record is due.
func (s *source) next() machine.Instant {
	if s.arrivals == nil {
		return machine.Never
	}
	return s.arrivals.Peek()
}

// pass has what has become due wait.
func (s *source) pass(now machine.Instant) {
	for s.next() <= now && s.next() < s.load.Until {
		s.waiting.add(s.arrivals.Next())
	}
}

// ended reports whether nothing will be due any more.
func (s *source) ended() bool { return s.arrivals != nil && s.next() >= s.load.Until }

// make makes the key and the value of the record that waits longest. It is asked once for
// each: what it makes is another piece of memory every time.
func (s *source) make() (key, value []byte) {
	k := s.keys.Draw(uint64(s.counter))
	if k != noKey {
		key = binary.BigEndian.AppendUint64(s.take(8)[:0], uint64(k))
	}
	value = s.take(int(max(s.sizes.Draw(uint64(s.counter)), MinValue)))
	putValue(value, int64(s.process)*valuesOfProcess+int64(s.counter), k)
	return key, value
}

// drop takes away the record that waits longest.
func (s *source) drop() {
	s.waiting.drop()
	s.counter++
}

// take cuts n zero bytes off the arena, so that a record costs no allocation of
// its own. A chunk is collected when the last of its records is.
func (s *source) take(n int) []byte {
	if n > len(s.arena) {
		s.arena = make([]byte, max(n, 16<<10))
	}
	b := s.arena[:n:n]
	s.arena = s.arena[n:]
	return b
}
