package bulk

import (
	"fmt"
)

// blockSize is how many records of a producer are followed together.
const blockSize = 1 << 12

// bits has one bit for each record of a block.
type bits [blockSize / 64]uint64

func (b *bits) set(i uint64)      { b[i/64] |= 1 << (i % 64) }
func (b *bits) has(i uint64) bool { return b[i/64]>>(i%64)&1 == 1 }

// nowhere is the offset of a record that nobody has seen in a log.
const nowhere = -1

// block is what is known of 4096 records that a producer sent one after another.
type block struct {
	due, sent, offset [blockSize]int64
	tp                [blockSize]int32

	acked, rejected, unknown bits
	read                     []bits // by group

	open   int64   // records without an outcome, or not sent yet
	unread []int64 // by group: acknowledged, not read
	unsure int64   // unknown: they may be read at any time
}

// producer is the records of one producer.
type producer struct {
	name   string
	first  uint64   // the number of blocks[0]
	blocks []*block // nil: dropped
	next   uint64   // the number of the next record
}

// reach is how far a group has come in a partition.
type reach struct {
	next int64   // offset; nowhere before the first
	last []int64 // by producer: the number that was read last, or -1
}

// Ledger follows the records of a run. Times are nanoseconds of the run.
type Ledger struct {
	producers []producer
	groups    []string
	wasRead   []string // by group, as it is said
	parts     []string
	reach     [][]reach // by group, by partition
	spare     []*block
	counts    counts
	found     [decided]found
}

// New returns a ledger for these producers, groups of readers, and partitions, each
// by its place.
func New(producers, groups, parts []string) *Ledger {
	l := &Ledger{groups: groups, parts: parts}
	for _, name := range producers {
		l.producers = append(l.producers, producer{name: name})
	}
	for _, group := range groups {
		l.wasRead = append(l.wasRead, "was read by "+group)
		at := make([]reach, len(parts))
		for i := range at {
			at[i].next = nowhere
			for range producers {
				at[i].last = append(at[i].last, -1)
			}
		}
		l.reach = append(l.reach, at)
	}
	return l
}

// Sent tells of a record that a producer has given to its client and returns its
// number. An outcome must follow.
func (l *Ledger) Sent(by int, due, sent int64) uint64 {
	p := &l.producers[by]
	n := p.next
	p.next++
	i := n % blockSize
	if i == 0 {
		p.blocks = append(p.blocks, l.newBlock())
	}
	b := p.blocks[len(p.blocks)-1]
	b.due[i], b.sent[i], b.offset[i] = due, sent, nowhere
	l.counts.sent++
	return n
}

func (l *Ledger) newBlock() *block {
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b
	}
	return &block{open: blockSize, read: make([]bits, len(l.groups)), unread: make([]int64, len(l.groups))}
}

// block finds the block of a record; nil if it was dropped or never sent.
func (p *producer) block(n uint64) *block {
	at := n / blockSize
	if n >= p.next || at < p.first {
		return nil
	}
	return p.blocks[at-p.first]
}

// Acked tells of the acknowledgement of a record at a place of a log, -1 if the
// broker has not said which, and returns when it was due and when it was sent.
func (l *Ledger) Acked(by int, n uint64, tp int, offset int64) (due, sent int64) {
	b, i := l.ends(by, n)
	b.acked.set(i)
	l.counts.acked++
	for g := range b.read {
		if !b.read[g].has(i) {
			b.unread[g]++
		}
	}
	if offset >= 0 {
		l.place(by, n, b, tp, offset, "was acknowledged")
	}
	due, sent = b.due[i], b.sent[i]
	l.drop(by, n, b)
	return due, sent
}

// Rejected tells that a record is certainly in no log.
func (l *Ledger) Rejected(by int, n uint64) {
	b, i := l.ends(by, n)
	b.rejected.set(i)
	l.counts.rejected++
	l.drop(by, n, b)
}

// Unknown tells that nobody knows whether a record is in a log.
func (l *Ledger) Unknown(by int, n uint64) {
	b, i := l.ends(by, n)
	b.unknown.set(i)
	b.unsure++
	l.counts.unknown++
	l.drop(by, n, b)
}

// Died tells that a producer has died: whatever had no outcome is unknown.
func (l *Ledger) Died(by int) {
	p := &l.producers[by]
	for at, b := range p.blocks {
		if b == nil {
			continue
		}
		first := (p.first + uint64(at)) * blockSize
		for i := range min(blockSize, p.next-first) {
			if !b.acked.has(i) && !b.rejected.has(i) && !b.unknown.has(i) {
				l.Unknown(by, first+i)
			}
		}
	}
}

// ends is the place of a record that has its outcome now.
func (l *Ledger) ends(by int, n uint64) (*block, uint64) {
	b := l.producers[by].block(n)
	if b == nil {
		panic(fmt.Sprintf("bulk: an outcome of record %d of %s, which has none to come", n, l.producers[by].name))
	}
	b.open--
	return b, n % blockSize
}

// Read tells that a group has read a record and returns when it was due. It is not
// first if the group had read it before, or if nobody has sent it.
func (l *Ledger) Read(group, tp int, offset int64, by int, n uint64) (due int64, first bool) {
	at := &l.reach[group][tp]
	back := l.follows(group, tp, at, offset)
	l.counts.delivered++
	if by < 0 || by >= len(l.producers) || n >= l.producers[by].next {
		l.violate(noPhantom, "%s@%d holds what nobody has sent; %s has read it.", l.parts[tp], offset, l.groups[group])
		return 0, false
	}
	b, i := l.producers[by].block(n), n%blockSize
	switch {
	case back:
		l.counts.reread++
		return 0, false
	case b == nil || b.read[group].has(i):
		l.counts.duplicates++
		l.violate(noDuplicate, "Record %d of %s lies in %s a second time, at offset %d.", n, l.producers[by].name, l.parts[tp], offset)
		return 0, false
	}
	b.read[group].set(i)
	if b.acked.has(i) {
		b.unread[group]--
	}
	l.place(by, n, b, tp, offset, l.wasRead[group])
	if int64(n) < at.last[by] {
		l.counts.reordered++
		l.violate(perKeyOrder, "%s has read record %d of %s after its record %d in %s.", l.groups[group], n, l.producers[by].name, at.last[by], l.parts[tp])
	}
	at.last[by] = max(at.last[by], int64(n))
	due = b.due[i]
	l.drop(by, n, b)
	return due, true
}

// follows checks that a group reads a partition from offset to offset: bulk loads
// have neither transactions nor compaction, so nothing lies between two records. It
// reports whether the group has gone back, to what it had read before.
func (l *Ledger) follows(group, tp int, at *reach, offset int64) (back bool) {
	if at.next >= 0 && offset > at.next {
		l.counts.skipped += offset - at.next
		l.violate(noSkip, "%s has passed over the offsets %d to %d of %s.", l.groups[group], at.next, offset-1, l.parts[tp])
	}
	back = offset < at.next
	at.next = max(at.next, offset+1)
	return back
}

// place checks that everybody who speaks of a record has it at one place.
func (l *Ledger) place(by int, n uint64, b *block, tp int, offset int64, what string) {
	i := n % blockSize
	l.counts.placed++
	switch {
	case b.offset[i] == nowhere:
		b.offset[i], b.tp[i] = offset, int32(tp)
	case b.offset[i] != offset || int(b.tp[i]) != tp:
		l.violate(slotAgreement, "Record %d of %s %s at %s@%d, and is at %s@%d for others.", n, l.producers[by].name, what, l.parts[tp], offset, l.parts[b.tp[i]], b.offset[i])
	}
}

// drop forgets the block of a record when nothing more can become of it.
func (l *Ledger) drop(by int, n uint64, b *block) {
	if b.open > 0 || b.unsure > 0 || len(l.groups) == 0 {
		return
	}
	for _, unread := range b.unread {
		if unread > 0 {
			return
		}
	}
	l.settle(by, n/blockSize*blockSize, b, true)
	p := &l.producers[by]
	p.blocks[n/blockSize-p.first] = nil
	for len(p.blocks) > 0 && p.blocks[0] == nil && p.next >= (p.first+1)*blockSize {
		p.blocks, p.first = p.blocks[1:], p.first+1
	}
	read, unread := b.read, b.unread
	clear(read)
	clear(unread)
	b.acked, b.rejected, b.unknown = bits{}, bits{}, bits{}
	b.open, b.read, b.unread = blockSize, read, unread
	l.spare = append(l.spare, b)
}
