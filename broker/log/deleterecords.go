package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// parkedDelete is a DeleteRecords that waits until no replica that is alive has what it
// deletes (DelayedDeleteRecords, KIP-107).
type parkedDelete struct {
	conn  *conn
	req   wire.Request
	resp  *kmsg.DeleteRecordsResponse
	until machine.Instant
	waits []deleting // not decided yet
}

// deleting is one partition of it.
type deleting struct {
	p      *partition
	offset int64 // the log is to start there
	answer *kmsg.DeleteRecordsResponseTopicPartition
}

// deleteRecords has logs start later.
func (b *Broker) deleteRecords(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DeleteRecordsRequest)
	x := &parkedDelete{conn: c, req: req, resp: kmsg.NewPtrDeleteRecordsResponse()}
	x.resp.Topics = make([]kmsg.DeleteRecordsResponseTopic, len(body.Topics))
	for i := range body.Topics {
		t, answer := &body.Topics[i], &x.resp.Topics[i]
		*answer = kmsg.NewDeleteRecordsResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.DeleteRecordsResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			a := &answer.Partitions[j]
			*a = kmsg.NewDeleteRecordsResponseTopicPartition()
			a.Partition, a.LowWatermark = t.Partitions[j].Partition, -1
			b.deletePartition(x, t.Topic, t.Partitions[j].Offset, a, out)
		}
	}
	if len(x.waits) == 0 || body.TimeoutMillis <= 0 {
		x.timeOut()
		b.answer(c, &req, x.resp, nil, out)
		return
	}
	x.until = now.Mono.Add(time.Duration(body.TimeoutMillis) * time.Millisecond)
	c.deletes = x
	b.parked.deletes = append(b.parked.deletes, x)
	b.parked.earliest = min(b.parked.earliest, x.until)
	for i := range x.waits {
		p := x.waits[i].p
		p.deletes = addLast(p.deletes, x)
	}
}

func (b *Broker) deletePartition(x *parkedDelete, topic string, offset int64, a *kmsg.DeleteRecordsResponseTopicPartition, out *machine.Effects) {
	p, code := b.lookup(topic, a.Partition)
	if code != wire.UnknownTopicOrPartition && isInternal(topic) {
		code = wire.InvalidTopicException
	}
	var at int64
	if code == 0 {
		var err error
		if at, code, err = p.DeleteRecords(offset); err != nil {
			b.fail(err, out)
			code = wire.KafkaStorageError
		}
	}
	if a.ErrorCode = code; code != 0 {
		return
	}
	b.flush(p, out)
	b.touch(p)
	if w := (deleting{p, at, a}); !w.decide() {
		x.waits = append(x.waits, w)
	}
}

// decide fills in the answer if it is known.
func (w *deleting) decide() (done bool) {
	low := w.p.LowWatermark()
	switch {
	case !w.p.Leads():
		w.answer.ErrorCode = wire.NotLeaderOrFollower
	case low >= w.offset:
		w.answer.LowWatermark = low
	default:
		return false
	}
	return true
}

// timeOut is the answer for what is not decided yet: it stays deleted.
func (x *parkedDelete) timeOut() {
	for i := range x.waits {
		x.waits[i].answer.ErrorCode = wire.RequestTimedOut
	}
}

func (b *Broker) unparkDelete(x *parkedDelete) {
	x.conn.deletes = nil
	b.parked.deletes = remove(b.parked.deletes, x)
	for i := range x.waits {
		p := x.waits[i].p
		p.deletes = remove(p.deletes, x)
	}
}

// wakeDeletes answers those for which a partition's replicas have got far enough, or which
// it does not lead any more.
func (b *Broker) wakeDeletes(p *partition, out *machine.Effects) {
	wake(&p.deletes, func(x *parkedDelete) (waits, here bool) {
		x.waits = slices.DeleteFunc(x.waits, func(w deleting) bool { return w.p == p && w.decide() })
		return len(x.waits) > 0, slices.ContainsFunc(x.waits, func(w deleting) bool { return w.p == p })
	}, func(x *parkedDelete) {
		b.unparkDelete(x)
		b.answer(x.conn, &x.req, x.resp, nil, out)
	})
}

// expireDeletes answers those whose time is over.
func (b *Broker) expireDeletes(now machine.Instant, out *machine.Effects) {
	for i := 0; i < len(b.parked.deletes); {
		x := b.parked.deletes[i]
		if x.until > now {
			i++
			continue
		}
		b.unparkDelete(x)
		x.timeOut()
		b.answer(x.conn, &x.req, x.resp, nil, out)
	}
}
