package queue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// journal is what outlives the broker: everything durable that has happened, in order,
// in files of which each begins with a whole picture of what is declared. A position
// in it is a number of bytes, files of this life laid end to end.
type journal struct {
	files    machine.Files
	segments []*segment // oldest first
	err      error      // of a write

	end     int64 // of what is written
	durable int64 // what is below is on the disk
	wanted  int64 // what somebody waits for

	syncing []syncing
	covers  int64   // what is durable once the syncs under way are done
	dirty   instant // when the first byte was written that no sync covers
	tags    machine.Tag

	nextQueue uint64 // the last number given to a queue
	liveBytes int64  // of messages that are held

	interval     time.Duration // SyncInterval
	segmentBytes int64
	now          instant
	replaying    bool
}

// segment is one file of the journal.
type segment struct {
	number uint64
	start  int64 // its position
	size   int64
	head   int64 // how long the picture is that it begins with
	synced int64 // bytes
	live   int   // messages that are held and stand here
	until  int64 // what must be durable before it may go
}

type syncing struct {
	tag machine.Tag
	s   *segment
	to  int64
}

const (
	journalDir  = "queue/"
	segmentName = journalDir + "%020d.journal"
)

func (s *segment) name() string { return fmt.Sprintf(segmentName, s.number) }

// segmentNumber reads a file's name back.
func segmentNumber(name string) (n uint64, is bool) {
	digits, _ := strings.CutSuffix(strings.TrimPrefix(name, journalDir), ".journal")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && (&segment{number: n}).name() == name
}

func (j *journal) last() *segment { return j.segments[len(j.segments)-1] }

// append writes a record and returns the position behind it.
func (j *journal) append(r *record) int64 {
	if j.replaying || j.err != nil {
		return j.end
	}
	b := r.encode()
	s := j.last()
	if j.err = j.files.Append(s.name(), b); j.err != nil {
		return j.end
	}
	if j.end == j.covers {
		j.dirty = j.now
	}
	s.size += b.Len()
	j.end += b.Len()
	return j.end
}

// await has the journal synced up to a position as soon as may be.
func (j *journal) await(position int64) { j.wanted = max(j.wanted, position) }

// declared is what must be durable before a declaration is answered.
func (j *journal) declared(durable bool) int64 {
	if !durable {
		return 0
	}
	j.await(j.end)
	return j.end
}

// commit goes on with the journal at the end of a step: in a new file when this one is
// full, and with a sync when somebody waits for one or acknowledgements have waited
// for SyncInterval. All that was written by then shares the sync.
func (j *journal) commit(b *Broker) {
	if j.err == nil && j.last().size >= j.segmentBytes {
		b.roll()
		b.compact()
	}
	if j.err != nil {
		b.fail(j.err)
		return
	}
	due := j.end > j.durable && b.now.Mono >= j.dirty.Add(j.interval)
	if len(j.syncing) > 0 || j.end == j.durable || j.wanted <= j.durable && !due {
		return
	}
	for _, s := range j.segments {
		if s.synced < s.size {
			j.tags++
			j.syncing = append(j.syncing, syncing{j.tags, s, s.size})
			b.out.Sync(s.name(), j.tags)
		}
	}
	j.covers = j.end
}

// due is when un-synced acknowledgements should be synced.
func (j *journal) due() instant {
	if len(j.syncing) > 0 || j.end == j.durable {
		return machine.Never
	}
	return j.dirty.Add(j.interval)
}

// synced takes the answer of a sync. A failed one is the end: what the file holds is
// not known, and asking again would be answered with a lie.
func (j *journal) synced(tag machine.Tag, err error) error {
	i := slices.IndexFunc(j.syncing, func(s syncing) bool { return s.tag == tag })
	if i < 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", j.syncing[i].s.name(), err)
	}
	j.syncing[i].s.synced = j.syncing[i].to
	j.syncing = slices.Delete(j.syncing, i, i+1)
	if len(j.syncing) == 0 {
		j.durable = j.covers
		j.dirty = j.now
		j.trim()
	}
	return nil
}

// trim removes files from which nothing is needed any more, oldest first: only so is
// every settlement behind the message that it settles.
func (j *journal) trim() {
	for len(j.segments) > 1 {
		s, next := j.segments[0], j.segments[1]
		if s.live > 0 || j.durable < max(s.until, next.start+next.head) || j.files.Remove(s.name()) != nil {
			return
		}
		j.segments = j.segments[1:]
	}
}

// dropped notes that nobody holds a message any more.
func (j *journal) dropped(m *message) {
	if m.segment != nil {
		m.segment.live--
		j.liveBytes -= m.body.Len()
		m.segment = nil
	}
}

// stands notes where a message now stands.
func (j *journal) stands(m *message, s *segment) {
	j.dropped(m)
	m.segment = s
	s.live++
	j.liveBytes += m.body.Len()
}

// roll goes on in a new file, which begins with all that is declared, so that the
// files before it are needed for their messages only.
func (b *Broker) roll() {
	j := &b.journal
	number := uint64(1)
	if len(j.segments) > 0 {
		number = j.last().number + 1
	}
	j.segments = append(j.segments, &segment{number: number, start: j.end})
	j.append(&record{kind: recordPicture, id: j.nextQueue})
	for _, x := range b.sortedExchanges() {
		if x.durable && !x.predeclared {
			j.exchangeDeclared(x)
		}
	}
	for _, q := range b.sortedQueues() {
		if q.journaled() {
			j.queueDeclared(q)
			if n := len(q.marks); n > 0 {
				q.marks[n-1].at = j.delivered(q, q.marks[n-1].below)
			}
		}
	}
	for _, x := range b.sortedExchanges() {
		for i := range x.bindings {
			if b.durableBinding(x, &x.bindings[i]) {
				j.bound(x, &x.bindings[i])
			}
		}
	}
	j.last().head = j.last().size
}

// compact writes the messages of the oldest file again, so that it can go, when less
// than half of what the journal holds is held. Of the rest of the files nothing else is
// needed: settlements of what is gone, and declarations that stand in later pictures.
func (b *Broker) compact() {
	j := &b.journal
	oldest := j.segments[0]
	if total := j.end - oldest.start; len(j.segments) < 3 || total < 2*j.liveBytes || oldest.until > 0 {
		return
	}
	var order []*message
	places := make(map[*message][]place)
	b.eachHeld(func(q *queue, h *held) {
		if h.msg.segment != oldest {
			return
		}
		if _, seen := places[h.msg]; !seen {
			order = append(order, h.msg)
			places[h.msg] = nil
		}
		if h.written {
			places[h.msg] = append(places[h.msg], place{queue: q.id, seq: h.seq, expires: b.wall(h.expires), deliveries: h.deliveries})
		}
	})
	for _, m := range order {
		if len(places[m]) == 0 {
			j.dropped(m) // only transient queues hold it
			continue
		}
		j.message(m, places[m])
	}
	oldest.until = j.end
}

// eachHeld calls see for every message in every queue, ready or delivered.
func (b *Broker) eachHeld(see func(*queue, *held)) {
	for _, q := range b.sortedQueues() {
		for i := q.ready.head; i < len(q.ready.items); i++ {
			see(q, &q.ready.items[i])
		}
	}
	for _, c := range b.list {
		for _, ch := range c.sortedChannels() {
			for i := range ch.unacked {
				if d := &ch.unacked[i]; !d.q.deleted {
					see(d.q, &d.m)
				}
			}
		}
	}
}
