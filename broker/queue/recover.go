package queue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// recovery is what the journal says as it is read: the messages of each queue by place.
type recovery struct {
	held  map[uint64]map[uint64]*held
	below map[uint64]uint64 // the last mark of each queue
}

// recover reads the journal of earlier lives. Where no whole record stands the journal
// ends: what is behind was not synced, and nobody was promised it. Nothing that is found
// counts as durable before it was synced in this life, for a crash of the process alone
// leaves what no sync has covered.
func (b *Broker) recover() error {
	j := &b.journal
	j.files, j.replaying = b.files, true
	j.interval, j.segmentBytes = b.cfg.Settings.SyncInterval, b.cfg.Settings.SegmentBytes
	r := &recovery{held: make(map[uint64]map[uint64]*held), below: make(map[uint64]uint64)}
	var numbers []uint64
	for _, name := range b.files.List() {
		if n, is := segmentNumber(name); is {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		whole, err := b.readSegment(r, n)
		if err != nil {
			return err
		}
		if !whole {
			if err := b.cutJournal(numbers[i:]); err != nil {
				return err
			}
			break
		}
	}
	b.arrange(r)
	j.replaying = false
	if len(j.segments) == 0 {
		b.roll()
	}
	for _, q := range b.sortedQueues() {
		for i := range q.marks {
			q.marks[i].at = j.end
		}
	}
	return j.err
}

// readSegment replays one file; whole is false if it ends with what is no record.
func (b *Broker) readSegment(r *recovery, number uint64) (whole bool, err error) {
	j := &b.journal
	s := &segment{number: number, start: j.end}
	size, _ := b.files.Size(s.name())
	file, err := b.files.ReadAt(s.name(), 0, size)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", s.name(), err)
	}
	j.segments = append(j.segments, s)
	for s.size < file.Len() {
		rec, n, ok, err := nextRecord(file.Slice(s.size, file.Len()))
		switch {
		case err != nil:
			return false, fmt.Errorf("read %s at %d: %w", s.name(), s.size, err)
		case !ok:
			return false, nil
		}
		s.size += n
		j.end += n
		b.replay(r, s, &rec)
	}
	return true, nil
}

// cutJournal cuts the file that was read last, and removes those behind it.
func (b *Broker) cutJournal(numbers []uint64) error {
	b.counts.TornTail = true
	b.cfg.Failpoints.Hit(failpoint.UncleanRestart)
	j := &b.journal
	s := j.last()
	if s.size == 0 {
		j.segments = j.segments[:len(j.segments)-1]
	} else {
		if err := b.files.Truncate(s.name(), s.size); err != nil {
			return fmt.Errorf("truncate %s: %w", s.name(), err)
		}
		numbers = numbers[1:]
	}
	for _, n := range numbers {
		name := (&segment{number: n}).name()
		if err := b.files.Remove(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// replay does again what a record tells.
func (b *Broker) replay(r *recovery, s *segment, rec *record) {
	switch rec.kind {
	case recordPicture:
		b.journal.nextQueue = max(b.journal.nextQueue, rec.id)
	case recordExchange:
		if b.exchanges[rec.name] == nil {
			b.exchanges[rec.name] = &exchange{name: rec.name, kind: exchangeKind(rec.text), durable: true, args: rec.args,
				autoDelete: rec.flags&flagAutoDelete != 0, internal: rec.flags&flagInternal != 0}
		}
	case recordExchangeDeleted:
		delete(b.exchanges, rec.name)
		b.replayUnbind(func(n binding) bool { return n.toExchange && n.to == rec.name })
	case recordQueue:
		b.replayQueue(rec)
	case recordQueueDeleted:
		if q := b.byID[rec.id]; q != nil {
			delete(b.queues, q.name)
			delete(b.byID, q.id)
			b.timed = slices.DeleteFunc(b.timed, func(x *queue) bool { return x == q })
			b.replayUnbind(func(n binding) bool { return !n.toExchange && n.to == q.name })
		}
	case recordBound, recordUnbound:
		b.replayBinding(rec)
	case recordMessage:
		r.message(s, rec)
	case recordSettled:
		for _, seq := range rec.seqs {
			delete(r.held[rec.id], seq)
		}
	case recordDelivered:
		r.below[rec.id] = max(r.below[rec.id], rec.seq)
	case recordReturned:
		if h := r.held[rec.id][rec.seq]; h != nil {
			h.deliveries = int64(rec.count)
		}
	}
}

func (b *Broker) replayQueue(rec *record) {
	b.journal.nextQueue = max(b.journal.nextQueue, rec.id)
	if q := b.byID[rec.id]; q != nil {
		q.nextSeq = max(q.nextSeq, rec.seq)
		return
	}
	l, err := parseLimits(rec.args)
	if err != nil {
		return // it was checked when it was declared: another version knew better
	}
	q := &queue{id: rec.id, name: rec.name, durable: true, autoDelete: rec.flags&flagAutoDelete != 0, args: rec.args, limits: l, nextSeq: rec.seq}
	b.byID[q.id] = q
	b.addQueue(q)
}

func (b *Broker) replayBinding(rec *record) {
	x := b.exchanges[rec.name]
	n := binding{toExchange: rec.flags&flagToExchange != 0, to: rec.text, key: rec.key, args: rec.args}
	switch {
	case x == nil:
	case rec.kind == recordBound:
		x.bind(n)
	default:
		if i := x.find(&n); i >= 0 {
			x.bindings = slices.Delete(x.bindings, i, i+1)
		}
	}
}

// replayUnbind removes bindings. What that did to auto-delete exchanges stands in the
// journal by itself.
func (b *Broker) replayUnbind(which func(binding) bool) {
	for _, x := range b.sortedExchanges() {
		x.bindings = slices.DeleteFunc(x.bindings, which)
	}
}

func (r *recovery) message(s *segment, rec *record) {
	m := &message{exchange: rec.name, keys: rec.keys, props: *rec.props, body: rec.body, persistent: true, segment: s}
	if len(m.keys) == 0 {
		m.keys = []string{""}
	}
	for _, p := range rec.places {
		if r.held[p.queue] == nil {
			r.held[p.queue] = make(map[uint64]*held)
		}
		r.held[p.queue][p.seq] = &held{msg: m, seq: p.seq, expires: p.expires, deliveries: p.deliveries, written: true}
	}
}

// arrange puts what is left into the queues, in the order of the places. What is below
// the last mark may have been delivered.
func (b *Broker) arrange(r *recovery) {
	for _, q := range b.sortedQueues() {
		below := r.below[q.id]
		list := slices.SortedFunc(maps.Values(r.held[q.id]), func(x, y *held) int { return cmp.Compare(x.seq, y.seq) }) // total: places differ
		for _, h := range list {
			h.redelivered = h.seq < below
			if h.expires != machine.Never {
				h.expires = b.now.Mono.Add(h.expires.Sub(b.now.Wall))
			}
			b.retain(h.msg)
			q.ready.push(*h)
			q.nextSeq = max(q.nextSeq, h.seq+1)
			if s := h.msg.segment; s != nil && h.msg.refs == 1 {
				h.msg.segment = nil
				b.journal.stands(h.msg, s)
			}
			b.counts.Recovered++
		}
		q.nextSeq = max(q.nextSeq, below)
		if below > 0 {
			q.marks = []mark{{below: below}}
		}
		b.touch(q)
	}
}
