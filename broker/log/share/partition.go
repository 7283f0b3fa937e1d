package share

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Limits are settings of a group, as they are when something is asked.
type Limits struct {
	Lock          time.Duration // share.record.lock.duration.ms
	MaxDeliveries int16         // group.share.delivery.count.limit
	MaxInFlight   int64         // group.share.partition.max.record.locks
}

// Partition is a share partition at the leader of the partition: which records of it members of
// the group have, and which are done with (SharePartition.java). Everything below Start is done
// with, and of what is from End on nobody has had anything.
//
// What members have acquired is known here alone. What they say of it counts when it is written
// down by the coordinator: [Partition.Next] is what to write, one write at a time.
type Partition struct {
	// StateEpoch is that of the state at the coordinator, which fences whoever knows an older.
	StateEpoch int32

	start int64
	end   int64
	spans []span // from start to end, none missing

	writing    uint64  // the write that is under way; 0: none
	collecting uint64  // the one that is to follow
	asked      bool    // somebody waits for it
	news       []Batch // what it is to say that nobody waits for
	moved      bool    // start is not what was written last
}

// span are records of which the same is known.
type span struct {
	Range
	state  State
	count  int16 // how often they were delivered
	member string
	until  machine.Instant // of those acquired: when their lock is over
	// write is the write that makes it so, 0 if it is so. Until then it was acquired by member,
	// and is again if it fails.
	write uint64
	// uncounted says that it takes back the last delivery.
	uncounted bool
}

func (s *span) like(o *span) bool {
	return s.state == o.state && s.count == o.count && s.member == o.member && s.until == o.until && s.write == o.write && s.uncounted == o.uncounted
}

// free says that a record may be acquired.
func (s *span) free() bool { return s.state == Available && s.write == 0 }

// New is a share partition as the coordinator has kept it. Of what is between batches, and
// between start and the first, nobody has said anything.
func New(stateEpoch int32, start int64, batches []Batch) *Partition {
	p := &Partition{StateEpoch: stateEpoch, start: start, end: start, collecting: 1}
	for _, b := range Combine(nil, batches, start) {
		if b.First > p.end {
			p.spans = append(p.spans, span{Range: Range{p.end, b.First - 1}})
		}
		p.spans = append(p.spans, span{Range: b.Range, state: b.State, count: b.Count})
		p.end = b.Last + 1
	}
	p.advance()
	p.moved = false // who reads it next finds the same out
	return p
}

// Start is the share partition start offset (SPSO).
func (p *Partition) Start() int64 { return p.start }

// End is the offset behind the last that anybody has had.
func (p *Partition) End() int64 { return p.end }

// Next is where to read: the first record that may be acquired.
func (p *Partition) Next() int64 {
	for i := range p.spans {
		if p.spans[i].free() {
			return p.spans[i].First
		}
	}
	return p.end
}

// MayAcquire says whether there may be something to acquire in a log that can be read up to end.
func (p *Partition) MayAcquire(l Limits, end int64) bool {
	next := p.Next()
	return next < end && (next < p.end || p.end-p.start < l.MaxInFlight)
}

// Done is how many records from Start on are done with (deliveryCompleteCount).
func (p *Partition) Done() (n int64) {
	for i := range p.spans {
		if s := &p.spans[i]; s.state.final() && s.write == 0 {
			n += s.count64()
		}
	}
	return n
}

func (s *span) count64() int64 { return s.Range.count() }

// Read is one batch of the log.
type Read struct {
	Range
	Aborted bool // of a transaction that was aborted, for a group that reads what is committed
}

// Want is how much a member wants.
type Want struct {
	Member  string
	Records int64
	// Batches has it get whole batches of the log, and so perhaps more than Records; otherwise
	// no record more (KIP-1206).
	Batches bool
	// Size is how many records are to be acknowledged together, if they are new: no more batches
	// of the log than have that many. No batch of the log is cut.
	Size int64
}

// Got are records that a member has acquired, all delivered as often.
type Got struct {
	Range
	Count int16
}

// Acquire gives a member what it may have of batches that were read, from an offset on.
func (p *Partition) Acquire(now machine.Instant, w Want, from int64, read []Read, l Limits) (got []Got) {
	if len(read) == 0 || w.Records <= 0 {
		return nil
	}
	from = max(from, p.start)
	p.passOver(from, read[0].First)
	last := read[len(read)-1].Last
	left := w.Records
	until := now.Add(l.Lock)
	take := func(r Range, count int16) {
		left -= r.count()
		if n := len(got); n > 0 && got[n-1].Last+1 == r.First && got[n-1].Count == count {
			got[n-1].Last = r.Last
			return
		}
		got = append(got, Got{r, count})
	}
	for i := 0; i < len(p.spans) && left > 0; i++ {
		s := p.spans[i]
		if s.Last < from || s.First > last || !s.free() {
			continue
		}
		r := Range{max(s.First, from), min(s.Last, last)}
		if r.count() > left {
			r.Last = r.First + left - 1
		}
		p.set(r, func(s *span) { s.state, s.count, s.member, s.until = Acquired, s.count+1, w.Member, until })
		take(r, s.count+1)
		i, _ = p.find(r.Last)
	}
	if room := l.MaxInFlight - (p.end - p.start); left > 0 && room > 0 && last >= p.end && from <= p.end {
		r := Range{p.end, min(last, p.end+min(left, room)-1)}
		if w.Batches {
			for i := range read {
				if read[i].First <= r.Last && r.Last <= read[i].Last {
					r.Last = read[i].Last
				}
			}
		}
		p.spans = append(p.spans, span{Range: r, state: Acquired, count: 1, member: w.Member, until: until})
		p.end = r.Last + 1
		if w.Batches {
			for _, r := range split(r, w.Size, read) {
				got = append(got, Got{r, 1})
			}
		} else {
			take(r, 1)
		}
	}
	got = p.dropAborted(got, read)
	p.tidy()
	p.advance()
	return got
}

// passOver archives what might be had and is not in the log, which goes on at to: it was
// compacted.
func (p *Partition) passOver(from, to int64) {
	if to <= from {
		return
	}
	if from <= p.end && to > p.end {
		p.spans = append(p.spans, span{Range: Range{p.end, to - 1}})
		p.end = to
	}
	for i := 0; i < len(p.spans); i++ {
		s := p.spans[i]
		r := Range{max(s.First, from), min(s.Last, to-1)}
		if r.First > r.Last || !s.free() {
			continue
		}
		p.set(r, func(s *span) { s.state = Archived })
		p.news = append(p.news, Batch{r, Archived, s.count})
		i, _ = p.find(r.Last)
	}
}

// dropAborted archives what is of transactions that were aborted.
func (p *Partition) dropAborted(got []Got, read []Read) []Got {
	for i := range read {
		if !read[i].Aborted {
			continue
		}
		var rest []Got
		for _, g := range got {
			r := Range{max(g.First, read[i].First), min(g.Last, read[i].Last)}
			if r.First > r.Last {
				rest = append(rest, g)
				continue
			}
			p.set(r, func(s *span) { s.state, s.member, s.until = Archived, "", 0 })
			p.news = append(p.news, Batch{r, Archived, g.Count})
			if g.First < r.First {
				rest = append(rest, Got{Range{g.First, r.First - 1}, g.Count})
			}
			if g.Last > r.Last {
				rest = append(rest, Got{Range{r.Last + 1, g.Last}, g.Count})
			}
		}
		got = rest
	}
	return got
}

// split cuts what was acquired into parts of some records or more, each of whole batches of the log
// (SharePartition.createBatches).
func split(r Range, size int64, read []Read) (parts []Range) {
	if r.count() > size {
		for i := range read {
			if at := read[i].First; at <= r.Last && at > r.First && at-r.First >= size {
				parts = append(parts, Range{r.First, at - 1})
				r.First = at
			}
		}
	}
	return append(parts, r)
}

// The words of an acknowledgement (AcknowledgeType).
const (
	Gap     int8 = 0 // there is no such record
	Accept  int8 = 1
	Release int8 = 2 // somebody may have it, if it was not delivered too often
	Reject  int8 = 3
	Renew   int8 = 4 // of KIP-1222: the lock begins anew
)

// Ack is what a member says of records: one word of all, or one of each.
type Ack struct {
	Range
	Types []int8
}

func (a *Ack) of(at int64) int8 {
	if len(a.Types) == 1 {
		return a.Types[0]
	}
	return a.Types[at-a.First]
}

// CheckAcks is Kafka's error for acknowledgements that are none, of which each must begin where the
// one before has ended, or behind it: what is said twice is another error
// (KafkaApis.validateAcknowledgementBatches).
func CheckAcks(acks []Ack, renew bool) int16 {
	most := Reject
	if renew {
		most = Renew
	}
	before := int64(-1)
	for i := range acks {
		a := &acks[i]
		bad := a.First > a.Last || a.First < before || len(a.Types) == 0 || len(a.Types) > 1 && int64(len(a.Types)) != a.Last-a.First+1
		if bad || slices.ContainsFunc(a.Types, func(t int8) bool { return t < Gap || t > most }) {
			return wire.InvalidRequest
		}
		before = a.Last
	}
	return 0
}

// Acknowledge takes what a member says of records that it has acquired, all of it or nothing. It
// counts when the write is done that is returned; 0 is now. [CheckAcks] has found nothing.
func (p *Partition) Acknowledge(now machine.Instant, member string, acks []Ack, l Limits) (write uint64, code int16) {
	for i := range acks {
		if code := p.mayAcknowledge(member, acks[i].Range); code != 0 {
			return 0, code
		}
		if i > 0 && acks[i].First == acks[i-1].Last && acks[i].First >= p.start && acks[i-1].of(acks[i].First) != Renew {
			return 0, wire.InvalidRecordState
		}
	}
	for i := range acks {
		a := &acks[i]
		for at := max(a.First, p.start); at <= a.Last; {
			word, last := a.of(at), at
			for last < a.Last && a.of(last+1) == word {
				last++
			}
			if word == Renew {
				p.set(Range{at, last}, func(s *span) { s.until = now.Add(l.Lock) })
			} else {
				write = p.collecting
				p.set(Range{at, last}, func(s *span) { s.become(word, l); s.write = write })
			}
			at = last + 1
		}
	}
	p.asked = p.asked || write != 0
	p.tidy()
	return write, 0
}

// become is what a member's word makes of a record.
func (s *span) become(word int8, l Limits) {
	switch {
	case word == Accept:
		s.state = Acknowledged
	case word == Release && s.count < l.MaxDeliveries:
		s.state = Available
	default:
		s.state = Archived
	}
}

// mayAcknowledge is Kafka's error if a member has not acquired all of a range that is not done
// with.
func (p *Partition) mayAcknowledge(member string, r Range) int16 {
	switch {
	case r.Last < p.start:
		return 0
	case len(p.spans) == 0:
		return wire.InvalidRecordState // nobody has anything
	case r.Last >= p.end:
		return wire.InvalidRequest // it is past what was acquired
	}
	i, _ := p.find(max(r.First, p.start))
	for ; i < len(p.spans) && p.spans[i].First <= r.Last; i++ {
		if s := &p.spans[i]; s.state != Acquired || s.member != member {
			return wire.InvalidRecordState
		}
	}
	return 0
}

// ReleaseAll has a member give back all that it has: it has ended its session. What it had was
// not delivered (SharePartition.releaseAcquiredRecords).
func (p *Partition) ReleaseAll(member string) (write uint64) {
	for i := range p.spans {
		if s := &p.spans[i]; s.state == Acquired && s.member == member {
			s.state, s.count, s.uncounted = Available, s.count-1, true
			s.until, s.write = 0, p.collecting // if the write fails, its lock, which is over, gives it back
			write = p.collecting
		}
	}
	p.asked = p.asked || write != 0
	p.tidy()
	return write
}

// Deadline is when the first lock is over.
func (p *Partition) Deadline() machine.Instant {
	at := machine.Never
	for i := range p.spans {
		if s := &p.spans[i]; s.state == Acquired {
			at = min(at, s.until)
		}
	}
	return at
}

// Expire takes from members what they have had for too long, and says whether others may have
// some of it.
func (p *Partition) Expire(now machine.Instant, l Limits) (freed bool) {
	for i := range p.spans {
		if s := &p.spans[i]; s.state == Acquired && s.until <= now {
			s.become(Release, l)
			s.member, s.until = "", 0
			freed = freed || s.state == Available
			p.news = append(p.news, Batch{s.Range, s.state, s.count})
		}
	}
	p.tidy()
	p.advance()
	return freed
}

// LogStart has all go that is below an offset: the log begins there.
func (p *Partition) LogStart(at int64) {
	if at <= p.start {
		return
	}
	p.start, p.moved = at, true
	for len(p.spans) > 0 && p.spans[0].Last < at {
		p.spans = p.spans[1:]
	}
	if len(p.spans) > 0 {
		p.spans[0].First = max(p.spans[0].First, at)
	}
	p.end = max(p.end, at)
	p.advance()
}

// Write is what the coordinator is to write down.
type Write struct {
	ID      uint64
	Start   int64
	Done    int64
	Batches []Batch
}

// Write is what is to be written next, if anything is, and nothing is under way.
func (p *Partition) Write() (w Write, ok bool) {
	if p.writing != 0 || !p.asked && len(p.news) == 0 && !p.moved {
		return w, false
	}
	w = Write{ID: p.collecting, Start: p.start, Done: p.Done()}
	news := p.news
	for i := range p.spans {
		if s := &p.spans[i]; s.write == w.ID {
			news = append(news, Batch{s.Range, s.state, s.count})
		}
	}
	w.Batches = Combine(nil, news, p.start)
	p.writing, p.collecting = w.ID, p.collecting+1
	p.asked, p.news, p.moved = false, nil, false
	return w, true
}

// Written says that the write under way is done, or has failed: then all is as it was before,
// but for locks that are over.
func (p *Partition) Written(ok bool) {
	id := p.writing
	p.writing = 0
	for i := range p.spans {
		s := &p.spans[i]
		if s.write != id {
			continue
		}
		if s.write = 0; ok {
			s.member, s.until = "", 0
		} else {
			if s.state = Acquired; s.uncounted {
				s.count++
			}
		}
		s.uncounted = false
	}
	p.tidy()
	p.advance()
}

// Busy says that a write is under way.
func (p *Partition) Busy() bool { return p.writing != 0 }

// find is the span of an offset.
func (p *Partition) find(at int64) (int, bool) {
	return slices.BinarySearchFunc(p.spans, at, func(s span, at int64) int {
		switch {
		case s.Last < at:
			return -1
		case s.First > at:
			return 1
		}
		return 0
	})
}

// set changes what is known of a range, which is between start and end.
func (p *Partition) set(r Range, change func(*span)) {
	p.cut(r.First)
	p.cut(r.Last + 1)
	i, ok := p.find(r.First)
	if !ok {
		panic(fmt.Sprintf("share: offset %d is not between %d and %d", r.First, p.start, p.end))
	}
	for ; i < len(p.spans) && p.spans[i].First <= r.Last; i++ {
		change(&p.spans[i])
	}
}

// cut has a span begin at an offset.
func (p *Partition) cut(at int64) {
	i, ok := p.find(at)
	if !ok || p.spans[i].First == at {
		return
	}
	rest := p.spans[i]
	p.spans[i].Last, rest.First = at-1, at
	p.spans = slices.Insert(p.spans, i+1, rest)
}

// tidy makes one of spans that are alike.
func (p *Partition) tidy() {
	kept := p.spans[:0]
	for i := range p.spans {
		if n := len(kept); n > 0 && kept[n-1].like(&p.spans[i]) {
			kept[n-1].Last = p.spans[i].Last
		} else {
			kept = append(kept, p.spans[i])
		}
	}
	p.spans = kept
}

// advance has the partition begin behind what is done with.
func (p *Partition) advance() {
	n := 0
	for n < len(p.spans) && p.spans[n].state.final() && p.spans[n].write == 0 {
		n++
	}
	if n == 0 {
		return
	}
	p.start = p.spans[n-1].Last + 1
	p.spans = append(p.spans[:0], p.spans[n:]...)
	p.check()
}

// check panics on what no share partition is.
func (p *Partition) check() {
	at := p.start
	for i := range p.spans {
		if s := &p.spans[i]; s.First != at || s.Last < s.First || s.state == Acquired && s.member == "" {
			panic(fmt.Sprintf("share: %v %q at %d-%d, where offset %d is due", s.state, s.member, s.First, s.Last, at))
		}
		at = p.spans[i].Last + 1
	}
	if at != p.end {
		panic(fmt.Sprintf("share: records end at %d, and the partition at %d", at, p.end))
	}
}

// Members are those who have something, sorted.
func (p *Partition) Members() (list []string) {
	for i := range p.spans {
		if s := &p.spans[i]; s.state == Acquired {
			list = append(list, s.member)
		}
	}
	// total: equal strings are alike
	slices.SortFunc(list, cmp.Compare)
	return slices.Compact(list)
}

// String is such as "5..12: 5-6 acquired 1 a, 7-11 available 0"; a state that waits for its write
// has a question mark.
func (p *Partition) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d..%d", p.start, p.end)
	sep := ": "
	for i := range p.spans {
		s := &p.spans[i]
		fmt.Fprintf(&b, "%s%d-%d %v", sep, s.First, s.Last, s.state)
		if s.write != 0 {
			b.WriteString("?")
		}
		fmt.Fprintf(&b, " %d", s.count)
		if s.member != "" {
			b.WriteString(" " + s.member)
		}
		sep = ", "
	}
	return b.String()
}
