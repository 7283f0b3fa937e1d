package log

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// fetched is the answer to a Fetch as it is being made.
type fetchAnswer struct {
	resp    *kmsg.FetchResponse
	records []wire.Records
	size    int64 // bytes of records
	atOnce  bool  // an error, or logs that part: nothing to wait for
}

// fetch reads for a consumer or a follower, and waits if there is too little. What
// a follower asks for tells how far it has got.
func (b *Broker) fetch(now machine.Instant, c *conn, req wire.Request, body *kmsg.FetchRequest, out *machine.Effects) {
	if body.SessionEpoch > 0 {
		// There are no fetch sessions (KIP-227): none was given out.
		resp := kmsg.NewPtrFetchResponse()
		resp.ErrorCode, resp.Topics = wire.FetchSessionIDNotFound, []kmsg.FetchResponseTopic{}
		b.answer(c, &req, resp, nil, out)
		return
	}
	a := b.read(body)
	if body.ReplicaID >= 0 {
		b.noteFollower(now, body, a.resp)
	}
	if a.size >= int64(body.MinBytes) || a.atOnce || body.MaxWaitMillis <= 0 || len(a.records) == 0 {
		b.answerFetch(c, &req, &a, out)
		return
	}
	x := &parkedFetch{conn: c, req: req, body: body, until: now.Add(time.Duration(body.MaxWaitMillis) * time.Millisecond)}
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			if p, code := b.lookup(t.Topic, t.Partitions[j].Partition); code == 0 {
				x.parts = append(x.parts, reading{p, t.Partitions[j].FetchOffset, p.State().LeaderEpoch})
			}
		}
	}
	b.parkFetch(x)
}

func (b *Broker) answerFetch(c *conn, req *wire.Request, a *fetchAnswer, out *machine.Effects) {
	out.Work(machine.Work{Bytes: a.size, Partitions: int64(len(a.records))})
	b.answer(c, req, a.resp, a.records, out)
}

// read reads everything that a Fetch asks for, as of now.
func (b *Broker) read(body *kmsg.FetchRequest) fetchAnswer {
	a := fetchAnswer{resp: kmsg.NewPtrFetchResponse()}
	left := int64(body.MaxBytes)
	if body.ReplicaID < 0 {
		left = min(left, int64(b.cfg.Settings.FetchMaxBytes))
	}
	n := 0
	for i := range body.Topics {
		n += len(body.Topics[i].Partitions)
	}
	a.records = make([]wire.Records, 0, n)
	a.resp.Topics = make([]kmsg.FetchResponseTopic, len(body.Topics))
	for i := range body.Topics {
		t, answer := &body.Topics[i], &a.resp.Topics[i]
		*answer = kmsg.NewFetchResponseTopic()
		answer.Topic, answer.Partitions = t.Topic, make([]kmsg.FetchResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			b.readPartition(&a, body, t.Topic, &t.Partitions[j], &answer.Partitions[j], max(left-a.size, 0))
		}
	}
	return a
}

func (b *Broker) readPartition(a *fetchAnswer, body *kmsg.FetchRequest, topic string, want *kmsg.FetchRequestTopicPartition, x *kmsg.FetchResponseTopicPartition, left int64) {
	*x = kmsg.NewFetchResponseTopicPartition()
	x.Partition = want.Partition
	x.HighWatermark, x.LastStableOffset, x.LogStartOffset = -1, -1, -1
	x.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	var records wire.Records
	p, code := b.lookup(topic, want.Partition)
	if code == 0 && body.ReplicaID >= 0 && p.Leads() && !p.Assigned(body.ReplicaID) {
		code = wire.NotLeaderOrFollower
	}
	if code == 0 {
		who := replica.Reader{Follower: body.ReplicaID >= 0, From: want.FetchOffset, LastEpoch: want.LastFetchedEpoch, CurrentEpoch: want.CurrentLeaderEpoch}
		// The first batch is given whole whatever its size, so that the reader can
		// go on (KIP-74).
		r := p.Read(who, int32(min(int64(want.PartitionMaxBytes), left)), a.size == 0)
		records, code = r.Records, r.Code
		if r.Diverges {
			x.DivergingEpoch.Epoch, x.DivergingEpoch.EndOffset = r.DivergeEpoch, r.DivergeOffset
			a.atOnce = true
		}
	}
	if x.ErrorCode = code; code != 0 {
		a.atOnce = true
	} else {
		// Without transactions every committed record is stable.
		x.HighWatermark, x.LastStableOffset, x.LogStartOffset = p.HighWatermark(), p.HighWatermark(), p.LogStart()
	}
	a.size += records.Len()
	a.records = append(a.records, records)
}

// noteFollower takes a follower's fetch as the word that it has what comes before.
func (b *Broker) noteFollower(now machine.Instant, body *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.ErrorCode != 0 || x.DivergingEpoch.EndOffset >= 0 {
				continue
			}
			p := b.partition(wire.TP{Topic: t.Topic, Partition: t.Partitions[j].Partition})
			if p.Fetched(now, body.ReplicaID, t.Partitions[j].FetchOffset) {
				b.touch(p)
			}
			b.ask(p)
		}
	}
}
