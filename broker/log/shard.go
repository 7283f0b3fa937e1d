package log

import (
	"fmt"
	"slices"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// shard is the coordinator of one partition for as long as this broker leads it in one epoch.
type shard struct {
	p       *partition
	kind    *kind
	epoch   int32
	stage   stage
	machine coordinator.Machine
	next    int64      // while loading: the offset of what is read next
	read    bool       // something was read
	cleaned bool       // of what was read some is missing: the log was cleaned before
	deleted []string   // while loading: the topics that have been deleted
	gone    [][16]byte // the same, by their ids
	decided []decided  // whose answers wait, in their order
	due     machine.Instant
	guard   replica.Guard // of the command that is being decided
	told    int64         // somebody was told of what is below
}

// stage is how far a coordinator is.
type stage uint8

const (
	loading stage = iota // its machine does not know yet what those before it have decided
	serves
	broken // what it was to know cannot be read
)

// decided is a decision that could be lost still.
type decided struct {
	end     int64 // it is safe when the high watermark is here
	until   machine.Instant
	answers []coordinator.Answer
	markers []coordinator.Marker
}

// begin has a coordinator begin where this broker begins to lead.
func (b *Broker) begin(now machine.Instant, p *partition) {
	tp := p.TP()
	s := &shard{p: p, kind: p.coordinates, epoch: p.LeaderEpoch(), next: p.LogStart(), due: now}
	s.machine = s.kind.make(b, tp.Partition, s.epoch, b.cfg.Failpoints)
	c := &b.coordinators
	p.shard = s
	i, _ := slices.BinarySearchFunc(c.shards, tp, func(s *shard, tp wire.TP) int { return s.p.TP().Compare(tp) })
	c.shards = slices.Insert(c.shards, i, s)
	c.earliest = min(c.earliest, s.due)
}

// unload ends a coordinator whose partition this broker does not lead any more, or in a later
// epoch: who waits for it is told so, and must take what was asked for as unknown.
func (b *Broker) unload(now machine.Now, s *shard, out *machine.Effects) {
	c := &b.coordinators
	c.shards = slices.DeleteFunc(c.shards, func(x *shard) bool { return x == s })
	s.p.shard = nil
	for _, x := range c.waitingFor(s) {
		b.coordinated(now, x, s.kind.refuse(b, x.command, wire.NotCoordinator), out)
	}
}

// carryOut does what a decision comes to.
func (b *Broker) carryOut(now machine.Now, s *shard, o coordinator.Outcome, out *machine.Effects) {
	if b.err != nil {
		return
	}
	if len(o.Records) > 0 {
		if code := b.record(now, s, &o, out); code != 0 {
			o = s.machine.Dropped(now, o, code)
		}
	}
	waits := len(o.Markers) > 0
	for i := range o.Answers {
		if o.Answers[i].AtOnce {
			b.deliver(now, &o.Answers[i], out)
		} else {
			waits = true
		}
	}
	if waits {
		d := decided{s.p.LogEnd(), now.Mono.Add(b.cfg.Settings.OffsetsCommitTimeout), o.Answers, o.Markers}
		if len(s.decided) == 0 && b.safe(s, &d) {
			b.comeTrue(now, s, &d, out)
		} else {
			s.decided = append(s.decided, d)
		}
	}
	s.schedule(now.Mono)
	b.coordinators.earliest = min(b.coordinators.earliest, s.due)
}

// record appends the records of a decision as one batch, and has the machine replay them. The
// decision is not safe by that. code is Kafka's error, with which nothing was appended.
func (b *Broker) record(now machine.Now, s *shard, o *coordinator.Outcome, out *machine.Effects) (code int16) {
	bb, at := &b.coordinators.builder, coordinator.Position{Timestamp: now.Wall.Millis(), ProducerID: -1, Epoch: -1}
	if o.Producer != nil {
		at.ProducerID, at.Epoch = o.Producer.ID, o.Producer.Epoch
	}
	size := wire.BatchHeaderSize + 32*len(o.Records)
	for i := range o.Records {
		size += len(o.Records[i].Key) + len(o.Records[i].Value)
	}
	bb.Grow(size)
	bb.Reset(at.ProducerID, at.Epoch, -1)
	bb.Place(s.p.LogEnd(), s.p.LeaderEpoch())
	if o.Producer != nil {
		bb.Transactional()
	}
	for i := range o.Records {
		bb.Append(at.Timestamp, o.Records[i].Key, o.Records[i].Value, nil)
	}
	batch := bb.Bytes()
	if codec := b.cfg.Settings.OffsetsTopicCompressionCodec; codec != 0 && s.kind == &b.coordinators.groups {
		if packed, err := wire.Compress(batch, codec); err == nil { // as it is, otherwise
			batch = packed
		}
	}
	end := s.p.LogEnd()
	_, appended, code := b.appendOwn(now, s.p, batch, s.guard, out)
	if code != 0 {
		return code
	}
	if appended.Base != end || appended.End != end+int64(len(o.Records)) {
		panic(fmt.Sprintf("%v: %d records of its coordinator are at offsets %d to %d of a log that has ended at %d", s.p.TP(), len(o.Records), appended.Base, appended.End, end))
	}
	for i := range o.Records {
		at.Offset = appended.Base + int64(i)
		if err := s.machine.Replay(at, o.Records[i].Key, o.Records[i].Value); err != nil {
			panic(fmt.Sprintf("%v: its coordinator does not take its own record at offset %d: %v", s.p.TP(), at.Offset, err))
		}
	}
	return 0
}

// safe reports whether a decision cannot be lost any more.
func (b *Broker) safe(s *shard, d *decided) bool {
	return s.p.HighWatermark() >= d.end || s.kind == &b.coordinators.groups && b.cfg.Failpoints.On(failpoint.G04AnswerAtAppend, uint64(d.end))
}

// comeTrue does what had to wait until a decision is safe.
func (b *Broker) comeTrue(now machine.Now, s *shard, d *decided, out *machine.Effects) {
	for i := range d.answers {
		if !d.answers[i].AtOnce {
			s.told = max(s.told, d.end)
			b.deliver(now, &d.answers[i], out)
		}
	}
	for _, m := range d.markers {
		s.kind.mark(b, now, s, m, out)
	}
}

// deliver sends an answer, if somebody waits for it still.
func (b *Broker) deliver(now machine.Now, a *coordinator.Answer, out *machine.Effects) {
	if x := b.coordinators.inquiries[a.To]; x != nil {
		b.coordinated(now, x, a.Body, out)
	}
}

// schedule says when the coordinator next wants a tick.
func (s *shard) schedule(now machine.Instant) {
	s.due = machine.Never
	switch {
	case s.stage == loading && s.next < s.p.LogEnd():
		s.due = now
	case s.stage == serves:
		s.due = s.machine.Deadline()
		if len(s.decided) > 0 {
			s.due = min(s.due, s.decided[0].until)
		}
	}
}

// wakeCoordinator brings the coordinator of a partition in line with what has become of that.
func (b *Broker) wakeCoordinator(now machine.Now, p *partition, out *machine.Effects) {
	if p.coordinates == nil {
		return
	}
	leads := p.Leads()
	if s := p.shard; s != nil && (!leads || s.epoch != p.LeaderEpoch()) {
		b.unload(now, s, out)
	}
	s := p.shard
	switch {
	case s == nil && leads:
		b.begin(now.Mono, p)
	case s == nil:
	case s.stage == loading:
		b.maybeServe(now, s, out)
	default:
		for len(s.decided) > 0 && b.safe(s, &s.decided[0]) {
			d := s.decided[0]
			s.decided = slices.Delete(s.decided, 0, 1)
			b.comeTrue(now, s, &d, out)
		}
	}
}

// expireDecided answers those whose decision is not safe after offsets.commit.timeout.ms. It
// stands, and its markers are written when it is safe.
func (b *Broker) expireDecided(now machine.Now, s *shard, out *machine.Effects) {
	for i := 0; i < len(s.decided) && s.decided[i].until <= now.Mono; {
		d := &s.decided[i]
		answers := d.answers
		d.answers, d.until = nil, machine.Never
		if len(d.markers) == 0 {
			s.decided = slices.Delete(s.decided, i, i+1)
		} else {
			i++
		}
		for j := range answers {
			if x := b.coordinators.inquiries[answers[j].To]; x != nil {
				b.coordinated(now, x, s.kind.refuse(b, x.command, wire.CoordinatorNotAvailable), out)
			}
		}
	}
}

// marked tells the coordinator of a partition, if there is one, that a marker was appended to
// it: the end of a transaction that had offsets of groups there.
func (b *Broker) marked(p *partition, producerID int64, epoch int16, commit bool) {
	if s := p.shard; s != nil && s.stage == serves {
		s.machine.Marker(producerID, epoch, commit)
	}
}
