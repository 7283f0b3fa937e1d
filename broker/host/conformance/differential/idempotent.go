package differential

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playInit is InitProducerId.
func playInit(d *dialogue) {
	init := func(change func(*kmsg.InitProducerIDRequest)) build {
		return func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrInitProducerIDRequest()
			req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = 60_000, -1, -1
			change(req)
			return req
		}
	}
	for _, s := range d.sides { // the first ids come from the controller
		s.pid(d.ctx, "first")
	}
	d.each(kmsg.InitProducerID, "new", init(func(*kmsg.InitProducerIDRequest) {}))
	d.each(kmsg.InitProducerID, "no timeout", init(func(r *kmsg.InitProducerIDRequest) { r.TransactionTimeoutMillis = 0 }))
	d.each(kmsg.InitProducerID, "empty transactional id", init(func(r *kmsg.InitProducerIDRequest) { r.TransactionalID = ptr("") }))
	d.each(kmsg.InitProducerID, "transactional id", init(func(r *kmsg.InitProducerIDRequest) { r.TransactionalID = ptr("txn") }))
	d.from(3, kmsg.InitProducerID, "epoch without id", init(func(r *kmsg.InitProducerIDRequest) { r.ProducerEpoch = 3 }))
	d.from(3, kmsg.InitProducerID, "id without epoch", init(func(r *kmsg.InitProducerIDRequest) { r.ProducerID = 3 }))
	d.from(3, kmsg.InitProducerID, "id and epoch", init(func(r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = 3, 3 }))
	d.from(3, kmsg.InitProducerID, "negative ones", init(func(r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = -5, -5 }))
}

// playIdempotent is sequences, epochs and producers, as they should be and not.
func playIdempotent(d *dialogue) {
	for _, v := range d.versions(kmsg.Produce) {
		if v < 3 {
			continue
		}
		topic := fmt.Sprintf("idempotent-%d", v)
		d.topic(topic, 1)
		send := func(name string, epoch int16, seq int32, n int) {
			b := batch{epoch: epoch, seq: seq}
			for i := range n {
				b.records = append(b.records, record{value: fmt.Appendf(nil, "%s %d", name, i), at: int64(i)})
			}
			d.at(kmsg.Produce, v, name, func(s *side, _ int16) kmsg.Request {
				b.pid = s.pid(d.ctx, topic) + 1
				return produce(-1, part{topic: topic, records: b.bytes()})
			})
		}
		send("first", 0, 0, 3)
		send("second", 0, 3, 1)
		send("duplicate of the first", 0, 0, 3)
		send("duplicate of the second", 0, 3, 1)
		send("a part of the first", 0, 0, 2)
		send("first and second in one", 0, 0, 4)
		send("a gap", 0, 5, 1)
		send("again from 0", 0, 0, 1)
		for i := range int32(6) {
			send(fmt.Sprint("more ", i), 0, 4+i, 1)
		}
		send("duplicate of what is forgotten", 0, 3, 1)
		send("duplicate of the fifth last", 0, 5, 1)
		send("a new epoch from 7", 1, 7, 1)
		send("a new epoch", 1, 0, 1)
		send("the old epoch", 0, 10, 1)
		send("the old epoch, a duplicate", 0, 9, 1)
		send("an epoch between", 5, 0, 1)
		send("epoch negative", -1, 1, 1)
		send("sequence negative", 5, -1, 1)
		send("sequence very negative", 5, math.MinInt32, 1)
		d.read(topic, 0)
		unknown := func(name string, pid int64, epoch int16, seq int32) {
			d.at(kmsg.Produce, v, name, func(*side, int16) kmsg.Request {
				return produce(-1, part{topic: topic, records: values("u").with(func(b *batch) { b.pid, b.epoch, b.seq = pid+1, epoch, seq }).bytes()})
			})
		}
		unknown("an unknown producer", 1_000_001, 0, 0)
		unknown("an unknown producer from 5", 1_000_002, 0, 5)
		unknown("an unknown producer of epoch 5", 1_000_003, 5, 0)
		unknown("near the end", 1_000_004, 0, math.MaxInt32-1)
		unknown("at the end", 1_000_004, 0, math.MaxInt32)
		unknown("after the end", 1_000_004, 0, 0)
		unknown("and on", 1_000_004, 0, 1)
		unknown("a negative producer", -3, 0, 0)
		d.read(topic, 0)
	}
}
