package log

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// produce appends what a producer sends, when the coordinator of its transaction has been
// asked, if it must be.
func (b *Broker) produce(now machine.Now, c *conn, req wire.Request, body *kmsg.ProduceRequest, out *machine.Effects) {
	if !plain(body) {
		req.Records = onlyLast(body, req.Records)
	}
	v, code := b.needsVerification(now, c, &req, body)
	switch {
	case code != 0:
		b.refuseProduce(c, &req, body, code, out)
	case v != nil:
		b.unverified = append(b.unverified, v)
	default:
		b.appendProduced(now, c, req, nil, out)
	}
}

// refuseProduce is the answer to a request that is refused as a whole.
func (b *Broker) refuseProduce(c *conn, req *wire.Request, body *kmsg.ProduceRequest, code int16, out *machine.Effects) {
	if body.Acks == 0 {
		b.hangUp(c, out)
		return
	}
	resp := kmsg.NewPtrProduceResponse()
	for i := range body.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = body.Topics[i].Topic
		for j := range body.Topics[i].Partitions {
			a := kmsg.NewProduceResponseTopicPartition()
			a.Partition, a.ErrorCode, a.BaseOffset, a.LogStartOffset = body.Topics[i].Partitions[j].Partition, code, -1, -1
			a.ErrorRecords = []kmsg.ProduceResponseTopicPartitionErrorRecord{}
			t.Partitions = append(t.Partitions, a)
		}
		resp.Topics = append(resp.Topics, t)
	}
	b.answer(c, req, resp, nil, out)
}

// appendProduced appends what a producer has sent, and answers when it is as safe as its
// acks ask for. v is what has come of its verification; nil if it needed none.
func (b *Broker) appendProduced(now machine.Now, c *conn, req wire.Request, v *verifying, out *machine.Effects) {
	body := req.Body.(*kmsg.ProduceRequest)
	x := &parkedProduce{conn: c, req: req, resp: kmsg.NewPtrProduceResponse(), acks: body.Acks}
	x.resp.Topics = make([]kmsg.ProduceResponseTopic, len(body.Topics))
	failed, hangUp := false, false
	var broken error
	n := 0
	for i := range body.Topics {
		t, answer := &body.Topics[i], &x.resp.Topics[i]
		*answer = kmsg.NewProduceResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.ProduceResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			a := &answer.Partitions[j]
			*a = kmsg.NewProduceResponseTopicPartition()
			a.Partition, a.ErrorRecords = t.Partitions[j].Partition, []kmsg.ProduceResponseTopicPartitionErrorRecord{}
			fresh, err := b.producePartition(now, x, v, t.Topic, req.Records[n], a, out)
			if err != nil {
				broken = err
			}
			failed = failed || a.ErrorCode != 0
			hangUp = hangUp || fresh && b.cfg.Failpoints.OnAbout(failpoint.HangUpAfterAppend, t.Topic, uint64(a.Partition), uint64(a.BaseOffset))
			n++
		}
	}
	if broken != nil {
		for i := range x.waits { // nobody will ever know whether that was replicated
			x.waits[i].refuse(wire.KafkaStorageError)
		}
		if body.Acks != 0 {
			b.answer(c, &req, x.resp, nil, out)
		}
		b.fail(broken, out)
		return
	}
	switch {
	case hangUp:
		b.hangUp(c, out) // as a listener may at any time
	case body.Acks == 0 && failed:
		// Nobody waits for an answer: the closed connection is the only way to say
		// that something is wrong.
		b.hangUp(c, out)
	case body.Acks == 0:
		b.done(c)
	case len(x.waits) == 0:
		b.answer(c, &req, x.resp, nil, out)
	default:
		x.until = now.Mono.Add(time.Duration(body.TimeoutMillis) * time.Millisecond)
		b.parkProduce(x)
	}
}

// producePartition reports whether something was appended that was not there before. A full
// disk is refused, and everything goes on. After any other error, which it returns, the log
// directory is offline (LogDirFailureChannel).
func (b *Broker) producePartition(now machine.Now, x *parkedProduce, v *verifying, topic string, records wire.Records, a *kmsg.ProduceResponseTopicPartition, out *machine.Effects) (fresh bool, err error) {
	w := producing{answer: a}
	p, code := b.lookup(topic, a.Partition)
	if code != wire.UnknownTopicOrPartition {
		h, batch, wrong, why := wire.Produced(records)
		records = batch
		switch {
		case wrong != 0:
			code = wrong
			if why != "" {
				a.ErrorMessage = &why
			}
		case h.Compression() == zstd && x.req.Version < firstZstd:
			code = wire.UnsupportedCompressionType
		case h.Compression() > zstd && x.req.Version < firstZstd:
			code = wire.UnknownServerError // as Kafka, which has looked at it here
		case isInternal(topic) && x.req.ClientID != adminClient:
			code = wire.InvalidTopicException
		case h.IsTransactional() && x.req.Body.(*kmsg.ProduceRequest).TransactionID == nil:
			code = wire.TransactionalIDAuthorizationFailed // of nobody
		case x.acks < -1 || x.acks > 1:
			code = wire.InvalidRequiredAcks
		}
	}
	guard := replica.Guard(0)
	if code == 0 && v != nil {
		guard, code, a.ErrorMessage = v.about(topic, a.Partition)
	}
	if code != 0 {
		w.refuse(code)
		return false, nil
	}
	at, code, err := p.AppendVerified(now, records, x.acks, guard)
	if errors.Is(err, machine.ErrNoSpace) {
		b.cfg.Failpoints.Hit(failpoint.DiskFull)
		err = nil
	}
	if code != 0 {
		w.refuse(code)
		a.ErrorRecords, a.ErrorMessage = errorRecords(at.Refused), replica.RefusedFor(at.Refused, code)
		if !saysNothing(code) {
			a.LogStartOffset = p.LogStart()
		}
		return false, err
	}
	out.Work(machine.Work{Bytes: records.Len(), Records: at.End - at.Base, Partitions: 1})
	a.BaseOffset, a.LogAppendTime, a.LogStartOffset = at.Base, at.AppendTime, p.LogStart()
	b.flush(p, out)
	b.touch(p)
	if x.acks == -1 && !at.Duplicate && b.cfg.Failpoints.OnAbout(failpoint.TimeOutAppended, topic, uint64(a.Partition), uint64(at.Base)) {
		w.refuse(wire.RequestTimedOut)
		return true, nil
	}
	w.p, w.end, w.epoch = p, at.End, p.LeaderEpoch()
	if x.acks != 0 && !w.decide(x.acks) {
		x.waits = append(x.waits, w)
	}
	return !at.Duplicate, nil
}

// errorRecords says which records of a batch it was refused for (KIP-467).
func errorRecords(refused []replica.Refused) []kmsg.ProduceResponseTopicPartitionErrorRecord {
	list := make([]kmsg.ProduceResponseTopicPartitionErrorRecord, 0, len(refused))
	for i := range refused {
		e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		e.RelativeOffset, e.ErrorMessage = refused[i].Index, &refused[i].Why
		list = append(list, e)
	}
	return list
}

// zstd is the codec that clients may use from a version of Produce on (KIP-110).
const zstd, firstZstd = 4, 7

// saysNothing reports whether a refusal leaves out where the log starts, as Kafka does for
// some errors (ReplicaManager.appendToLocalLog).
func saysNothing(code int16) bool {
	switch code {
	case wire.NotLeaderOrFollower, wire.MessageTooLarge, wire.RecordListTooLarge, wire.CorruptMessage, wire.KafkaStorageError:
		return true
	}
	return false
}

// lookup finds a partition that is served here, or Kafka's error.
func (b *Broker) lookup(topic string, n int32) (*partition, int16) {
	if p := b.partition(topic, n); p != nil && p.LeaderEpoch() >= 0 {
		return p, 0
	}
	if b.image.Partition(topic, n) == nil {
		return nil, wire.UnknownTopicOrPartition
	}
	return nil, wire.NotLeaderOrFollower
}

// plain reports whether a request names topics and partitions each once, in their order, as
// most do.
func plain(body *kmsg.ProduceRequest) bool {
	for i := range body.Topics {
		t := &body.Topics[i]
		if len(t.Partitions) == 0 || i > 0 && t.Topic <= body.Topics[i-1].Topic {
			return false
		}
		for j := range t.Partitions {
			if j > 0 && t.Partitions[j].Partition <= t.Partitions[j-1].Partition {
				return false
			}
		}
	}
	return true
}

// onlyLast leaves out topics without partitions, and all but the last records for one
// partition: Kafka puts them into a map. It returns what is left of the records.
func onlyLast(body *kmsg.ProduceRequest, records []wire.Records) []wire.Records {
	left := make(map[wire.TP]int)
	for i := range body.Topics {
		for j := range body.Topics[i].Partitions {
			left[wire.TP{Topic: body.Topics[i].Topic, Partition: body.Topics[i].Partitions[j].Partition}]++
		}
	}
	var topics []kmsg.ProduceRequestTopic
	var kept []wire.Records
	n := 0
	for _, t := range body.Topics {
		var list []kmsg.ProduceRequestTopicPartition
		for _, p := range t.Partitions {
			tp := wire.TP{Topic: t.Topic, Partition: p.Partition}
			if left[tp]--; left[tp] == 0 {
				list, kept = append(list, p), append(kept, records[n])
			}
			n++
		}
		if t.Partitions = list; len(list) > 0 {
			topics = append(topics, t)
		}
	}
	body.Topics = topics
	return kept
}
