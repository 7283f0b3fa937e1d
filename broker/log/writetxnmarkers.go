package log

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// own is an append of this broker's own, with acks=all: a coordinator's records, or a marker.
type own struct {
	end   int64 // the log must be safe below
	epoch int32 // the leader epoch in which it was appended
}

// decide reports whether the append is known to be safe, or to have come to one of Kafka's
// errors: then it may be lost, or not.
func (w *own) decide(p *partition) (code int16, done bool) {
	if p.LeaderEpoch() != w.epoch {
		return wire.NotLeaderOrFollower, true
	}
	return p.Acknowledge(w.end, -1)
}

// appendOwn appends a batch of a coordinator to a partition that this broker leads. What is to
// be told of it must wait until it is decided: whatever may decide it touches the partition.
// code is Kafka's error if nothing was appended.
func (b *Broker) appendOwn(now machine.Now, p *partition, batch machine.Bytes, g replica.Guard, out *machine.Effects) (w own, at replica.Appended, code int16) {
	at, code, err := p.AppendOwn(now, batch, g)
	if code = b.ownAppended(p, at, code, err, out); code != 0 {
		return w, at, code
	}
	out.Work(machine.Work{Bytes: batch.Len(), Records: at.End - at.Base, Partitions: 1})
	return own{at.End, p.LeaderEpoch()}, at, 0
}

// appendMarker does so with the end of a transaction.
func (b *Broker) appendMarker(now machine.Now, p *partition, m *kmsg.WriteTxnMarkersRequestMarker, out *machine.Effects) (w own, code int16) {
	marker := wire.Marker{Commit: m.Committed, CoordinatorEpoch: m.CoordinatorEpoch}
	at, code, err := p.AppendMarker(now, m.ProducerID, m.ProducerEpoch, marker, int16(m.TransactionVersion))
	if code = b.ownAppended(p, at, code, err, out); code != 0 {
		return w, code
	}
	out.Work(machine.Work{Records: 1, Partitions: 1})
	b.marked(p, m.ProducerID, m.ProducerEpoch, m.Committed)
	return own{at.End, p.LeaderEpoch()}, 0
}

// ownAppended does what follows an append: on a disk that is full everything goes on, after
// any other error nothing does.
func (b *Broker) ownAppended(p *partition, at replica.Appended, code int16, err error, out *machine.Effects) int16 {
	switch {
	case errors.Is(err, machine.ErrNoSpace):
		b.cfg.Failpoints.Hit(failpoint.DiskFull)
	case err != nil:
		b.fail(err, out)
		return wire.KafkaStorageError
	}
	if code == 0 {
		b.flush(p, out)
		b.touch(p)
	}
	return code
}

// parkedMarkers is a WriteTxnMarkers that waits until its markers cannot be lost.
type parkedMarkers struct {
	conn  *conn
	req   wire.Request
	resp  *kmsg.WriteTxnMarkersResponse
	until machine.Instant
	waits []marking // not decided yet
	// then takes the answer of a coordinator on this broker, which there is no connection to.
	then func(now machine.Now, resp *kmsg.WriteTxnMarkersResponse, out *machine.Effects)
}

// marking is one marker in one partition.
type marking struct {
	own
	p      *partition
	answer *kmsg.WriteTxnMarkersResponseMarkerTopicPartition
}

// markersTimeout is request.timeout.ms of brokers: a coordinator that is told
// REQUEST_TIMED_OUT writes its marker again, and a second one ends nothing.
const markersTimeout = 30 * time.Second

// writeTxnMarkers ends transactions in the partitions that their coordinators name.
func (b *Broker) writeTxnMarkers(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	b.takeMarkers(now, &parkedMarkers{conn: c, req: req}, req.Body.(*kmsg.WriteTxnMarkersRequest), out)
}

// takeMarkers appends markers, and answers when they cannot be lost.
func (b *Broker) takeMarkers(now machine.Now, x *parkedMarkers, body *kmsg.WriteTxnMarkersRequest, out *machine.Effects) {
	x.resp, x.until = kmsg.NewPtrWriteTxnMarkersResponse(), now.Mono.Add(markersTimeout)
	x.resp.Markers = make([]kmsg.WriteTxnMarkersResponseMarker, len(body.Markers))
	for i := range body.Markers {
		m, answer := &body.Markers[i], &x.resp.Markers[i]
		*answer = kmsg.NewWriteTxnMarkersResponseMarker()
		answer.ProducerID, answer.Topics = m.ProducerID, make([]kmsg.WriteTxnMarkersResponseMarkerTopic, len(m.Topics))
		for j := range m.Topics {
			t := &answer.Topics[j]
			*t = kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			t.Topic, t.Partitions = m.Topics[j].Topic, make([]kmsg.WriteTxnMarkersResponseMarkerTopicPartition, len(m.Topics[j].Partitions))
			for k, n := range m.Topics[j].Partitions {
				a := &t.Partitions[k]
				*a = kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
				a.Partition = n
				b.markPartition(now, x, m, t.Topic, a, out)
			}
		}
	}
	if len(x.waits) == 0 || b.err != nil {
		b.markersTaken(now, x, out)
		return
	}
	if x.conn != nil {
		x.conn.markers = x
	}
	b.parked.markers = append(b.parked.markers, x)
	b.parked.earliest = min(b.parked.earliest, x.until)
	for i := range x.waits {
		p := x.waits[i].p
		p.markers = addLast(p.markers, x)
	}
}

func (b *Broker) markPartition(now machine.Now, x *parkedMarkers, m *kmsg.WriteTxnMarkersRequestMarker, topic string, a *kmsg.WriteTxnMarkersResponseMarkerTopicPartition, out *machine.Effects) {
	p := b.partition(topic, a.Partition)
	if p == nil {
		a.ErrorCode = wire.UnknownTopicOrPartition
		return
	}
	w := marking{p: p, answer: a}
	if w.own, a.ErrorCode = b.appendMarker(now, p, m, out); a.ErrorCode == 0 && !w.decideMarker() {
		x.waits = append(x.waits, w)
	}
}

// decideMarker fills in the answer if it is known.
func (w *marking) decideMarker() (done bool) {
	code, done := w.decide(w.p)
	if done {
		w.answer.ErrorCode = code
	}
	return done
}

// markersTaken hands the answer on.
func (b *Broker) markersTaken(now machine.Now, x *parkedMarkers, out *machine.Effects) {
	if x.conn != nil {
		b.answer(x.conn, &x.req, x.resp, nil, out)
	} else {
		x.then(now, x.resp, out)
	}
}

func (b *Broker) unparkMarkers(x *parkedMarkers) {
	if x.conn != nil {
		x.conn.markers = nil
	}
	b.parked.markers = remove(b.parked.markers, x)
	for i := range x.waits {
		p := x.waits[i].p
		p.markers = remove(p.markers, x)
	}
}

// wakeMarkers answers those for which a partition has got far enough, or has lost its leader.
func (b *Broker) wakeMarkers(now machine.Now, p *partition, out *machine.Effects) {
	wake(&p.markers, func(x *parkedMarkers) (waits, here bool) {
		x.waits = slices.DeleteFunc(x.waits, func(w marking) bool { return w.p == p && w.decideMarker() })
		return len(x.waits) > 0, slices.ContainsFunc(x.waits, func(w marking) bool { return w.p == p })
	}, func(x *parkedMarkers) {
		b.unparkMarkers(x)
		b.markersTaken(now, x, out)
	})
}

// expireMarkers answers those whose time is over.
func (b *Broker) expireMarkers(now machine.Now, out *machine.Effects) {
	for i := 0; i < len(b.parked.markers); {
		x := b.parked.markers[i]
		if x.until > now.Mono {
			i++
			continue
		}
		b.unparkMarkers(x)
		for j := range x.waits {
			x.waits[j].answer.ErrorCode = wire.RequestTimedOut
		}
		b.markersTaken(now, x, out)
	}
}
